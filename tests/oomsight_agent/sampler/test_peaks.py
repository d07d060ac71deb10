from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.sampler.peaks import highest, interval_peak

BYTES = st.none() | st.integers(0, 2**62)


def test_a_spike_between_two_samples_is_the_intervals_peak() -> None:
    assert interval_peak(usage_before=10, usage=12, peak_before=50, peak=90) == 90


def test_without_a_new_record_the_higher_sample_is_the_best_that_can_be_said() -> None:
    assert interval_peak(usage_before=30, usage=12, peak_before=50, peak=50) == 30
    assert interval_peak(usage_before=12, usage=30, peak_before=50, peak=50) == 30


def test_at_the_first_sample_an_old_record_is_not_the_intervals() -> None:
    assert interval_peak(usage_before=None, usage=12, peak_before=None, peak=90) == 12


def test_a_kernel_without_a_peak_gives_the_higher_sample() -> None:
    assert interval_peak(30, 12, None, None) == 30
    assert interval_peak(None, None, None, None) is None


@given(BYTES, BYTES, BYTES, BYTES)
def test_the_peak_is_never_below_what_was_sampled_unless_the_kernel_says_so(
    before: int | None, usage: int | None, peak_before: int | None, peak: int | None
) -> None:
    result = interval_peak(before, usage, peak_before, peak)
    assert result in {before, usage, peak}
    if result != peak:
        assert result == highest(before, usage)
