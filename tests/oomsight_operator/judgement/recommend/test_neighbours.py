"""What jumped in the namespace lately, and of whom it is expected."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_operator.judgement.recommend.neighbours import (
    NOBODY,
    Expected,
    Leap,
    Neighbour,
    Neighbourhood,
    expected,
    leaps_of,
)

HOUR = 400_000


def around(*leaps: Leap, known: int = 10) -> Neighbourhood:
    """Each leap of another container."""
    return Neighbourhood(tuple(Neighbour(f"uid-{index}", "app", (leap,)) for index, leap in enumerate(leaps)), known)


def test_one_alone_may_have_had_a_reason_of_its_own() -> None:
    six = Leap(HOUR, 30 * MI, 6 * MI)

    assert expected(around(six), 40 * MI, HOUR, 1.0) is None
    assert expected(around(six, six), 40 * MI, HOUR, 1.0) == Expected(6 * MI, 2, 0)


def test_as_far_as_the_second_of_them_went() -> None:
    found = expected(
        around(Leap(HOUR, 30 * MI, 90 * MI), Leap(HOUR - 5, 30 * MI, 6 * MI), Leap(HOUR, 30 * MI, MI)), 40 * MI, HOUR, 1.0
    )

    assert found == Expected(6 * MI, 2, 0)


def test_a_much_larger_neighbours_ups_and_downs_say_nothing() -> None:
    large = Leap(HOUR, GI, 60 * MI)

    assert expected(around(large, large), 40 * MI, HOUR, 1.0) is None
    assert expected(around(large, large), 600 * MI, HOUR, 1.0) is not None


def test_in_a_large_namespace_a_tenth_must_have_jumped() -> None:
    six = Leap(HOUR, 30 * MI, 6 * MI)

    assert expected(around(*[six] * 9, known=100), 40 * MI, HOUR, 1.0) is None
    assert expected(around(*[six] * 10, known=100), 40 * MI, HOUR, 1.0) == Expected(6 * MI, 10, 0)


def test_it_counts_in_full_for_a_day_half_after_two_and_not_at_all_after_three() -> None:
    six = around(Leap(HOUR, 30 * MI, 6 * MI), Leap(HOUR, 30 * MI, 6 * MI))
    found = [expected(six, 40 * MI, HOUR + hours, 1.0) for hours in (0, 24, 48, 71, 72)]

    assert [each.by_bytes // MI if each is not None else None for each in found] == [6, 6, 3, 2, None]


def test_a_track_tells_its_jumps_of_the_last_days_in_bytes() -> None:
    jumped = seen(36 * MI, 0, state=seen(30 * MI, 100, until=1e9), until=1e9 + 3600)
    old = seen(36 * MI, 80, state=jumped, until=1e9 + 90 * 3600)

    assert leaps_of(jumped.unreclaimable) == (Leap(int(1e9) // 3600 + 1, 30 * MI, 6 * MI),)
    assert leaps_of(old.unreclaimable) == leaps_of(seen(GI, 100).unreclaimable) == leaps_of(None) == ()


@given(
    st.lists(st.builds(Leap, st.integers(0, 10**7), st.integers(0, 2**60), st.integers(0, 2**60)), max_size=8),
    st.integers(0, 10_000),
    st.integers(1, 2**60),
    st.integers(0, 10**7),
)
def test_never_further_than_any_neighbour_went(leaps: list[Leap], known: int, level: int, hour: int) -> None:
    found = expected(around(*leaps, known=known), level, hour, 1.0)

    assert found is None or 0 < found.by_bytes <= max(leap.by_bytes for leap in leaps)
    assert expected(NOBODY, level, hour, 1.0) is None
