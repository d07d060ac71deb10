"""How incidents reach an operator: at once, all of them with a whole answer, and what came since with the others."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from oomsight_agent.ledger import Ledger
from oomsight_agent.material import Change
from oomsight_api.incident import Evidence, Incident, KernelLog, OomScope
from oomsight_api.report import Container, NodeReport, encode

FIRST = Incident(id="boot-1", time_seconds=1, evidence=Evidence.COUNTER)
SECOND = Incident(id="boot-2", time_seconds=2, evidence=Evidence.COUNTER)


def sample(seconds: float, *incidents: Incident, **more: Any) -> NodeReport:
    return NodeReport(
        node="n", instance="", cursor="", full=True, time_seconds=seconds, interval_seconds=1, incidents=incidents, **more
    )


def test_a_new_incident_and_one_that_became_clearer_are_urgent_and_the_same_again_is_nothing() -> None:
    ledger = Ledger("i")
    ledger.record(sample(0))
    assert ledger.record(sample(1, FIRST)) is Change.URGENT
    assert ledger.record(sample(2, FIRST)) is Change.NONE
    assert ledger.record(sample(3, replace(FIRST, scope=OomScope.POD))) is Change.URGENT


def test_a_whole_answer_has_all_and_a_delta_what_came_after_its_cursor() -> None:
    ledger = Ledger("i")
    ledger.record(sample(1, FIRST))
    whole = ledger.since("")
    assert whole.incidents == (FIRST,)
    ledger.record(sample(2, SECOND))
    delta = ledger.since(whole.cursor)
    assert (delta.full, delta.incidents) == (False, (SECOND,))
    assert ledger.since(delta.cursor).incidents == ()
    clearer = replace(FIRST, scope=OomScope.CONTAINER)
    ledger.record(sample(3, clearer))
    assert ledger.since(delta.cursor).incidents == (clearer,)
    assert ledger.since("").incidents == (clearer, SECOND)


def test_a_container_that_went_with_its_kill_is_told_with_the_incident_and_no_incident_is_lost() -> None:
    ledger = Ledger("i")
    row = Container(pod_uid="u", container_id="c", cgroup="/c", oom_kills=0)
    ledger.record(sample(0, containers=(row,)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, FIRST, containers=(replace(row, oom_kills=1),)))
    ledger.record(sample(2, SECOND))
    told: set[str] = set()
    removed: list[str] = []
    for _ in range(3):
        answer = ledger.since(cursor)
        cursor = answer.cursor
        told |= {incident.id for incident in answer.incidents}
        removed += answer.removed_container_ids
    assert told == {"boot-1", "boot-2"}
    assert removed == ["c"]


def test_how_the_log_is_read_is_news_that_can_wait() -> None:
    ledger = Ledger("i")
    ledger.record(sample(0, kernel_log=KernelLog(following=True), unattributed_oom_kills=0))
    cursor = ledger.since("").cursor
    assert ledger.record(sample(1, kernel_log=KernelLog(following=True), unattributed_oom_kills=0)) is Change.NONE
    assert (
        ledger.record(sample(2, kernel_log=KernelLog(following=True, records_lost=3), unattributed_oom_kills=0)) is Change.MATERIAL
    )
    assert ledger.record(sample(3, kernel_log=KernelLog(following=False), unattributed_oom_kills=0)) is Change.MATERIAL
    assert ledger.record(sample(4, kernel_log=KernelLog(following=False), unattributed_oom_kills=2)) is Change.MATERIAL
    answer = ledger.since(cursor)
    assert (answer.kernel_log, answer.unattributed_oom_kills) == (KernelLog(following=False), 2)
    assert b"kernel_log" not in encode(replace(answer, kernel_log=None))
