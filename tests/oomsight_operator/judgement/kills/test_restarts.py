"""Restarts of the operator and of the agent, and every order of arrival: each kill is counted and announced exactly once."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from tests.oomsight_operator.judgement.build import FIRST_RUN, NOW, SECOND_RUN, memory, row, running
from tests.oomsight_operator.judgement.kills.watch import Watch, counted, oom, restarted, victim

from oomsight_api.incident import Evidence, Incident
from oomsight_operator.judgement.kills.ends import AGENT_WORD_SECONDS
from oomsight_operator.judgement.kills.model import KillSource
from oomsight_operator.judgement.kills.observe import MAX_KILLS

EARLY = oom(evidence=Evidence.COUNTER)
LATE = oom(ordinal=1, pid=7, name="java", evidence=Evidence.BOTH, container_survived=False)


@pytest.mark.parametrize("order", list(permutations(["status", "early", "late", "restart"])), ids="-".join)
def test_whoever_tells_first_it_is_one_kill_that_ended_the_container(order: tuple[str, ...]) -> None:
    watch = Watch()
    status, told = running(), tuple[Incident, ...]()
    for step, what in enumerate(order):
        if what == "restart":
            watch.restart()
        elif what == "status":
            status = restarted(reason="OOMKilled", at=NOW + 1)
        else:
            told = (EARLY,) if what == "early" and told != (LATE,) else (LATE,)
        watch.look(status, *told, at=NOW + 2 + step)
    watch.look(status, *told, at=NOW + 60)

    assert len(watch.announced) == 1
    assert watch.memory.oom_kills == 1
    assert [(kill.ended_container, kill.exit_code, kill.victim_name) for kill in watch.kills] == [(True, 137, "java")]


@pytest.mark.parametrize("order", [("agent", "kubelet"), ("kubelet", "agent")], ids="-".join)
def test_the_second_witness_after_a_restart_is_no_news_even_where_the_kill_stands_in_no_record_any_more(
    order: tuple[str, ...],
) -> None:
    watch = Watch()

    def hear(witness: str, at: float) -> None:
        if witness == "agent":
            watch.look(running(), LATE, at=at)
        else:
            watch.look(restarted(at=NOW + 1), at=at, agent=False)

    hear(order[0], NOW + 2)
    watch.memory = replace(watch.memory, kills=())  # ten others came after it
    watch.restart()
    for seconds in (5, 60):
        hear(order[1], NOW + seconds)

    assert len(watch.announced) == 1
    assert watch.memory.oom_kills == 1
    assert watch.shown == [(1 if order[1] == "kubelet" else 0, True, 1)], "the pod is at risk all the same"


def test_the_kubelets_kill_keeps_its_name_when_its_incident_comes() -> None:
    watch = Watch()
    (first,) = watch.look(restarted(), agent=False)
    watch.look(restarted(), LATE, at=NOW + 20)

    (kill,) = watch.kills
    assert kill.identity == first.identity
    assert (kill.source, kill.incident_id, kill.sequence) == (KillSource.STATUS, "boot-1", 1)


def test_kills_while_the_operator_was_down_are_caught_up_from_what_the_agent_still_tells() -> None:
    watch = Watch()
    watch.look(running(), counted(1, container_survived=True), row=row())
    watch.restart()

    told = [counted(number, at=NOW + 100.0 * number, container_survived=True) for number in (1, 2, 3)]
    caught_up = watch.look(running(), *told, at=NOW + 600, row=row())
    watch.look(running(), *told, at=NOW + 660, row=row())

    assert [kill.sequence for kill in caught_up] == [2, 3]
    assert [kill.sequence for kill in watch.kills] == [1, 2, 3]
    assert watch.memory.oom_kills == 3


def test_an_end_while_the_operator_was_down_is_caught_up_from_the_status() -> None:
    watch = Watch()
    watch.look(running())
    watch.restart()

    (kill,) = watch.look(restarted(at=NOW + 100), at=NOW + 200, since=NOW - 50)

    assert kill.source is KillSource.STATUS


def test_an_agent_that_knows_a_kill_from_the_counter_alone_after_its_restart_tells_no_second_one() -> None:
    watch = Watch()
    by_log = oom("boot-4711", ordinal=1, pid=7, name="java", evidence=Evidence.BOTH, container_survived=True)
    watch.look(running(), by_log)
    watch.look(running(), counted(1), at=NOW + 60)
    watch.restart()
    watch.look(running(), counted(1), at=NOW + 120)
    watch.look(running(), counted(1), at=NOW + 180)

    assert len(watch.announced) == 1
    assert [(kill.incident_id, kill.victim_name) for kill in watch.kills] == [("boot-4711", "java")]


def test_a_counter_that_tells_old_and_new_kills_in_one_counts_the_new_ones() -> None:
    watch = Watch()
    watch.look(running(), counted(1, container_survived=True), counted(2, container_survived=True))
    rest = oom(
        "boot-rest", *(victim(ordinal=number) for number in (1, 2, 3, 4)), evidence=Evidence.COUNTER, container_survived=True
    )

    told = watch.look(running(), rest, at=NOW + 60)
    for operator_restarts in (False, True):
        if operator_restarts:
            watch.restart()
        watch.look(running(), rest, at=NOW + 120)

    assert [(kill.processes, kill.sequence) for kill in told] == [(2, 4)]
    assert len(watch.announced) == 3
    assert watch.memory.oom_kills == 4


def test_a_kill_that_waits_when_the_operator_ends_is_told_by_the_next_once() -> None:
    watch = Watch()
    watch.look(running(), counted(1))
    watch.restart()
    for seconds in (5, 15, 60):
        watch.look(running(), counted(1), at=NOW + seconds)

    assert [kill.sequence for kill in watch.announced] == [1]


def test_a_line_of_the_log_that_comes_after_its_counter_was_told_is_no_second_kill() -> None:
    watch = Watch()
    watch.look(running(), counted(1, container_survived=True))
    unnumbered, numbered = oom("boot-9"), oom("boot-9", ordinal=1, pid=7)
    watch.look(running(), counted(1, container_survived=True), unnumbered, at=NOW + 1)
    for seconds in (2, 30):
        watch.look(running(), counted(1, container_survived=True), numbered, at=NOW + seconds)

    assert len(watch.announced) == 1


def test_a_storm_is_not_counted_again_by_a_restarted_operator() -> None:
    watch = Watch()
    uses = row(FIRST_RUN, memory(limit=1))
    storm = [counted(number + 1, at=NOW + number / 10, container_survived=True) for number in range(MAX_KILLS)]
    watch.look(running(), *storm, at=NOW + 10, row=uses)
    watch.restart()
    again = watch.look(running(), *storm, at=NOW + 20, row=uses)

    assert again == ()
    assert len(watch.announced) == watch.memory.oom_kills == MAX_KILLS


@pytest.mark.parametrize("numbered", [True, False], ids=["with-ordinals", "without"])
def test_many_kills_of_a_run_that_is_gone_are_not_counted_again_by_a_restarted_operator(numbered: bool) -> None:
    watch = Watch()
    storm = [
        oom(f"3b0c5a2e-{number}", at=NOW + number, container_survived=True, **({"ordinal": number} if numbered else {}))
        for number in range(1, 41)
    ]
    gone = restarted(code=1, reason="Error", at=NOW + 100)
    watch.look(running(), *storm, at=NOW + 90, row=row(FIRST_RUN, memory(limit=1)))
    watch.look(gone, *storm, at=NOW + 110, row=row(SECOND_RUN, memory(limit=1)))
    watch.restart()
    again = watch.look(gone, *storm, at=NOW + 120, row=row(SECOND_RUN, memory(limit=1)))
    later = watch.look(gone, *storm, at=NOW + 130, row=row(SECOND_RUN, memory(limit=1)))

    assert (again, later) == ((), ())
    assert len(watch.announced) == watch.memory.oom_kills == 40


def test_runs_of_a_crash_loop_that_no_status_shows_any_more_are_kills_of_their_own() -> None:
    watch = Watch()
    runs = [f"{number:064x}" for number in range(5)]
    told = [
        oom(f"boot-{number}", victim(run, container_name="app", ordinal=1), at=NOW + number, container_survived=False)
        for number, run in enumerate(runs)
    ]

    watch.look(running(run=SECOND_RUN, restarts=5), *told, at=NOW + 60)
    watch.restart()
    watch.look(running(run=SECOND_RUN, restarts=5), *told, at=NOW + 90)

    assert [(kill.container_id, kill.ended_container) for kill in watch.announced] == [(run, True) for run in runs]
    assert watch.memory.oom_kills == 5


def test_a_silent_agent_that_comes_back_completes_what_the_kubelet_told() -> None:
    watch = Watch()
    watch.look(running())
    watch.look(restarted(at=NOW + 10), agent=False, at=NOW + 12)
    back = watch.look(restarted(at=NOW + 10), oom(at=NOW + 9.5, container_survived=False), at=NOW + 300, since=NOW + 290)

    assert back == ()
    assert watch.shown == [(9.5, True, 1)]


@pytest.mark.parametrize("operator_restarts", [False, True], ids=["", "restart"])
def test_a_kill_of_which_only_the_counter_tells_is_that_of_an_end_before_the_counter_was_read(operator_restarts: bool) -> None:
    watch = Watch()
    by_counter = counted(1, at=NOW, not_before_seconds=NOW - 120)  # found by an agent that has just started
    for seconds in (1, 12):
        watch.look(running(), by_counter, at=NOW + seconds, since=NOW - 1)
    if operator_restarts:
        watch.restart()
    for seconds in (14, 60):
        watch.look(restarted(at=NOW - 60), by_counter, at=NOW + seconds, since=NOW - 1)

    assert len(watch.announced) == 1
    assert watch.memory.oom_kills == 1


def test_nothing_waits_longer_than_it_must() -> None:
    watch = Watch()
    watch.look(running(), oom(container_survived=True))
    status = restarted(at=NOW + 3600)
    at = NOW + 3601.0
    looks = 0
    while not watch.look(status, oom(container_survived=True), at=at, until=NOW + 10):
        assert watch.last.due_seconds is not None
        assert watch.last.due_seconds > at
        at = watch.last.due_seconds
        looks += 1

    assert at == NOW + 3600 + AGENT_WORD_SECONDS
    assert looks <= 4
