"""Each kill is counted once, whichever witness tells of it and in whatever order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, SECOND_RUN, end, memory, row, running, waiting

from oomsight_api.report import Container
from oomsight_operator.judgement.kills import (
    CHILD_GRACE_SECONDS,
    MAX_KILLS,
    KillTransition,
    Observation,
    observe_kills,
    pending_until,
)
from oomsight_operator.judgement.model import ContainerHistory, ContainerStatus, KillSource, Termination

LIMIT = 512 * MI
DAY = 86400


def see(
    history: ContainerHistory | None,
    status: ContainerStatus | None,
    uses: Container | None = None,
    at: float = NOW,
    *,
    pod_counter_rose: bool = False,
) -> KillTransition:
    """One step of the container `app`."""
    seen = Observation("app", status, uses, LIMIT, at, DAY, pod_counter_rose)
    return observe_kills(history or ContainerHistory(), seen)


def counted(kills: int, run: str = FIRST_RUN, limit: int = LIMIT) -> Container:
    """A row whose counter stands at `kills`."""
    return row(run, memory(limit=limit), oom_kills=kills)


def restarted(*, code: int = 137, reason: str = "OOMKilled", at: float = NOW) -> ContainerStatus:
    """The first run ended, the second runs."""
    return running(run=SECOND_RUN, restarts=1, last_terminated=end(FIRST_RUN, reason, code, at))


def test_a_killed_container_is_one_kill_however_often_its_last_state_is_seen() -> None:
    first = see(None, restarted())
    second = see(first.history, restarted(), at=NOW + 60)
    third = see(second.history, restarted(), at=NOW + 3000)

    (kill,) = first.new_kills
    assert (kill.source, kill.exit_code, kill.limit_bytes, kill.time_seconds) == (KillSource.STATUS, 137, LIMIT, NOW)
    assert kill.ended_container
    assert second.new_kills == third.new_kills == ()
    assert third.history.kills == (kill,)


def test_the_same_end_as_state_and_then_as_last_state_is_one_kill() -> None:
    dying = ContainerStatus("app", FIRST_RUN, 0, "terminated", terminated=end())
    first = see(None, dying)
    second = see(first.history, restarted())

    assert len(first.new_kills) == 1
    assert second.new_kills == ()
    assert len(second.history.kills) == 1


def test_each_run_of_a_crash_loop_is_a_kill_of_its_own() -> None:
    history: ContainerHistory | None = None
    for index in range(4):
        status = waiting(restarts=index + 1, last_terminated=end(f"{index:064x}", at=NOW + index))
        history = see(history, status, at=NOW + index).history

    assert history is not None
    assert [kill.container_id for kill in history.kills] == [f"{index:064x}" for index in range(4)]


def test_counter_first_and_status_later_is_one_kill_and_no_child() -> None:
    before = see(None, running(), counted(0))
    rise = see(before.history, running(), counted(1), NOW + 10)
    told = see(rise.history, restarted(at=NOW + 10), None, NOW + 12)
    after = see(told.history, restarted(at=NOW + 10), counted(0, SECOND_RUN), NOW + 600)

    assert rise.new_kills == ()
    assert [kill.source for kill in told.new_kills] == [KillSource.STATUS]
    assert len(after.history.kills) == 1


def test_status_first_and_the_runs_counter_later_is_one_kill_and_no_child() -> None:
    before = see(None, running(), counted(0))
    told = see(before.history, restarted(at=NOW + 10), counted(0), NOW + 11)
    late = see(told.history, restarted(at=NOW + 10), counted(3), NOW + 12)
    after = see(late.history, restarted(at=NOW + 10), counted(0, SECOND_RUN), NOW + 13)
    much_later = see(after.history, restarted(at=NOW + 10), counted(0, SECOND_RUN), NOW + 600)

    assert [kill.source for kill in told.new_kills] == [KillSource.STATUS]
    assert late.new_kills == after.new_kills == much_later.new_kills == ()
    assert late.counter_rise == 3
    (kill,) = much_later.history.kills
    assert (kill.source, kill.processes) == (KillSource.STATUS, 3)


def test_a_run_first_sampled_after_its_end_was_told_is_one_kill_and_no_child() -> None:
    told = see(None, restarted())
    late = see(told.history, restarted(), counted(1), NOW + 2)
    after = see(late.history, restarted(), counted(0, SECOND_RUN), NOW + 3)

    assert len(told.new_kills) == 1
    assert late.new_kills == after.new_kills == ()
    assert len(after.history.kills) == 1


def test_a_killed_child_is_told_once_the_kubelet_had_time_to_call_the_container_dead() -> None:
    before = see(None, running(), counted(0), NOW)
    rise = see(before.history, running(), counted(1), NOW + 5)
    waits = see(rise.history, running(), counted(1), NOW + 5 + CHILD_GRACE_SECONDS - 0.1)
    told = see(waits.history, running(), counted(1), NOW + 5 + CHILD_GRACE_SECONDS)
    later = see(told.history, running(), counted(1), NOW + 1000)

    assert rise.new_kills == waits.new_kills == later.new_kills == ()
    assert pending_until(rise.history) == NOW + 5 + CHILD_GRACE_SECONDS
    (kill,) = told.new_kills
    assert (kill.source, kill.sequence, kill.time_seconds, kill.not_before_seconds) == (KillSource.COUNTER, 1, NOW + 5, None)
    assert not kill.ended_container


def test_a_child_is_told_even_when_the_agent_falls_silent_meanwhile() -> None:
    before = see(None, running(), counted(0))
    rise = see(before.history, running(), counted(2), NOW + 5)
    told = see(rise.history, running(), None, NOW + 60)

    assert [kill.processes for kill in told.new_kills] == [2]


def test_oom_killed_with_exit_code_0_after_a_childs_kill_is_no_second_kill() -> None:
    history = see(None, running(), counted(0)).history
    history = see(history, running(), counted(1), NOW + 5).history
    history = see(history, running(), counted(1), NOW + 60).history
    ended = see(history, restarted(code=0, at=NOW + 3600), None, NOW + 3601)

    assert ended.new_kills == ()
    assert [kill.source for kill in ended.history.kills] == [KillSource.COUNTER]


def test_oom_killed_with_exit_code_0_that_no_counter_told_of_is_a_childs_kill() -> None:
    (kill,) = see(None, restarted(code=0)).new_kills

    assert not kill.ended_container


def test_error_137_with_a_rise_of_the_counter_is_corrected_to_an_oom_kill() -> None:
    history = see(None, running(), counted(0)).history
    history = see(history, running(), counted(1), NOW + 5).history
    told = see(history, restarted(reason="Error", at=NOW + 5), None, NOW + 7)

    (kill,) = told.new_kills
    assert (kill.source, kill.exit_code, kill.ended_container) == (KillSource.COUNTER, 137, True)


def test_error_137_is_corrected_by_the_pods_counter_when_the_container_died_between_two_samples() -> None:
    history = see(None, running(), counted(0)).history
    told = see(history, restarted(reason="Error"), None, NOW + 2, pod_counter_rose=True)

    assert [kill.ended_container for kill in told.new_kills] == [True]


@pytest.mark.parametrize(("reason", "code"), [("Error", 137), ("Error", 1), ("Completed", 0), ("ContainerCannotRun", 128)])
def test_an_end_without_any_sign_of_oom_is_no_kill(reason: str, code: int) -> None:
    history = see(None, running(), counted(0)).history

    assert see(history, restarted(reason=reason, code=code)).new_kills == ()


def test_a_rise_before_an_ordinary_end_was_a_childs_kill() -> None:
    history = see(None, running(), counted(0)).history
    history = see(history, running(), counted(1), NOW + 5).history
    told = see(history, restarted(reason="Completed", code=0, at=NOW + 8), None, NOW + 9)

    assert [(kill.source, kill.ended_container) for kill in told.new_kills] == [(KillSource.COUNTER, False)]


def test_an_end_that_is_told_long_after_a_childs_kill_was_announced_corrects_the_record_silently() -> None:
    history = see(None, running(), counted(0)).history
    history = see(history, running(), counted(1), NOW).history
    announced = see(history, running(), counted(1), NOW + 12)
    corrected = see(announced.history, restarted(at=NOW + 1), None, NOW + 30)

    assert len(announced.new_kills) == 1
    assert corrected.new_kills == ()
    assert [(kill.source, kill.ended_container) for kill in corrected.history.kills] == [(KillSource.STATUS, True)]


def test_a_kill_from_before_the_operators_start_is_known_and_told_when_recent() -> None:
    recent = see(None, restarted(at=NOW - 600))
    old = see(None, restarted(at=NOW - 2 * DAY))

    assert len(recent.new_kills) == 1
    assert old.new_kills == ()
    assert len(old.history.kills) == 1


def test_a_kill_that_the_restored_history_knows_is_not_told_again() -> None:
    known = see(None, restarted()).history.kills
    restored = ContainerHistory(kills=known)

    again = see(restored, restarted(), counted(0, SECOND_RUN), NOW + 30)

    assert again.new_kills == ()
    assert again.history.kills == known


def test_a_counter_that_rose_before_the_first_look_is_a_past_kill_of_unknown_moment() -> None:
    started = running(started=NOW - 3600)
    told = see(see(None, started, counted(3), NOW).history, started, counted(3), NOW + 20)

    (kill,) = told.new_kills
    assert (kill.processes, kill.not_before_seconds, kill.time_seconds) == (3, NOW - 3600, NOW)


def test_a_childs_kill_that_the_restored_history_knows_is_not_counted_again() -> None:
    history = see(None, running(), counted(2)).history
    known = see(history, running(), counted(2), NOW + 20).history.kills
    restored = ContainerHistory(kills=known)

    history = see(restored, running(), counted(3), NOW + 30).history
    told = see(history, running(), counted(3), NOW + 60)

    assert [(kill.processes, kill.sequence) for kill in told.new_kills] == [(1, 3)]


def test_a_new_run_starts_a_new_counter() -> None:
    history = see(None, running(), counted(5)).history
    history = see(history, restarted(), counted(0, SECOND_RUN), NOW + 5).history
    history = see(history, restarted(), counted(1, SECOND_RUN), NOW + 50).history
    told = see(history, restarted(), counted(1, SECOND_RUN), NOW + 100)

    assert [(kill.container_id, kill.processes) for kill in told.new_kills] == [(SECOND_RUN, 1)]


def test_a_counter_that_cannot_be_read_for_a_while_loses_and_doubles_nothing() -> None:
    unreadable = row(FIRST_RUN, memory(limit=LIMIT))
    history = see(None, running(), counted(1)).history
    history = see(history, running(), counted(1), NOW + 20).history
    history = see(history, running(), unreadable, NOW + 30).history
    history = see(history, running(), counted(2), NOW + 40).history
    told = see(history, running(), counted(2), NOW + 60)

    assert [kill.sequence for kill in told.new_kills] == [2]


def test_a_nodes_clock_that_is_years_ahead_keeps_no_kill_recent_for_good() -> None:
    (kill,) = see(None, restarted(at=NOW + 9e9)).new_kills

    assert kill.time_seconds == NOW


def test_the_limit_of_a_kill_is_what_the_kernel_enforced_on_that_run() -> None:
    history = see(None, running(), counted(0, limit=256 * MI)).history
    (kill,) = see(history, restarted(), None, NOW + 5).new_kills

    assert kill.limit_bytes == 256 * MI


def test_an_end_without_container_id_or_time_is_still_one_kill() -> None:
    status = waiting(restarts=1, last_terminated=Termination(None, "OOMKilled", 137))
    first = see(None, status)
    second = see(first.history, status, at=NOW + 5)

    assert len(first.new_kills) == 1
    assert len(second.history.kills) == 1


def test_what_is_remembered_is_bounded() -> None:
    history = ContainerHistory()
    for index in range(3 * MAX_KILLS):
        status = waiting(restarts=index, last_terminated=end(f"{index:064x}", at=NOW + index))
        history = see(history, status, at=NOW + index).history

    assert len(history.kills) == MAX_KILLS
    assert history.kills[-1].container_id == f"{3 * MAX_KILLS - 1:064x}"
    assert len(history.ended_container_ids) < 10


RUNS = st.sampled_from(["a" * 64, "b" * 64, "c" * 64, None])
ENDS = st.builds(
    Termination,
    container_id=RUNS,
    reason=st.sampled_from(["OOMKilled", "Error", "Completed", None]),
    exit_code=st.sampled_from([0, 1, 137, None]),
    started_at_seconds=st.none(),
    finished_at_seconds=st.one_of(st.none(), st.floats(NOW - DAY, NOW)),
)
STATUSES = st.one_of(
    st.none(),
    st.builds(
        ContainerStatus,
        name=st.just("app"),
        container_id=RUNS,
        restart_count=st.integers(0, 3),
        state=st.sampled_from(["waiting", "running", "terminated", "unknown"]),
        terminated=st.one_of(st.none(), ENDS),
        last_terminated=st.one_of(st.none(), ENDS),
    ),
)
ROWS = st.one_of(st.none(), st.builds(counted, st.integers(0, 5), st.sampled_from(["a" * 64, "b" * 64])))


@given(st.lists(st.tuples(STATUSES, ROWS, st.booleans()), max_size=8))
def test_whatever_is_seen_no_kill_is_told_twice_and_seeing_it_again_tells_nothing(
    steps: list[tuple[ContainerStatus | None, Container | None, bool]],
) -> None:
    history = ContainerHistory()
    told: list[tuple[str, str, str]] = []
    for index, (status, uses, rose) in enumerate(steps):
        moment = NOW + 20.0 * index
        step = see(history, status, uses, moment, pod_counter_rose=rose)
        again = see(step.history, status, uses, moment, pod_counter_rose=rose)
        told += [kill.identity for kill in step.new_kills]
        assert again.new_kills == ()
        assert replace(again.history, ended_container_ids=()) == replace(step.history, ended_container_ids=())
        history = step.history

    assert len(told) == len(set(told))
    assert len({kill.identity for kill in history.kills}) == len(history.kills)
