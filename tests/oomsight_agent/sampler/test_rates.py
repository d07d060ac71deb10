import pytest

from oomsight_agent.sampler.rates import rate


def test_events_per_second_between_two_readings() -> None:
    assert rate(100, 350, 10.0) == 25.0
    assert rate(100, 100, 10.0) == 0.0


@pytest.mark.parametrize(
    ("before", "now", "span"),
    [(None, 5, 10.0), (5, None, 10.0), (9, 5, 10.0), (5, 6, 0.1), (5, 6, 0.0)],
    ids=["first reading", "no longer there", "a new cgroup under the same name", "too short to tell", "no time at all"],
)
def test_otherwise_the_rate_is_unknown_and_not_zero(before: int | None, now: int | None, span: float) -> None:
    assert rate(before, now, span) is None
