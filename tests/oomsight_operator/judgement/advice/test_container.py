"""Advice from one judgement to the next: it needs time, stays while nothing is measured, and is never a level."""

from __future__ import annotations

from collections.abc import Callable

from tests.oomsight_operator.judgement.build import GI, MI, NOW, judge, memory, pod, row, running, spec, waiting

from oomsight_api.names import Advice, RiskLevel
from oomsight_api.report import Container
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.model import Assessment, ContainerSpec, PodHistory

EQUAL = spec(request=512 * MI, limit=512 * MI)


def advice(assessment: Assessment) -> list[Advice]:
    return [given.advice for container in assessment.containers for given in container.advice]


def watched(
    of: ContainerSpec, minutes: int, told: Callable[[int], Container], *, every: int = 1, pod_row: PodRow | None = None
) -> tuple[Assessment, PodHistory]:
    """Judged once in `every` minutes; the last judgement."""
    state = PodHistory()
    for minute in range(0, minutes + 1, every):
        assessment, state = judge(pod(of), {of.name: told(minute)}, state, now=NOW + 60 * minute, pod_row=pod_row)
    return assessment, state


def bursts(minute: int) -> Container:
    """500Mi in three minutes of each half hour."""
    return row(uses=memory((500 if minute % 30 >= 27 else 150) * MI, 512 * MI))


def test_bursts_are_told_after_an_hour_and_stay_told_also_in_the_midst_of_one() -> None:
    early, _ = watched(EQUAL, 59, bursts)
    calm, _ = watched(EQUAL, 80, bursts)
    bursting, _ = watched(EQUAL, 89, bursts)

    assert advice(early) == []
    assert advice(calm) == advice(bursting) == [Advice.NO_BURST_ROOM]


def test_files_larger_than_the_limit_are_told_after_ten_minutes_and_are_no_risk() -> None:
    def streams(minute: int) -> Container:
        return row(uses=memory(8 * MI, 48 * MI, usage=48 * MI), refaults_per_second=9000.0, major_faults_per_second=0.0)

    engine = spec(request=48 * MI, limit=48 * MI)
    early, _ = watched(engine, 9, streams)
    later, _ = watched(engine, 10, streams)

    assert (advice(early), advice(later)) == ([], [Advice.CACHE_NOT_SIZED])
    assert later.level is RiskLevel.NONE


def test_with_another_limit_what_was_read_again_at_the_old_one_no_longer_counts() -> None:
    def raised(minute: int) -> Container:
        limit = 48 * MI if minute < 30 else 96 * MI
        return row(uses=memory(8 * MI, limit, usage=limit), refaults_per_second=9000.0 if minute < 30 else 300.0)

    engine = spec(request=48 * MI, limit=48 * MI)
    _, soon = watched(engine, 35, raised)
    later, _ = watched(engine, 45, raised)

    assert soon.containers["app"].advice == ()
    assert "300 pages of page cache a second (1.17Mi) were dropped at its limit 96Mi" in later.containers[0].advice[0].sentence


def test_refaults_that_the_node_causes_are_not_the_limits() -> None:
    def roomy(minute: int) -> Container:
        return row(uses=memory(8 * MI, 512 * MI, usage=100 * MI), refaults_per_second=9000.0)

    assert advice(watched(EQUAL, 30, roomy)[0]) == []


def test_a_well_sized_container_is_given_no_advice() -> None:
    calm, _ = watched(
        spec(request=40 * MI, limit=64 * MI), 24 * 60, lambda _: row(uses=memory(39 * MI, 64 * MI, usage=40 * MI, swap=0)), every=10
    )

    assert advice(calm) == []


def test_while_it_restarts_or_its_agent_is_silent_what_was_advised_stays() -> None:
    asks_nothing = spec()
    first, history = judge(pod(asks_nothing), {"app": row(uses=memory(30 * MI))})
    silent, history = judge(pod(asks_nothing), None, history, now=NOW + 60)
    restarting = pod(asks_nothing, statuses=(waiting(restarts=1),))
    waits, history = judge(restarting, {}, history, now=NOW + 90)
    again, _ = judge(pod(asks_nothing), {"app": row(uses=memory(20 * MI))}, history, now=NOW + 120)

    assert advice(first) == advice(silent) == advice(waits) == advice(again) == [Advice.NO_REQUEST]
    assert silent.level is RiskLevel.UNKNOWN


def test_what_was_never_measured_is_given_no_advice() -> None:
    assert advice(judge(pod(spec()), None)[0]) == []
    assert advice(judge(pod(spec(), statuses=(running(),)), {})[0]) == []


def test_swap_without_a_bound_is_told_and_no_level() -> None:
    def swapped(minute: int) -> Container:
        return row(uses=memory(100 * MI, 2 * GI, usage=200 * MI, swap=300 * MI, swap_unlimited=True))

    around = PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(swap_unlimited=True))
    assessment, _ = watched(spec(request=GI, limit=2 * GI), 15, swapped, pod_row=around)

    assert advice(assessment) == [Advice.UNBOUNDED_SWAP]
    assert assessment.level is RiskLevel.NONE
