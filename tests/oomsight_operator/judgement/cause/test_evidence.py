"""What the rules ask of a kill: whose limit, what need, which kills before."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.judgement.cause.build import (
    MI,
    NODE,
    NOW,
    OTHER,
    RUN,
    child_kill,
    context,
    earlier,
    held,
    incident,
    kill,
    sample,
    victim,
)

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.evidence import earlier_at_this_limit, limit_at_kill, need_before, own_limit, went_on
from oomsight_operator.judgement.cause.rules import judge_cause
from oomsight_operator.judgement.kills.model import KillSource


def test_the_limit_at_the_kill_beats_that_of_the_last_sample() -> None:
    """An in-place resize, or a restart with another limit."""
    assert own_limit(kill(limit=None, before=sample(limit=256 * MI))) == 256 * MI
    assert own_limit(kill(limit=128 * MI, before=sample(limit=256 * MI))) == 128 * MI
    assert own_limit(kill(limit=None)) is None


def test_a_limit_of_zero_is_none_and_the_nodes_memory_is_no_limit() -> None:
    assert limit_at_kill(kill(limit=0), context()) is None
    assert limit_at_kill(kill(NODE, memory=held(limit=512 * MI)), context()) is None


def test_a_kill_is_not_its_own_predecessor() -> None:
    """Neither under its own name nor as another witness told of it a second before."""
    told = replace(kill(), incident_id="boot-7")
    as_counter = replace(kill(at=NOW - 1.0, source=KillSource.COUNTER), incident_id="boot-7")
    other = replace(kill(at=NOW - 60.0, source=KillSource.COUNTER), incident_id="boot-6")

    assert earlier_at_this_limit(told, context(earlier_kills=(told, as_counter, other))) == (other,)


def test_kills_after_it_outside_the_window_or_at_another_limit_are_no_predecessors() -> None:
    past = (*earlier(-60.0, 0.0, 90_000.0), *earlier(60.0, limit=MI))

    assert earlier_at_this_limit(kill(), context(earlier_kills=past)) == ()
    assert len(earlier_at_this_limit(kill(), context(earlier_kills=past, window=None))) == 1


def test_what_the_container_needed_says_nothing_of_a_limit_inside_it() -> None:
    inside = incident(victim(), limit_cgroup=f"/kubepods/burstable/podx/{RUN}/build")
    killed = child_kill(OTHER, memory=held(64 * MI, 64 * MI, anon=60 * MI), before=sample(400 * MI))

    assert need_before(killed) is None
    assert judge_cause(killed, context(incident=inside)).cause is Cause.UNKNOWN


def test_whether_the_first_victims_container_survived_says_nothing_of_another() -> None:
    first_of_another = incident(victim(30, run="f" * 64), victim(17), container_survived=False)

    assert went_on(child_kill(), context(incident=first_of_another))
    assert not went_on(child_kill(), context(incident=incident(victim(17), container_survived=False)))


def test_a_limit_that_the_kernel_cut_to_whole_pages_is_the_same() -> None:
    """500M of a spec is 499998720 in the cgroup: the kubelet's kills are told with the one, the agent's with the other."""
    assert len(earlier_at_this_limit(kill(limit=500_000_000), context(earlier_kills=earlier(60.0, limit=499_998_720)))) == 1
