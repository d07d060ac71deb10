"""Hysteresis in time, of each reason by itself."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import MI, NOW, judge, memory, pod, row, spec

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Pressure
from oomsight_operator.judgement.holding import hold, keep, level_of
from oomsight_operator.judgement.model import Finding, PodHistory, ToldFinding

APP = spec("app", request=512 * MI, limit=512 * MI)
NEAR = Finding(RiskReason.NEAR_LIMIT, RiskLevel.HIGH, "near")
NEAR_LOW = Finding(RiskReason.NEAR_LIMIT, RiskLevel.LOW, "not so near")
SWAP = Finding(RiskReason.SWAP_THRASHING, RiskLevel.LOW, "swaps")


def test_a_reason_is_told_at_once_and_taken_back_after_the_hold() -> None:
    first = hold((NEAR, SWAP), (), 1000.0, 300)
    held = hold((NEAR,), first.told, 1010.0, 300)
    gone = hold((NEAR,), held.told, 1310.0, 300)

    assert first.findings == (NEAR, SWAP)
    assert [finding.sentence for finding in held.findings] == ["near", "swaps (no longer so; this falls when that lasts 5 min)"]
    assert held.falls_at_seconds == (1310.0,)
    assert (gone.findings, gone.falls_at_seconds) == ((NEAR,), ())


def test_a_reason_that_got_better_stays_at_its_level_for_the_hold_and_falls_to_what_it_is_then() -> None:
    held = hold((NEAR_LOW,), (ToldFinding(NEAR),), 1000.0, 300)

    assert level_of(held.findings) is RiskLevel.HIGH
    assert hold((NEAR_LOW,), held.told, 1300.0, 300).findings == (NEAR_LOW,)


def test_without_a_measurement_what_was_told_stands_in_its_own_words() -> None:
    assert keep((NEAR_LOW,), (ToldFinding(NEAR),)).findings == (NEAR,)
    assert keep((NEAR,), (ToldFinding(NEAR_LOW),)).findings == (NEAR,)


def test_a_reason_that_trembles_under_a_worse_one_does_not_come_and_go() -> None:
    history, told = PodHistory(), set()
    for minute in range(60):
        stalls = Pressure(full_avg60=6.0 if minute % 3 == 0 else 0.5)
        rows = {"app": row(uses=memory(470 * MI, 512 * MI), pressure=stalls)}
        assessment, history = judge(pod(APP), rows, history, now=NOW + 60.0 * minute)
        told.add(assessment.reasons)

    assert told == {(RiskReason.NEAR_LIMIT, RiskReason.MEMORY_PRESSURE)}


def test_what_an_agent_that_fell_silent_had_told_is_not_said_to_be_over() -> None:
    stalled = {"app": row(uses=memory(470 * MI, 512 * MI), pressure=Pressure(full_avg60=50.0))}
    _, history = judge(pod(APP), stalled)
    silent, _ = judge(pod(APP), None, history, now=NOW + 30)

    assert (silent.level, silent.containers[0].findings) == (RiskLevel.UNKNOWN, ())
