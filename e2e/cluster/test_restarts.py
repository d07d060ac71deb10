"""Whatever is restarted while containers die: each kill is told once. The truth is the workload's own log of its children."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from oomsight_api.names import Annotation, RiskLevel
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.stage import Stage, describe, restarts
from oomsight_cluster.workloads import container, deployment, pod, pod_spec, program

KILLED = "job ended with 137"
NAME = "victim"
# A shell that gives one job after the other to a child that is too big, and holds while a file is there.
LOOP = """while :; do
  while [ -e /hold/now ]; do echo holding; sleep 0.5; done
  python3 -I -S /programs/workloads.py steady --mib=64 --seconds=1
  echo "job ended with $?"
  sleep 3
done"""


@pytest.fixture(scope="module")
def victim(kubectl: Kubectl, stage: Stage) -> Iterator[Callable[[], int]]:
    """A pod that loses a child to the OOM killer every few seconds, two of them told already. Gives how many it has lost."""
    limited = container(stage.cluster, ["sh", "-c", LOOP], request="24Mi", limit="40Mi")
    kubectl.apply(pod(NAME, pod_spec(limited, disk_volume="/hold")))
    eventually(lambda: stage.kills_told(f"pod-{NAME}") >= 2, "two kills are told", 180, lambda: describe(stage.pod(NAME)))
    yield lambda: stage.logs(NAME).count(KILLED)
    kubectl.run("delete", "pod", NAME, "--namespace", stage.namespace, "--wait=true", "--ignore-not-found")  # drained with its node


def each_is_told_once(stage: Stage, victim: Callable[[], int]) -> None:
    """Hold the victim: exactly as many kills are told as there were."""
    stage.run_in(NAME, "touch", "/hold/now")
    eventually(lambda: stage.logs(NAME).splitlines()[-1] == "holding", "the victim holds", 60)
    lost = victim()
    eventually(
        lambda: stage.kills_told(f"pod-{NAME}") >= lost, f"{lost} kills are told", 180, lambda: stage.kills_told(f"pod-{NAME}")
    )
    assert stage.kills_told(f"pod-{NAME}") == lost
    stage.run_in(NAME, "rm", "/hold/now")


def delete_pods(kubectl: Kubectl, stage: Stage, component: str) -> None:
    """At once, as a node that loses them would."""
    words = ("--selector", f"app.kubernetes.io/component={component}", "--grace-period=0", "--force")
    kubectl.run("delete", "pods", "--namespace", stage.release.namespace, *words)


def ready(kubectl: Kubectl, stage: Stage, workload: str) -> None:
    kubectl.run("rollout", "status", workload, "--namespace", stage.release.namespace, "--timeout=180s", timeout=190)


def test_the_operator_killed_in_the_middle_of_kills_tells_each_once(
    kubectl: Kubectl, stage: Stage, victim: Callable[[], int]
) -> None:
    known = victim()
    delete_pods(kubectl, stage, "operator")
    eventually(lambda: victim() >= known + 2, "children are killed while no operator runs", 120)
    ready(kubectl, stage, "deployment/oomsight-operator")
    each_is_told_once(stage, victim)


def test_the_agent_killed_in_the_middle_of_kills_tells_each_once(kubectl: Kubectl, stage: Stage, victim: Callable[[], int]) -> None:
    known = victim()
    delete_pods(kubectl, stage, "agent")
    ready(kubectl, stage, "daemonset/oomsight-agent")
    eventually(lambda: victim() >= known + 2, "children are killed while the agent begins anew", 120)
    each_is_told_once(stage, victim)


def test_the_api_server_killed_in_the_middle_of_kills_loses_none(kubectl: Kubectl, stage: Stage, victim: Callable[[], int]) -> None:
    restart = stage.cluster.restart_api_server
    if restart is None:
        pytest.skip("the API server of a given cluster is not ours to restart")
    known = victim()
    restart()
    eventually(lambda: victim() >= known + 2, "children are killed after the API server came back", 180)
    each_is_told_once(stage, victim)
    (operator,) = kubectl.list("pods", stage.release.namespace, "--selector", "app.kubernetes.io/component=operator")
    assert restarts(operator) <= 1, "the operator outlives an API server that is away for a moment, or begins anew once"


def test_a_crash_loop_over_a_restart_of_the_operator_is_counted_as_the_kubelet_counts(kubectl: Kubectl, stage: Stage) -> None:
    burst = container(stage.cluster, program("burst", "--mib=64"), request="16Mi", limit="32Mi")
    kubectl.apply(deployment("looping", pod_spec(burst)))
    try:
        stage.pod_when("looping", lambda pod: restarts(pod) >= 1, "it was restarted")
        delete_pods(kubectl, stage, "operator")
        looping = stage.pod_when("looping", lambda pod: restarts(pod) >= 3, "it was restarted thrice")
        ready(kubectl, stage, "deployment/oomsight-operator")
        wanted = restarts(looping)
        eventually(lambda: stage.kills_told("deployment-looping") >= wanted, f"{wanted} kills are told", 180)
        now = stage.pod("looping")
        assert now is not None
        assert stage.kills_told("deployment-looping") <= restarts(now) + 1
    finally:
        kubectl.run("delete", "deployment", "looping", "--namespace", stage.namespace)


def test_a_drained_node_gets_everything_back(kubectl: Kubectl, stage: Stage) -> None:
    pod = stage.pod("burstable")
    assert pod is not None
    node = pod["spec"]["nodeName"]
    drain = ("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--grace-period=1", "--timeout=120s")
    try:
        kubectl.run(*drain, timeout=130)
        assert stage.pod("burstable") is None
    finally:
        kubectl.run("uncordon", node)
    ready(kubectl, stage, "deployment/oomsight-operator")
    told = f"^(?!{RiskLevel.UNKNOWN})."
    stage.annotated("model", Annotation.OOM_RISK, told, 240)  # of the Deployment's new pod
