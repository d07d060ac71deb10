"""What is announced when, and what the record says in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, SECOND_RUN, end, memory, row, running
from tests.oomsight_operator.judgement.kills.watch import LIMIT, Watch, counted, oom, restarted, victim

from oomsight_api.incident import Evidence, Incident, KillMemory, LastSample, OomScope
from oomsight_api.recommendation import KillOutcome
from oomsight_operator.judgement.kills.ends import CHILD_GRACE_SECONDS, AgentWord
from oomsight_operator.judgement.kills.model import KillSource
from oomsight_operator.judgement.kills.observe import Observation, observe_kills
from oomsight_operator.judgement.model import ContainerHistory, ContainerStatus, Termination


def test_an_end_of_which_nobody_tells_when_it_was_waits_for_no_witness() -> None:
    """As of a run that the kubelet lost (ContainerStatusUnknown): it would be judged anew every ten seconds for ever."""
    status = ContainerStatus("app", SECOND_RUN, 1, "running", last_terminated=end(reason="ContainerStatusUnknown", at=None))
    seen = Observation("app", status, None, LIMIT, NOW, 3600, agent=AgentWord(NOW - 3600, NOW))
    transition = observe_kills(ContainerHistory(), seen)
    assert (transition.new_kills, transition.due_seconds) == ((), None)


def test_a_childs_kill_in_a_container_that_lives_on_is_told_at_once_and_once() -> None:
    watch = Watch()
    told = oom(pid=17, name="worker", container_survived=True)

    (kill,) = watch.look(running(), told)
    again = watch.look(running(), told, at=NOW + 60)

    assert not kill.ended_container
    assert (kill.victim_pid, kill.victim_name, kill.scope, kill.incident_id) == (17, "worker", OomScope.CONTAINER, "boot-1")
    assert kill.source is KillSource.KERNEL_LOG
    assert again == ()


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(oom(container_survived=False), id="nothing-left-in-it"),
        pytest.param(oom(is_container_init=True), id="its-first-process"),
        pytest.param(oom(is_container_init=True, container_survived=True), id="its-first-process-while-the-others-still-die"),
        pytest.param(oom("boot-1", victim(pid=1), victim(pid=2), oom_group=True), id="all-of-it-together"),
    ],
)
def test_a_killed_container_is_told_at_once_and_completed_by_the_kubelet_later(told: Incident) -> None:
    watch = Watch()

    (kill,) = watch.look(running(), told)
    completed = watch.look(restarted(at=NOW + 2), told, at=NOW + 4)

    assert kill.ended_container
    assert kill.exit_code is None
    assert completed == ()
    assert [(kill.exit_code, kill.ended_container, kill.time_seconds) for kill in watch.kills] == [(137, True, NOW)]
    assert watch.kills[0].identity == kill.identity


def test_a_kill_of_a_container_that_goes_on_all_the_same_was_a_childs_and_is_not_told_twice() -> None:
    watch = Watch()
    told, lives = oom(container_survived=False), row(process_count=1)

    watch.look(running(), told, row=lives)
    early = watch.look(running(), told, at=NOW + CHILD_GRACE_SECONDS - 1, row=lives)
    due = watch.last.due_seconds
    assert [kill.ended_container for kill in watch.kills] == [True]
    later = watch.look(running(), told, at=NOW + CHILD_GRACE_SECONDS, row=lives)
    again = watch.look(running(), told, at=NOW + 60, row=lives)

    assert due == NOW + CHILD_GRACE_SECONDS
    assert [kill.ended_container for kill in watch.kills] == [False]
    assert (early, later, again) == ((), (), ())
    assert [(each.outcome, each.processes) for each in watch.memory.kills] == [(KillOutcome.CONTAINER_WENT_ON, 1)]
    assert watch.memory.oom_kills == 1


@pytest.mark.parametrize(
    ("status", "more"),
    [
        pytest.param(running(), {"row": row(process_count=0)}, id="nobody-is-left-in-it"),
        pytest.param(running(), {}, id="its-cgroup-is-gone"),
        pytest.param(running(), {"row": row(process_count=1), "agent": False}, id="the-agent-is-silent"),
        pytest.param(running(), {"row": row(process_count=1), "until": NOW + 1}, id="the-sample-is-of-the-kill"),
        pytest.param(running(), {"row": row(process_count=1), "at": NOW + 1, "until": NOW + 90}, id="the-nodes-clock-is-ahead"),
        pytest.param(running(run=SECOND_RUN), {"row": row(SECOND_RUN, process_count=1)}, id="the-next-run"),
    ],
)
def test_what_does_not_show_that_the_run_goes_on_takes_no_end_back(status: ContainerStatus, more: dict[str, Any]) -> None:
    watch = Watch()
    told = oom(container_survived=False)
    watch.look(running(), told)

    watch.look(status, told, **{"at": NOW + 60, **more})

    assert [kill.ended_container for kill in watch.kills] == [True]


def test_a_group_inside_a_container_is_not_the_container() -> None:
    nested = victim(pid=7, cgroup=f"/kubepods/poduid-1/{FIRST_RUN}/job-1")
    watch = Watch()

    watch.look(running(), oom("boot-1", nested, oom_group=True))
    told = watch.look(running(), oom("boot-1", nested, oom_group=True, container_survived=True), at=NOW + 1)

    assert [kill.ended_container for kill in told] == [False]


def test_that_a_container_is_a_group_does_not_say_that_it_died() -> None:
    watch = Watch()
    first = watch.look(running(), counted(1, oom_group=True))
    told = watch.look(running(), counted(1, oom_group=True, container_survived=True), at=NOW + 0.3)

    assert first == ()
    assert [kill.ended_container for kill in told] == [False]


def test_a_kill_of_which_nobody_knows_whether_the_container_died_waits_for_the_kubelet() -> None:
    watch = Watch()

    first = watch.look(running(), counted(1))
    due = watch.last.due_seconds
    waits = watch.look(running(), counted(1), at=NOW + CHILD_GRACE_SECONDS - 0.1)
    told = watch.look(running(), counted(1), at=NOW + CHILD_GRACE_SECONDS)
    later = watch.look(running(), counted(1), at=NOW + 1000)

    assert first == waits == later == ()
    assert due == NOW + CHILD_GRACE_SECONDS
    assert [(kill.source, kill.sequence, kill.ended_container) for kill in told] == [(KillSource.COUNTER, 1, False)]


def test_a_waiting_kill_is_told_as_soon_as_the_agent_knows_more() -> None:
    watch = Watch()
    watch.look(running(), oom())

    told = watch.look(running(), oom(container_survived=True), at=NOW + 0.3)

    assert [kill.ended_container for kill in told] == [False]


def test_a_waiting_kill_is_told_even_when_the_agent_falls_silent() -> None:
    watch = Watch()
    watch.look(running(), counted(1))

    told = watch.look(running(), agent=False, at=NOW + 60)

    assert [kill.sequence for kill in told] == [1]


def test_a_container_that_outlived_a_childs_kill_by_seconds_is_corrected_in_the_record_and_not_told_twice() -> None:
    watch = Watch()
    told = oom(container_survived=True)
    announced = watch.look(running(), told)

    ended = watch.look(restarted(reason="Error", at=NOW + 3), told, at=NOW + 5)
    after = watch.look(restarted(reason="Error", at=NOW + 3), told, at=NOW + 600)

    assert [kill.ended_container for kill in announced] == [False]
    assert ended == after == ()
    assert watch.shown == [(0, True, 1)]
    assert watch.kills[0].exit_code == 137


def test_oom_killed_with_exit_code_0_after_a_childs_kill_is_no_second_kill() -> None:
    watch = Watch()
    told = oom(container_survived=True)
    watch.look(running(), told)

    watch.look(restarted(code=0, at=NOW + 3600), told, at=NOW + 3601)
    watch.look(restarted(code=0, at=NOW + 3600), agent=False, at=NOW + 7200)

    assert len(watch.announced) == 1
    assert watch.shown == [(0, False, 1)]


def test_a_sticky_oom_killed_long_after_a_childs_kill_is_no_second_kill_where_the_agent_spoke_throughout() -> None:
    watch = Watch()
    told = oom(container_survived=True)
    watch.look(running(), told)

    watch.look(restarted(at=NOW + 3600), told, at=NOW + 3601)
    due = watch.last.due_seconds
    watch.look(restarted(at=NOW + 3600), told, at=NOW + 3610)
    watch.look(restarted(at=NOW + 3600), told, at=NOW + 9000)

    assert due == NOW + 3610
    assert len(watch.announced) == 1
    assert watch.shown == [(0, False, 1)]


@pytest.mark.parametrize("since", [NOW + 3601, None], ids=["agent started after that", "agent silent"])
def test_a_sticky_oom_killed_counts_where_no_agent_could_have_seen_its_end(since: float | None) -> None:
    watch = Watch()
    told = oom(container_survived=True)
    watch.look(running(), told)

    status = restarted(at=NOW + 3600)
    for at in (NOW + 3602, NOW + 3700):
        watch.look(status, told, at=at, agent=since is not None, since=since or 0.0)

    assert [kill.source for kill in watch.announced] == [KillSource.KERNEL_LOG, KillSource.STATUS]
    assert watch.shown == [(0, False, 1), (3600, True, 1)]


def test_a_sticky_word_waits_for_a_later_sample_of_the_agent_before_it_is_called_so() -> None:
    watch = Watch()
    child = oom(container_survived=True)
    watch.look(running(), child)
    status = restarted(at=NOW + 3600)

    watch.look(status, child, at=NOW + 3612, until=NOW + 3599)
    assert watch.last.due_seconds == NOW + 3622
    (kill,) = watch.look(status, child, oom("boot-2", at=NOW + 3600), at=NOW + 3615)

    assert kill.ended_container
    assert watch.shown == [(0, False, 1), (3600, True, 1)]


def test_error_137_with_an_incident_near_is_corrected_to_an_oom_kill() -> None:
    watch = Watch()
    watch.look(running(), counted(1))

    (kill,) = watch.look(restarted(reason="Error", at=NOW + 1), counted(1), at=NOW + 2)

    assert (kill.ended_container, kill.exit_code) == (True, 137)
    assert watch.look(restarted(reason="Error", at=NOW + 1), counted(1), at=NOW + 60) == ()


@pytest.mark.parametrize("seconds", [2, 8, 300])
def test_error_137_is_corrected_by_an_incident_that_comes_later(seconds: float) -> None:
    watch = Watch()
    status = restarted(reason="Error")
    watch.look(running(), at=NOW - 5)
    watch.look(status, at=NOW + 1)
    watch.look(status, at=NOW + seconds - 0.5)

    told = watch.look(status, counted(1, at=NOW - 0.5), at=NOW + seconds)
    watch.look(status, counted(1, at=NOW - 0.5), at=NOW + 900)

    assert [(kill.ended_container, kill.exit_code) for kill in told] == [(True, 137)]
    assert len(watch.announced) == 1


@pytest.mark.parametrize("agent", [True, False])
@pytest.mark.parametrize(("reason", "code"), [("Error", 137), ("Error", 1), ("Completed", 0), ("ContainerCannotRun", 128)])
def test_an_end_without_any_sign_of_oom_is_no_kill(reason: str, code: int, agent: bool) -> None:
    watch = Watch()
    for at in (NOW + 1, NOW + 11, NOW + 600):
        watch.look(restarted(reason=reason, code=code), at=at, agent=agent)

    assert watch.announced == []
    assert watch.kills == ()


def test_a_kill_that_waited_before_an_ordinary_end_was_a_childs() -> None:
    watch = Watch()
    watch.look(running(), counted(1))

    told = watch.look(restarted(reason="Completed", code=0, at=NOW + 3), counted(1), at=NOW + 4)

    assert [kill.ended_container for kill in told] == [False]


def test_without_any_agent_the_status_stands_alone() -> None:
    watch = Watch()
    first = watch.look(restarted(), agent=False)
    watch.look(restarted(), agent=False, at=NOW + 60)
    dying = ContainerStatus("app", SECOND_RUN, 1, "terminated", terminated=end(SECOND_RUN, at=NOW + 90))
    watch.look(dying, agent=False, at=NOW + 90)

    assert [(kill.source, kill.exit_code, kill.limit_bytes) for kill in first] == [(KillSource.STATUS, 137, LIMIT)]
    assert [kill.container_id for kill in watch.announced] == [FIRST_RUN, SECOND_RUN]


def test_without_any_agent_oom_killed_with_exit_code_0_is_a_childs_kill() -> None:
    watch = Watch()

    (kill,) = watch.look(restarted(code=0), agent=False)

    assert not kill.ended_container


def test_the_end_of_a_run_is_told_once_whatever_died_with_it() -> None:
    watch = Watch()
    child = oom("boot-1", pid=20, at=NOW, container_survived=False)
    own = oom("boot-2", pid=10, at=NOW + 0.1, is_container_init=True)

    watch.look(running(), child, own, at=NOW + 1)
    watch.look(restarted(at=NOW + 1), child, own, at=NOW + 3)

    assert [(kill.incident_id, kill.ended_container) for kill in watch.announced] == [("boot-1", False), ("boot-2", True)]
    assert [kill.exit_code for kill in watch.kills] == [None, 137]


def test_several_victims_of_one_incident_in_one_container_are_one_kill() -> None:
    watch = Watch()
    group = oom("boot-1", victim(pid=1, ordinal=1), victim(pid=2, ordinal=2), oom_group=True, victim_count=1000)

    (kill,) = watch.look(running(), group)

    assert (kill.processes, kill.sequence) == (1000, 2)


def test_an_incident_that_grows_by_victims_is_still_one_kill() -> None:
    watch = Watch()
    watch.look(running(), oom("boot-1", victim(pid=1), container_survived=True))
    grown = watch.look(running(), oom("boot-1", victim(pid=1), victim(pid=2), container_survived=True), at=NOW + 1)

    assert grown == ()
    assert watch.shown == [(0, False, 2)]
    assert watch.memory.oom_kills == 2


def test_what_becomes_known_later_completes_the_record() -> None:
    watch = Watch()
    held = KillMemory(usage_bytes=LIMIT, anon_bytes=400 * MI)
    before = LastSample(age_seconds=3.0, working_set_bytes=300 * MI, limit_bytes=256 * MI)
    watch.look(running(), counted(1, scope=None, container_survived=True), at=NOW + 1)
    fuller = oom(f"boot-{FIRST_RUN[:12]}-1", ordinal=1, pid=5, name="java", memory=held, before=before, evidence=Evidence.BOTH)
    watch.look(running(), fuller, at=NOW + 2)

    (kill,) = watch.kills
    assert (kill.scope, kill.victim_name, kill.memory, kill.before) == (OomScope.CONTAINER, "java", held, before)
    assert kill.source is KillSource.KERNEL_LOG
    assert len(watch.announced) == 1


def test_the_limit_of_a_kill_is_what_the_kernel_enforced_on_that_run() -> None:
    sampled, told, status = Watch(), Watch(), Watch()
    uses = row(FIRST_RUN, memory(limit=256 * MI))
    sampled.look(running(), oom(container_survived=True), row=uses)
    told.look(running(), oom(container_survived=True, before=LastSample(age_seconds=1.0, limit_bytes=128 * MI)), row=uses)
    status.look(running(), row=uses)
    status.look(restarted(), at=NOW + 5)

    assert [watch.kills[0].limit_bytes for watch in (sampled, told, status)] == [256 * MI, 128 * MI, 256 * MI]


@pytest.mark.parametrize("looks", [1, 2], ids=["with-its-end", "before-its-end"])
@pytest.mark.parametrize("by_kernel", [False, True])
def test_a_kill_keeps_the_limit_of_its_run_when_the_next_one_is_seen_with_another(*, looks: int, by_kernel: bool) -> None:
    watch = Watch()
    told = (oom(is_container_init=True),) if by_kernel else ()
    watch.look(running(), row=row(FIRST_RUN, memory(limit=256 * MI)), at=NOW - 60)
    if looks == 2:
        watch.look(running(), row=row(SECOND_RUN, memory(limit=LIMIT)), at=NOW + 2)
    watch.look(restarted(), *told, row=row(SECOND_RUN, memory(limit=LIMIT)), at=NOW + 5)

    assert [kill.limit_bytes for kill in watch.kills] == [256 * MI]


def test_the_spec_says_nothing_of_an_unseen_runs_limit_while_the_node_enforces_another_one() -> None:
    resizing, settled = Watch(), Watch()
    resizing.look(restarted(), row=row(SECOND_RUN, memory(limit=256 * MI)), at=NOW + 5)
    settled.look(restarted(), row=row(SECOND_RUN, memory(limit=LIMIT)), at=NOW + 5)

    assert [watch.kills[0].limit_bytes for watch in (resizing, settled)] == [None, LIMIT]


def test_an_end_without_container_id_or_time_is_still_one_kill() -> None:
    watch = Watch()
    status = ContainerStatus("app", None, 1, "waiting", last_terminated=Termination("finished-0/uid-1/app", "OOMKilled", 137))
    watch.look(status, agent=False)
    watch.look(status, agent=False, at=NOW + 5)

    assert len(watch.announced) == len(watch.kills) == 1


def test_a_look_at_which_nothing_happened_keeps_the_history_as_it_is() -> None:
    calm = Observation(
        name="app", status=running(), row=row(uses=memory(limit=LIMIT)), limit_bytes=LIMIT, now_seconds=NOW, recent_kill_seconds=600
    )
    first = observe_kills(ContainerHistory(), calm).history

    assert first.limit_bytes_seen == LIMIT
    assert observe_kills(first, replace(calm, now_seconds=NOW + 60)).history is first
