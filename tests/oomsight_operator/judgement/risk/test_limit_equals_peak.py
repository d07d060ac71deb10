"""LimitEqualsPeak remembers what current usage hides."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, judge, memory, pod, row, spec, subject

from oomsight_api.incident import OomScope
from oomsight_api.names import RiskLevel, RiskReason
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.limit_equals_peak import limit_equals_peak

LIMIT = 512 * MI
DAY = 86400.0


def at(now: int | None, peak: int | None, **more: Any) -> Finding | None:
    uses = memory(now * MI if now is not None else None, LIMIT)
    peak_bytes = peak * MI if peak is not None else None
    return limit_equals_peak(subject(spec(limit=LIMIT), uses, peak_unreclaimable_bytes=peak_bytes, watched_seconds=3 * DAY, **more))


def kill(days_ago: float, limit: int = LIMIT, scope: OomScope | None = None) -> Kill:
    return Kill(NOW - days_ago * DAY, "app", FIRST_RUN, KillSource.STATUS, limit, exit_code=137, scope=scope)


def test_calm_now_but_it_has_needed_all_of_its_limit() -> None:
    finding = at(200, 500)

    assert finding is not None
    assert finding.level is RiskLevel.LOW
    assert finding.sentence == (
        "container app: unreclaimable peak 500Mi in the 3 days watched was 97 % of its limit 512Mi, now 200Mi"
    )


def test_a_peak_with_room_above_it_is_what_a_limit_is_for() -> None:
    assert at(200, 480) is None
    assert at(200, 480, risk={"limitEqualsPeakPercent": 90}) is not None


def test_what_is_used_now_speaks_for_itself() -> None:
    assert at(400, 500) is None


def test_use_that_moves_around_nearlimits_threshold_does_not_make_the_two_take_turns() -> None:
    told = {RiskReason.LIMIT_EQUALS_PEAK: RiskLevel.LOW}

    assert at(370, 500) is None
    assert at(370, 500, raised=told) is not None
    assert at(420, 500, raised=told) is None


def test_a_limit_that_killed_before_makes_it_medium() -> None:
    finding = at(200, 500, kills=(kill(3), kill(2)))

    assert finding is not None
    assert finding.level is RiskLevel.MEDIUM
    assert finding.sentence.endswith("now 200Mi; killed 2 times at this limit")


def test_kills_at_another_limit_or_by_the_node_are_not_this_limits() -> None:
    finding = at(200, 500, kills=(kill(3, 256 * MI), kill(2, scope=OomScope.NODE)))

    assert finding is not None
    assert finding.level is RiskLevel.LOW


def test_more_use_never_lowers_the_level() -> None:
    finding = at(370, 500, kills=(kill(3),))

    assert finding is not None
    assert finding.level is RiskLevel.MEDIUM


def test_a_fresh_kill_says_more() -> None:
    assert at(200, 500, kills=(kill(0.5),)) is None


def test_unknown_is_not_judged() -> None:
    assert at(None, 500) is None
    assert at(200, None) is None
    assert limit_equals_peak(subject(spec(), memory(200 * MI), peak_unreclaimable_bytes=500 * MI)) is None


def test_a_peak_is_remembered_from_one_judgement_to_the_next() -> None:
    web = pod(spec(limit=LIMIT, request=LIMIT))
    first, history = judge(web, {"app": row(uses=memory(500 * MI, LIMIT))})
    later, _ = judge(web, {"app": row(uses=memory(100 * MI, LIMIT))}, history, now=NOW + 7200)

    assert first.reasons == (RiskReason.NEAR_LIMIT,)
    assert RiskReason.LIMIT_EQUALS_PEAK in later.reasons
