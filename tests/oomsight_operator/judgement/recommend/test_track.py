"""What a track remembers of hours and days, and what it calls a jump."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI

from oomsight_operator.judgement.recommend.track import LEAST_DAYS, LEVEL_HOURS, MAX_BYTES, PEAK_DAYS, Track, extended

HOUR = 490_000


def track_of(*samples: tuple[int, int]) -> Track:
    """Samples as hour and MiB."""
    found: Track | None = None
    for hour, mib in samples:
        found = extended(found, mib * MI, HOUR + hour)
    assert found is not None
    return found


def test_of_an_hour_and_a_day_the_highest_sample_counts_whichever_replica_gave_it() -> None:
    track = track_of((0, 100), (0, 300), (0, 200), (1, 50))

    assert track.hours == (300 * MI, 50 * MI)
    assert track.peak_bytes == 300 * MI


def test_a_sample_that_tells_nothing_new_gives_the_very_same_track() -> None:
    track = track_of((0, 100))

    assert extended(track, 100 * MI, HOUR) is track
    assert extended(track, 99 * MI, HOUR) is track
    assert extended(track, None, HOUR + 5) is track


def test_a_late_sample_counts_for_the_current_hour() -> None:
    track = track_of((5, 100), (3, 200))

    assert (track.hour, track.hours) == (HOUR + 5, (200 * MI,))


def test_a_peak_is_kept_for_two_weeks_and_then_forgotten() -> None:
    before = track_of((0, 900), *((24 * day, 100) for day in range(1, PEAK_DAYS)))

    assert before.peak_bytes == 900 * MI
    after = extended(before, 100 * MI, HOUR + 24 * PEAK_DAYS)
    assert after is not None
    assert after.peak_bytes == 100 * MI


def test_after_weeks_of_silence_the_last_day_seen_still_counts() -> None:
    track = track_of((0, 900), (24 * 60, 100))

    assert track.peak_bytes == 900 * MI
    assert len(track.days) == LEAST_DAYS


def test_a_rise_above_everything_before_is_a_jump_of_the_whole_hour() -> None:
    track = track_of((0, 100), (1, 100), (2, 110), (2, 125))

    assert [(jump.hour, round(jump.ratio, 3)) for jump in track.jumps] == [(HOUR + 2, 0.25)]


def test_of_a_day_the_largest_jump_is_kept() -> None:
    first = -(HOUR % 24)
    track = track_of((first, 100), (first + 1, 100), (first + 2, 150), (first + 3, 160), (first + 24, 200))

    assert [round(jump.ratio, 3) for jump in track.jumps] == [0.5, 0.25]


def test_a_jump_that_a_later_one_exceeds_is_forgotten() -> None:
    first = -(HOUR % 24)
    track = track_of((first, 100), (first + 1, 100), (first + 2, 110), (first + 24, 150), (first + 48, 160))

    assert [round(jump.ratio, 3) for jump in track.jumps] == [0.364, 0.067]


def test_the_start_and_noise_are_no_jumps() -> None:
    assert track_of((0, 10), (1, 500)).jumps == ()
    assert track_of((0, 1000), (1, 1000), (2, 1009)).jumps == ()


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(-5, 2 * MAX_BYTES)), min_size=1, max_size=80))
def test_whatever_comes_it_stays_bounded_and_nothing_is_above_the_highest(samples: list[tuple[int, int]]) -> None:
    track: Track | None = None
    for hour, amount in samples:
        track = extended(track, amount, hour)

    if track is None:
        assert all(amount < 0 for _, amount in samples)
        return
    assert len(track.hours) <= LEVEL_HOURS
    assert len(track.days) <= PEAK_DAYS
    assert len(track.jumps) <= PEAK_DAYS
    assert track.hours[-1] <= track.peak_bytes <= MAX_BYTES
    assert track.days[-1].day == track.hour // 24
    assert [day.day for day in track.days] == sorted({day.day for day in track.days})
