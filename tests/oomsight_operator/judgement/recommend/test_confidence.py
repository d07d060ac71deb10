"""How much a recommendation may be relied on, and what keeps it from being more."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import DAY, HOUR, seen

from oomsight_api.names import Confidence
from oomsight_operator.judgement.recommend.confidence import confidence_of
from oomsight_operator.judgement.recommend.state import NOTHING, OomFloor, State


def told(state: State, floor: OomFloor | None = None, *, leaking: bool = False) -> str:
    """Confidence and reason in one text."""
    confidence, why = confidence_of(state.unreclaimable, floor, NOW, leaking=leaking)
    assert (why == "") == (confidence is Confidence.HIGH)
    return f"{confidence.value}: {why}"


def test_it_grows_with_what_was_watched() -> None:
    assert told(NOTHING) == "low: no sample of its memory was seen"
    assert told(seen(GI, 5)) == "low: samples of 6 hours only, too few for a whole day"
    assert told(seen(GI, 47)) == "medium: samples of 48 hours only, less than a week"
    assert told(seen(GI, 24 * 8)) == "high: "


def test_a_week_of_jumps_kills_or_a_leak_is_less_worth() -> None:
    calm = seen(GI, 24 * 8)
    jumped = seen(1200 * MI, 0, state=seen(GI, 24 * 8, until=NOW - 2 * HOUR))

    assert told(jumped) == "medium: it rose by 17 % within an hour of the last day"
    assert told(calm, OomFloor(GI, NOW - DAY)).startswith("medium: its limit killed it within the last 7 days")
    assert told(calm, OomFloor(GI, NOW - 8 * DAY)) == "high: "
    assert told(calm, leaking=True) == "low: it leaks, so no limit is enough for ever"
