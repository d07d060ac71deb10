"""The summary: a verdict first, reasons next, and one command to paste at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import (
    FIRST_RUN,
    MI,
    NOW,
    SECOND_RUN,
    end,
    judge,
    memory,
    pod,
    policy,
    row,
    running,
    spec,
    waiting,
)
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import NodeContext, Owner, Pod, PodHistory, Telemetry
from oomsight_operator.judgement.recommend.surroundings import LimitRule, ScaledBy, Surroundings
from oomsight_operator.publishing.summary import LINE_BYTES, MAX_LINES, summary_lines, workload_argument

APP = spec(request=256 * MI, limit=512 * MI)
STATEFUL = Owner("apps/v1", "StatefulSet", "db", "o")


def lines_of(of: Pod, rows: dict[str, Any] | None, **more: Any) -> tuple[str, ...]:
    assessment, _ = judge(of, rows, **more)
    return summary_lines(of, assessment)


def killed(**more: Any) -> Pod:
    return pod(APP, statuses=(running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60)),), **more)


def test_verdict_reasons_recommendation_and_the_command() -> None:
    lines = lines_of(killed(owner=STATEFUL), {"app": row(SECOND_RUN, memory(64 * MI, 512 * MI, working_set=100 * MI))})

    assert lines[:2] == (
        "OOM risk high. QoS class Burstable, MemoryPolicy team-a/default, sampled 2026-03-01T10:00:00Z.",
        "- container app: OOM-killed once in the last 24 h at limit 512Mi, exit code 137 [OOMKilledRecently, high]",
    )
    rest = " ".join(line.strip() for line in lines[2:-1])
    kill, recommended, why = rest.partition("Recommended for app")
    assert kill.startswith("- 2026-03-01T09:59:00Z: container app was killed")
    assert kill.endswith("[Unknown] ")
    assert recommended + why == (
        "Recommended for app: limit 640Mi (now 512Mi), request 256Mi (now 256Mi)."
        " Why: killed at limit 512Mi: it needed more than that; +25 %, at least 16Mi: killed once."
        " Confidence low: samples of 1 hour only, too few for a whole day"
    )
    assert lines[-1] == (
        "Next: kubectl -n team-a set resources statefulset/db -c app --limits=memory=640Mi --requests=memory=256Mi"
    )


def test_a_calm_pod_is_one_line() -> None:
    lines = lines_of(pod(spec(request=512 * MI, limit=512 * MI)), {"app": row(uses=memory(64 * MI, 512 * MI))})

    assert lines == ("OOM risk none. QoS class Burstable, MemoryPolicy team-a/default, sampled 2026-03-01T10:00:00Z.",)


def test_a_silent_agent_is_told_with_where_to_look() -> None:
    lines = lines_of(pod(APP), None)

    assert lines[0].endswith(", no sample of its node.")
    assert lines[1] == "- container app: memory unknown, the agent of node node-1 is silent (see the oomsight agent pod there)"
    assert lines[-1] == "Next: kubectl get pods -A -o wide --field-selector spec.nodeName=node-1"


def test_a_score_that_differs_is_explained() -> None:
    lines = lines_of(pod(APP), {"app": row(uses=memory(MI, 512 * MI), oom_score_adj_min=0, oom_score_adj_max=0)})

    assert "- app: oom_score_adj live 0, kubelet would set 985; " in "\n".join(lines)


def test_a_pod_with_a_hundred_troubles_stays_bounded_and_keeps_its_command() -> None:
    names = [f"c{index}" for index in range(100)]
    statuses = tuple(waiting(name, restarts=1, last_terminated=end(f"{index:064x}")) for index, name in enumerate(names))
    lines = lines_of(pod(*(spec(name, limit=512 * MI) for name in names), statuses=statuses), {})

    assert len(lines) == MAX_LINES
    assert lines[-1] == "Next: kubectl -n team-a get memrec -o yaml"
    assert "more in the annotation" in lines[-2]


@pytest.mark.parametrize(
    ("owner", "labels", "expected"),
    [
        (Owner("apps/v1", "ReplicaSet", "web-5d8f", "o"), {"pod-template-hash": "5d8f"}, "deployment/web"),
        (Owner("apps/v1", "ReplicaSet", "web-5d8f", "o"), {}, None),
        (Owner("apps/v1", "DaemonSet", "logs", "o"), {}, "daemonset/logs"),
        (Owner("batch/v1", "Job", "once", "o"), {}, None),
        (Owner("evil.example/v1", "Deployment", "web", "o"), {}, None),
        (Owner("apps/v1", "StatefulSet", "x; rm -rf /", "o"), {}, None),
        (Owner("apps/v1", "StatefulSet", "$(reboot)", "o"), {}, None),
        (None, {}, None),
    ],
)
def test_only_a_name_that_is_safe_to_paste_gets_into_a_command(
    owner: Owner | None, labels: dict[str, str], expected: str | None
) -> None:
    assert workload_argument(pod(APP, owner=owner, labels=labels)) == expected


def test_a_workload_that_cannot_be_named_leads_to_the_recommendation_object() -> None:
    assert lines_of(killed(), None)[-1] == "Next: kubectl -n team-a get memrec -o yaml"


def test_no_command_would_set_what_is_set_already_or_what_is_known_to_be_too_low() -> None:
    raised = spec(request=256 * MI, limit=2048 * MI)
    after = pod(raised, owner=STATEFUL, statuses=(running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60)),))
    _, history = judge(killed(owner=STATEFUL), {"app": row(SECOND_RUN, memory(64 * MI, 512 * MI))})

    assert lines_of(after, None, history=history)[-1] == "Next: kubectl -n team-a get memrec -o yaml"
    capped = lines_of(killed(owner=STATEFUL), None, recommendation={"maxLimit": "256Mi"})
    assert capped[-1] == "Next: kubectl -n team-a get memrec -o yaml"
    assert "killed at limit 512Mi and will be again, unless maxLimit is raised" in " ".join(line.strip() for line in capped)
    cap = LimitRule("cap", max_bytes=1024 * MI)
    for around in (
        Surroundings(limit_rules=(cap, LimitRule("floor", min_bytes=2048 * MI))),
        Surroundings(limit_rules=(cap, LimitRule("none", max_bytes=0))),
        Surroundings(largest_node_bytes=600 * MI),
    ):
        refused, _ = assess_pod(killed(owner=STATEFUL), None, NodeContext("node-1"), policy(), PodHistory(), NOW, around)
        assert summary_lines(killed(owner=STATEFUL), refused)[-1] == "Next: kubectl -n team-a get memrec -o yaml"


def test_where_no_limit_is_recommended_no_command_sets_the_request_that_is_set_already() -> None:
    victim = Victim(pod_uid="uid-1", container_id=FIRST_RUN, ordinal=1)
    ran_out = Incident(
        id="b-1",
        time_seconds=NOW - 60,
        evidence=Evidence.BOTH,
        scope=OomScope.NODE,
        victims=(victim,),
        victim_count=1,
        container_survived=True,
    )
    lines = lines_of(pod(APP, owner=STATEFUL), {"app": row(process_count=1)}, incidents=(ran_out,))

    assert "the node ran out of memory, and no limit is to blame" in " ".join(line.strip() for line in lines)
    assert lines[-1] == "Next: kubectl -n team-a get memrec -o yaml"


@pytest.mark.parametrize(
    ("hours", "limit"),
    [pytest.param(3, "", id="a-few-hours"), pytest.param(26, "--limits=memory=436Mi ", id="a-day")],
)
def test_no_command_sets_a_first_limit_before_a_day_was_seen(hours: int, limit: str) -> None:
    of = pod(spec(request=256 * MI), owner=STATEFUL)
    told = Telemetry(NOW, 1.0, {"app": row(uses=memory(400 * MI))})
    around = Surroundings(learned={"app": seen(400 * MI, hours - 1)})
    found, _ = assess_pod(of, told, NodeContext("node-1"), policy(recommendation={"mode": "Always"}), PodHistory(), NOW, around)
    lines = summary_lines(of, found)

    warning = f"no limit is set today: set none before a day was seen ({hours} of 26 hours), or it kills what was not seen yet"
    assert (warning in " ".join(line.strip() for line in lines)) == (not limit)
    assert lines[-1] == f"Next: kubectl -n team-a set resources statefulset/db -c app {limit}--requests=memory=400Mi"


def test_the_command_is_for_the_worst_container() -> None:
    child = running("calm", "c" * 64, restarts=1, last_terminated=end("d" * 64, code=0, at=NOW - 60))
    worst = running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60))
    of = pod(spec("calm", limit=512 * MI), APP, owner=STATEFUL, statuses=(child, worst))

    assert " -c app " in lines_of(of, None)[-1]


def test_no_command_for_a_calm_container_stands_where_the_worst_one_needs_somebody() -> None:
    worst = running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60))
    calm = running("calm", "c" * 64, restarts=1, last_terminated=end("d" * 64, at=NOW - 90000))
    of = pod(spec("calm", request=16 * MI, limit=64 * MI), APP, owner=STATEFUL, statuses=(calm, worst))

    assert lines_of(of, None, recommendation={"maxLimit": "256Mi"})[-1] == "Next: kubectl -n team-a get memrec -o yaml"


def test_that_another_request_changes_the_number_of_replicas_is_read_on_the_pod() -> None:
    of = replace(killed(), containers=(spec(request=512 * MI, limit=512 * MI),))
    told = Telemetry(NOW, 1.0, {"app": row(SECOND_RUN, memory(64 * MI, 512 * MI))})
    around = Surroundings(autoscalers=(ScaledBy("web"),))
    found, _ = assess_pod(of, told, NodeContext("node-1"), policy(), PodHistory(), NOW, around)
    text = " ".join(line.strip() for line in summary_lines(of, found))

    assert "HorizontalPodAutoscaler web scales by memory relative to the request, which changes: expect another number" in text


def test_advice_comes_last_and_is_bounded() -> None:
    names = [f"c{number}" for number in range(5)]
    of = pod(*(spec(name) for name in names))
    lines = lines_of(of, {name: row(uses=memory(30 * MI)) for name in names})
    advice = [line for line in lines if line.startswith("Advice: ")]

    assert [line.startswith("- container c") for line in lines[1:6]] == [True] * 5
    assert advice[0].startswith("Advice: container c0: no memory request, though it holds 30Mi unreclaimable")
    assert advice[-1] == "Advice: 2 more in the annotation oomsight.dev/report"
    assert len(advice) == 4
    assert all(len(line) <= LINE_BYTES for line in lines)
    assert "[NoRequest]" in " ".join(lines)
