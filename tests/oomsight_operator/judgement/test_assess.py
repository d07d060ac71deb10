"""A pod is judged as a whole: what is known, what is not, and what changes with time."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import (
    FIRST_RUN,
    GI,
    MI,
    NOW,
    ROOMY,
    SECOND_RUN,
    SHORT,
    end,
    judge,
    memory,
    pod,
    row,
    running,
    spec,
    waiting,
)
from tests.oomsight_operator.judgement.kill_order.build import NODE, candidate

from oomsight_api.names import QosClass, RiskLevel, RiskReason
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.kill_order.order import rank
from oomsight_operator.judgement.model import ContainerStatus, NodeContext, PodHistory

APP = spec(request=512 * MI, limit=512 * MI)


def test_a_well_sized_container_has_no_risk() -> None:
    assessment, _ = judge(pod(APP), {"app": row(uses=memory(200 * MI, 512 * MI, usage=300 * MI, working_set=250 * MI))})

    assert (assessment.level, assessment.reasons, assessment.qos_class) == (RiskLevel.NONE, (), QosClass.BURSTABLE)
    assert assessment.containers[0].recommendation is None


def test_page_cache_alone_raises_no_risk_even_at_the_limit() -> None:
    full_of_cache = memory(40 * MI, 512 * MI, usage=512 * MI, working_set=500 * MI, file=470 * MI, active_file=460 * MI)
    assessment, _ = judge(pod(spec(request=64 * MI, limit=512 * MI)), {"app": row(uses=full_of_cache)})

    assert (assessment.level, assessment.reasons) == (RiskLevel.NONE, ())


def test_near_the_limit_is_told_with_both_numbers() -> None:
    near = memory(475 * MI, 512 * MI, usage=512 * MI, working_set=355 * MI)
    assessment, _ = judge(pod(APP), {"app": row(uses=near)})

    assert assessment.level is RiskLevel.HIGH
    assert assessment.containers[0].findings[0].sentence == (
        "container app: unreclaimable 475Mi is 92 % of its limit 512Mi (kubectl top shows 355Mi)"
    )


def test_a_silent_agent_means_unknown_and_says_which_node() -> None:
    assessment, _ = judge(pod(APP), None)

    assert (assessment.level, assessment.report_time_seconds) == (RiskLevel.UNKNOWN, None)
    assert assessment.containers[0].unknown_because is not None
    assert "node-1 is silent" in assessment.containers[0].unknown_because


def test_an_agent_that_never_spoke_is_told_apart_from_one_that_fell_silent() -> None:
    late = NodeContext("node-1", has_spoken=False)
    told = [judge(pod(APP), None, node=node)[0].containers[0].unknown_because for node in (late, None)]

    assert told == [
        "container app: memory unknown, no report of the agent of node node-1 yet (see the oomsight agent pod there)",
        "container app: memory unknown, the agent of node node-1 is silent (see the oomsight agent pod there)",
    ]


def test_a_high_level_turns_unknown_at_once_when_the_agent_falls_silent() -> None:
    _, history = judge(pod(APP), {"app": row(uses=memory(500 * MI, 512 * MI))})
    assessment, _ = judge(pod(APP), None, history, now=NOW + 1)

    assert (assessment.previous_level, assessment.level) == (RiskLevel.CRITICAL, RiskLevel.UNKNOWN)


def test_a_kill_that_the_kubelet_told_of_counts_while_the_agent_is_silent() -> None:
    restarted = running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60))
    assessment, _ = judge(pod(APP, statuses=(restarted,)), None)

    assert (assessment.level, assessment.reasons) == (RiskLevel.HIGH, (RiskReason.OOM_KILLED_RECENTLY,))
    assert assessment.containers[0].unknown_because is not None
    assert assessment.containers[0].recommendation is not None


def test_a_row_without_unreclaimable_memory_is_unknown_not_fine() -> None:
    assessment, _ = judge(pod(APP), {"app": row(uses=memory(None, 512 * MI, usage=100 * MI))})

    assert assessment.level is RiskLevel.UNKNOWN


def test_one_unknown_container_makes_a_calm_pod_unknown_but_does_not_hide_a_danger() -> None:
    other = spec("other", limit=512 * MI)
    calm, danger = row(uses=memory(MI, 512 * MI)), row(uses=memory(500 * MI, 512 * MI))

    assert judge(pod(APP, other), {"app": calm})[0].level is RiskLevel.UNKNOWN
    assert judge(pod(APP, other), {"app": danger})[0].level is RiskLevel.CRITICAL


def test_pod_has_its_worst_containers_level_and_each_reason_once() -> None:
    other = spec("other", limit=512 * MI, request=512 * MI)
    assessment, _ = judge(
        pod(APP, other), {"app": row(uses=memory(375 * MI, 512 * MI)), "other": row(SECOND_RUN, memory(500 * MI, 512 * MI))}
    )

    assert [one.level for one in assessment.containers] == [RiskLevel.LOW, RiskLevel.CRITICAL]
    assert (assessment.level, assessment.reasons) == (RiskLevel.CRITICAL, (RiskReason.NEAR_LIMIT,))


def test_a_level_falls_after_the_hold_and_meanwhile_says_why_it_stands() -> None:
    _, history = judge(pod(APP), {"app": row(uses=memory(480 * MI, 512 * MI))})
    calm = {"app": row(uses=memory(100 * MI, 512 * MI))}
    held, history = judge(pod(APP), calm, history, now=NOW + 10)
    fallen, _ = judge(pod(APP), calm, history, now=NOW + 310)

    assert (held.level, held.reasons) == (RiskLevel.HIGH, (RiskReason.NEAR_LIMIT,))
    assert "no longer so" in held.containers[0].findings[0].sentence
    assert held.reassess_at_seconds == NOW + 310
    assert (fallen.previous_level, fallen.level, fallen.reasons) == (RiskLevel.HIGH, RiskLevel.NONE, ())


def test_a_held_level_is_told_in_the_past_tense_once_however_long_it_is_held() -> None:
    _, history = judge(pod(APP), {"app": row(uses=memory(480 * MI, 512 * MI))})
    calm = {"app": row(uses=memory(100 * MI, 512 * MI))}
    sentences = set()
    for second in (10, 20, 30):
        held, history = judge(pod(APP), calm, history, now=NOW + second)
        sentences.add(held.containers[0].findings[0].sentence)

    assert len(sentences) == 1
    assert sentences.pop().count("no longer so") == 1


def test_other_thresholds_count_at_once_in_both_directions_and_the_same_ones_read_again_do_not() -> None:
    near = {"app": row(uses=memory(475 * MI, 512 * MI))}
    lenient = {"nearLimit": {"lowPercent": 94, "mediumPercent": 95, "highPercent": 96, "criticalPercent": 97}}
    _, history = judge(pod(APP), near)
    calm = {"app": row(uses=memory(100 * MI, 512 * MI))}
    held, _ = judge(pod(APP), calm, history, now=NOW + 60, risk={})
    edited, history = judge(pod(APP), near, history, now=NOW + 60, risk=lenient)
    back, _ = judge(pod(APP), near, history, now=NOW + 120)

    assert held.level is RiskLevel.HIGH
    assert (edited.level, edited.reasons, edited.previous_level) == (RiskLevel.NONE, (), RiskLevel.HIGH)
    assert back.level is RiskLevel.HIGH


def test_containers_that_the_policy_leaves_out_are_neither_judged_nor_remembered() -> None:
    proxy = spec("istio-proxy", limit=64 * MI)
    assessment, history = judge(
        pod(APP, proxy), {"app": row(uses=memory(MI, 512 * MI))}, containers={"include": ["*"], "exclude": ["istio-*"]}
    )

    assert [one.name for one in assessment.containers] == ["app"]
    assert set(history.containers) == {"app"}
    assert assessment.level is RiskLevel.NONE


def test_an_init_container_that_was_killed_is_judged_like_others() -> None:
    setup = spec("setup", kind="init", limit=64 * MI)
    statuses = (waiting("setup", restarts=1, last_terminated=end(at=NOW - 5)), waiting("app"))
    assessment, _ = judge(pod(setup, APP, statuses=statuses), {})

    assert assessment.level is RiskLevel.HIGH
    assert assessment.containers[0].findings[0].sentence.startswith("init container setup: OOM-killed once")
    assert assessment.containers[0].recommendation is not None


def test_a_completed_init_container_says_nothing_and_hides_nothing() -> None:
    setup = spec("setup", kind="init")
    done = ContainerStatus("setup", SECOND_RUN, 0, "terminated", terminated=end(SECOND_RUN, "Completed", 0))
    assessment, _ = judge(pod(setup, APP, statuses=(done, running())), {"app": row(uses=memory(MI, 512 * MI))})

    assert (assessment.level, assessment.containers[0].level) == (RiskLevel.NONE, RiskLevel.NONE)


@pytest.mark.parametrize(
    ("status", "node_name", "words"),
    [(waiting(), "node-1", "not started yet"), (waiting(), None, "not on a node yet")],
)
def test_a_container_that_never_ran_is_unknown_and_says_why(status: ContainerStatus, node_name: str | None, words: str) -> None:
    assessment, _ = judge(pod(APP, statuses=(status,), node_name=node_name, phase="Pending"), None)

    assert assessment.level is RiskLevel.UNKNOWN
    assert assessment.containers[0].unknown_because is not None
    assert words in assessment.containers[0].unknown_because


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_uses_no_memory(phase: str) -> None:
    assessment, _ = judge(pod(APP, statuses=(), phase=phase), None)

    assert assessment.level is RiskLevel.NONE


def test_an_old_kill_stops_counting_when_its_window_is_over() -> None:
    restarted = running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60))
    rows = {"app": row(SECOND_RUN, memory(MI, 512 * MI))}
    assessment, history = judge(pod(APP, statuses=(restarted,)), rows)
    due = assessment.reassess_at_seconds

    assert due == NOW - 60 + 86400
    last, history = judge(pod(APP, statuses=(restarted,)), rows, history, now=due)
    later, _ = judge(pod(APP, statuses=(restarted,)), rows, history, now=due + 1)
    assert last.level is RiskLevel.HIGH
    assert (later.level, later.reasons) == (RiskLevel.NONE, ())


def test_new_kills_are_told_once_and_stay_known() -> None:
    restarted = running(run=SECOND_RUN, restarts=1, last_terminated=end())
    first, history = judge(pod(APP, statuses=(restarted,)), {})
    second, _ = judge(pod(APP, statuses=(restarted,)), {}, history, now=NOW + 60)

    assert [len(one.containers[0].new_kills) for one in (first, second)] == [1, 0]
    assert len(second.containers[0].kills) == 1


def test_a_limit_too_low_kill_loop_becomes_critical() -> None:
    history = PodHistory()
    for index in range(3):
        status = waiting(restarts=index + 1, last_terminated=end(f"{index:064x}", at=NOW + index * 20))
        assessment, history = judge(pod(APP, statuses=(status,)), {}, history, now=NOW + index * 20)

    assert assessment.level is RiskLevel.CRITICAL
    assert assessment.containers[0].findings[0].sentence == (
        "container app: OOM-killed 3 times in the last 24 h at limit 512Mi, exit code 137"
    )


def test_expected_and_live_score_stand_side_by_side() -> None:
    resized = pod(spec(request=4 * GI, limit=8 * GI))
    assessment, _ = judge(resized, {"app": row(uses=memory(MI, 8 * GI), oom_score_adj_min=985, oom_score_adj_max=985)})

    (one,) = assessment.containers
    assert (one.expected_oom_score_adj, one.live_oom_score_adj_min) == (750, 985)


def test_the_first_to_die_of_a_node_that_is_short_of_memory_is_told_so() -> None:
    order = rank((candidate(7, adj=1000, rss=80 * MI, container=FIRST_RUN),), NODE)
    node = NodeContext("node-1", SHORT, order)
    assessment, _ = judge(pod(spec()), {"app": row(uses=memory(80 * MI))}, node=node)

    assert assessment.reasons == (RiskReason.FIRST_TO_DIE, RiskReason.NO_LIMIT)
    healthy, _ = judge(pod(spec()), {"app": row(uses=memory(80 * MI))}, node=NodeContext("node-1", ROOMY, order))
    assert healthy.reasons == (RiskReason.NO_LIMIT,)
    assert "(oom_score_adj 1000, 80Mi resident)" in assessment.containers[0].findings[0].sentence


def test_a_guaranteed_pod_that_would_die_first_is_told_so_though_the_node_has_room() -> None:
    guaranteed = pod(spec(request=12 * GI, limit=12 * GI, cpu=(1000, 1000)))
    everybody = (candidate(7, adj=-997, rss=4 * GI, container=FIRST_RUN), candidate(8, adj=-997, rss=GI, container=SECOND_RUN))
    node = NodeContext("node-1", ROOMY, rank(everybody, NODE), host_processes_known=True)
    assessment, _ = judge(guaranteed, {"app": row(uses=memory(4 * GI, 12 * GI))}, node=node)

    assert (assessment.qos_class, assessment.level) == (QosClass.GUARANTEED, RiskLevel.LOW)
    assert assessment.reasons == (RiskReason.FIRST_TO_DIE,)


@pytest.mark.parametrize(("requests", "reasons"), [((300, 20), ()), ((100, 20), (RiskReason.OVER_REQUEST,))])
def test_only_a_pod_above_its_request_in_sum_is_over_it(requests: tuple[int, int], reasons: tuple[RiskReason, ...]) -> None:
    app, proxy = (spec(name, request=asked * MI, limit=512 * MI) for name, asked in zip(("app", "proxy"), requests, strict=True))
    rows = {
        "app": row(uses=memory(90 * MI, 512 * MI, working_set=90 * MI)),
        "proxy": row(SECOND_RUN, memory(40 * MI, 512 * MI, working_set=40 * MI)),
    }
    pod_row = PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(130 * MI, working_set=130 * MI))

    assert judge(pod(app, proxy), rows, pod_row=pod_row)[0].reasons == reasons


def test_a_critical_pod_is_not_warned_of_evictions_that_never_come() -> None:
    uses = {"app": row(uses=memory(90 * MI, 512 * MI, working_set=90 * MI))}
    asks = spec(request=20 * MI, limit=512 * MI)

    assert judge(pod(asks), uses)[0].reasons == (RiskReason.OVER_REQUEST,)
    assert judge(pod(asks, priority=2_000_001_000), uses)[0].reasons == ()
    assert judge(pod(asks, config_hash="0" * 32), uses)[0].reasons == ()


def test_a_pod_without_containers_that_count_is_unknown() -> None:
    assessment, _ = judge(pod(spec("a")), {}, containers={"include": ["none-of-them"]})

    assert (assessment.level, assessment.containers) == (RiskLevel.UNKNOWN, ())


def test_a_container_that_starts_again_keeps_its_level_until_its_first_row_is_due() -> None:
    _, history = judge(pod(APP), {"app": row(uses=memory(100 * MI, 512 * MI))})
    again = pod(APP, statuses=(running(run=SECOND_RUN, restarts=1, started=NOW + 60),))
    fresh, history = judge(again, {}, history, now=NOW + 61)
    late, _ = judge(again, {}, history, now=NOW + 75)

    assert (fresh.level, fresh.containers[0].unknown_because) == (RiskLevel.NONE, None)
    assert fresh.reassess_at_seconds == NOW + 75
    assert late.level is RiskLevel.UNKNOWN


def test_a_first_start_without_a_row_is_unknown() -> None:
    fresh, _ = judge(pod(APP, statuses=(running(started=NOW - 1),)), {})

    assert fresh.level is RiskLevel.UNKNOWN


def test_an_ephemeral_container_gets_no_advice_that_nobody_could_follow() -> None:
    debugger = spec("debugger", kind="ephemeral")
    ended = running("debugger", SECOND_RUN, last_terminated=end(at=NOW - 60))
    assessment, _ = judge(
        pod(APP, debugger, statuses=(running(), ended)),
        {"app": row(uses=memory(MI, 512 * MI)), "debugger": row(SECOND_RUN, memory(300 * MI))},
        recommendation={"targetQoS": "Burstable"},
    )

    assert assessment.containers[1].recommendation is None
    assert RiskReason.NO_LIMIT not in assessment.reasons


def test_a_container_without_any_status_is_unknown_and_says_so() -> None:
    assessment, _ = judge(pod(APP, statuses=()), {})

    assert assessment.containers[0].unknown_because == "container app: the kubelet has told no state of it"
