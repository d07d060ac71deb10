"""Startup: killed before the run had settled."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.judgement.cause.build import MI, NODE, OTHER, POD, context, earlier, held, kill

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause
from oomsight_operator.judgement.kills.model import KillSource


def test_killed_seconds_after_its_start() -> None:
    judged = judge_cause(kill(memory=held(anon=505 * MI)), context(ran=4.0))

    assert judged.cause is Cause.STARTUP
    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 505Mi anonymous (kernel log); that was 4 s after the container started,"
        " too early to tell a leak from a start that needs more"
    )


def test_earlier_kills_at_the_same_limit_are_counted() -> None:
    past = (*earlier(300.0, 600.0), *earlier(900.0, limit=256 * MI), *earlier(90_000.0))

    judged = judge_cause(kill(), context(ran=4.0, earlier_kills=past))

    assert judged.sentence.endswith("a start that needs more; 2 earlier kills known at this limit in 24 h")


def test_after_a_minute_or_of_an_unknown_start_it_is_none() -> None:
    for ran in (61.0, None, -30.0):
        assert judge_cause(kill(), context(ran=ran)).cause is Cause.UNKNOWN
    assert judge_cause(kill(), context(ran=-0.4)).cause is Cause.STARTUP  # the kubelet's whole seconds


def test_the_kubelets_word_alone_needs_a_second_kill() -> None:
    """A node that is short of memory kills what has just started as well."""
    told = kill(None, source=KillSource.STATUS)

    assert judge_cause(told, context(ran=4.0)).cause is Cause.UNKNOWN
    repeated = judge_cause(told, context(ran=4.0, earlier_kills=earlier(300.0)))
    assert repeated.cause is Cause.STARTUP
    assert repeated.sentence.endswith("1 earlier kill known at this limit in 24 h")


def test_earlier_kills_by_the_node_prove_nothing_of_the_limit() -> None:
    by_node = tuple(replace(one, scope=scope) for one, scope in zip(earlier(300.0, 600.0), (NODE, OTHER), strict=True))
    told = kill(None, source=KillSource.STATUS)

    assert judge_cause(told, context(ran=4.0, earlier_kills=by_node)).cause is Cause.UNKNOWN
    assert "earlier kill" not in judge_cause(kill(), context(ran=4.0, earlier_kills=by_node)).sentence


def test_whose_limit_it_was_comes_first() -> None:
    assert judge_cause(kill(NODE), context(ran=4.0)).cause is Cause.NODE_PRESSURE
    assert judge_cause(kill(POD), context(ran=4.0, alone_in_pod=False)).cause is Cause.POD_LIMIT
