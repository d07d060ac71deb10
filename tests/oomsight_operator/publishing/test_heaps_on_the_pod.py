"""From a pod's JSON with a heap in it to what its owner reads: the pod's annotations and the workload's MemoryRecommendation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, ROOMY, SECOND_RUN, judge, memory, policy, row, spec
from tests.oomsight_operator.judgement.build import pod as a_pod
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_api.names import Annotation
from oomsight_api.recommendation import MemoryRecommendationStatus
from oomsight_api.report import Process
from oomsight_operator.inventory.pods import project_pod
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import Assessment, NodeContext, Owner, Pod, PodHistory, Telemetry
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.publishing.annotations import render
from oomsight_operator.publishing.contributions import contribution_of
from oomsight_operator.publishing.recommendations import status_of
from oomsight_operator.publishing.summary import summary_lines

PASSWORD = "correct-horse"


def killed_pod(options: str) -> Pod:
    """A container of 512Mi that was OOM-killed a minute ago and runs again."""
    ended = {
        "containerID": f"containerd://{FIRST_RUN}",
        "reason": "OOMKilled",
        "exitCode": 137,
        "finishedAt": "2026-03-01T09:59:00Z",
    }
    status = {
        "name": "app",
        "containerID": f"containerd://{SECOND_RUN}",
        "restartCount": 1,
        "state": {"running": {"startedAt": "2026-03-01T09:59:05Z"}},
        "lastState": {"terminated": ended},
    }
    env = [{"name": "DB_PASSWORD", "value": PASSWORD}, {"name": "JAVA_TOOL_OPTIONS", "value": options}]
    container = {"name": "app", "env": env, "resources": {"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}}}
    raw = {
        "metadata": {"name": "web-1", "namespace": "team-a", "uid": "uid-1"},
        "spec": {"nodeName": "node-1", "containers": [container]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }
    return project_pod(json.dumps(raw).encode()).pod


def judged(pod: Pod) -> Assessment:
    return judge(pod, {"app": row(SECOND_RUN, memory(300 * MI, 512 * MI, working_set=310 * MI))})[0]


def report_of(pod: Pod) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render(pod, judged(pod))[Annotation.REPORT.value])["containers"][0]
    return found


def test_the_pod_says_what_its_heap_left_for_the_rest() -> None:
    pod = killed_pod(f"-XX:MaxRAMPercentage=75 -Dpassword={PASSWORD}")
    report = report_of(pod)
    assert report["advice"][0]["advice"] == "HeapNotSized"
    assert "of which its heap could have 384Mi" in report["advice"][0]["why"]
    steps = {step["rule"]: step["why"] for step in report["recommendation"]["limitSteps"]}
    assert "128Mi or more were outside" in steps["Heap"]
    assert "-Xmx384m leaves all of the rise to that" in steps["Heap"]
    annotations = render(pod, judged(pod))
    summary = " ".join(line.strip() for line in annotations[Annotation.SUMMARY.value].splitlines())
    assert "-Xmx384m leaves all of the rise to that" in summary
    assert "[HeapNotSized]" in summary
    assert PASSWORD not in str(annotations)


def test_the_workloads_recommendation_has_the_step_and_the_reason() -> None:
    pod = killed_pod("-Xmx600m")
    contribution = contribution_of(pod, judged(pod), None)
    status = status_of(
        Owner("apps/v1", "Deployment", "web", "u"), [contribution], {}, MemoryRecommendationStatus(), generation=1, now_seconds=NOW
    )
    container = status.containers[0]
    assert container.recommended_limit == "728Mi"  # 600Mi and a quarter of the 512Mi that it held when killed
    assert [step.rule for step in container.steps][:3] == ["StartFromKillingLimit", "BumpAfterKill", "HeapRoom"]
    assert "its heap may grow to 600Mi (-Xmx in JAVA_TOOL_OPTIONS)" in container.reason


def test_a_limit_that_does_not_hold_the_heap_of_what_was_killed_is_not_there_to_paste() -> None:
    owner = Owner("apps/v1", "StatefulSet", "db", "o")
    fitting, outgrowing = (replace(killed_pod(options), owner=owner) for options in ("-Xmx600m", "-Xmx4g"))
    assert "--limits=memory=728Mi" in summary_lines(fitting, judged(fitting))[-1]
    lines = summary_lines(outgrowing, judged(outgrowing))
    assert "which this limit does not hold: set -Xmx512m at most, or set the limit to 4224Mi" in " ".join(map(str.strip, lines))
    assert lines[-1] == "Next: kubectl -n team-a get memrec -o yaml"


def test_a_heap_that_nobody_set_is_no_advice() -> None:
    pod = killed_pod("-javaagent:/otel.jar")
    raw = render(pod, judged(pod))[Annotation.REPORT.value]
    assert "its runtime is the JVM, and how large its heap may get is not in the pod's spec" in raw
    assert "HeapNotSized" not in raw


def lowered(process: str) -> tuple[Pod, Assessment]:
    """A container of 4Gi that held 300Mi for two weeks, under a policy that always recommends."""
    pod = a_pod(spec(request=256 * MI, limit=4096 * MI), owner=Owner("apps/v1", "StatefulSet", "db", "o"))
    told = row(
        uses=memory(300 * MI, 4096 * MI, working_set=310 * MI),
        processes=(Process(pid=7, name="sh", rss_bytes=MI), Process(pid=8, name=process, rss_bytes=300 * MI)),
    )
    around = Surroundings({"app": seen(300 * MI, 24.0 * 15)})
    telemetry = Telemetry(NOW, 1.0, {"app": told})
    under = policy(recommendation={"mode": "Always"})
    return pod, assess_pod(pod, telemetry, NodeContext("node-1", ROOMY), under, PodHistory(), NOW, around)[0]


def test_a_largest_process_named_java_is_a_heap_that_nobody_knows_and_no_lower_limit_is_there_to_paste() -> None:
    pod, assessment = lowered("java")
    found = assessment.containers[0].recommendation
    assert found is not None
    assert found.limit_bytes == 324 * MI
    lines = summary_lines(pod, assessment)
    assert "its largest process is java, and how large its heap may get is not in the pod's spec" in " ".join(map(str.strip, lines))
    assert lines[-1] == "Next: kubectl -n team-a get memrec -o yaml"


def test_any_other_process_leaves_the_command() -> None:
    pod, assessment = lowered("postgres")
    assert "--limits=memory=324Mi" in summary_lines(pod, assessment)[-1]
