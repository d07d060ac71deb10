"""What the chart installs works as it is: pods run with the shipped rights, and the default policy decides for every pod."""

from __future__ import annotations

from typing import Any

from oomsight_api.names import Annotation
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.release import Release
from oomsight_cluster.stage import Stage, annotation


def condition(kubectl: Kubectl, kind: str, name: str, wanted: str, namespace: str | None = None) -> dict[str, Any]:
    """One condition of a policy; empty while it is not there."""
    found = kubectl.get(kind, name, namespace) or {}
    conditions = (found.get("status") or {}).get("conditions", ())
    return next((each for each in conditions if each["type"] == wanted), {})


def test_the_default_policy_is_accepted_and_decides(kubectl: Kubectl, release: Release) -> None:
    policy = ("clustermemorypolicy", "oomsight-default")
    eventually(
        lambda: all(condition(kubectl, *policy, each).get("status") == "True" for each in ("Accepted", "Enforced")),
        "the policy oomsight-default is Accepted and Enforced",
        120,
        lambda: kubectl.get(*policy),
    )


def test_operator_and_agent_run_restricted_and_are_not_restarted(kubectl: Kubectl, release: Release) -> None:
    pods = kubectl.list("pods", release.namespace)
    components = {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods}
    assert components == {"agent", "operator"}
    for pod in pods:
        (status,) = pod["status"]["containerStatuses"]
        assert status["restartCount"] == 0, status
        assert pod["spec"]["securityContext"]["runAsUser"] == 10754
        assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_helms_test_says_that_every_node_is_known(kubectl: Kubectl, release: Release) -> None:
    nodes = len(kubectl.list("nodes"))
    assert f"{nodes} of {nodes} nodes with an agent are known" in release.test()
    assert kubectl.get("pod", "oomsight-test", release.namespace) is None


def test_oomsight_judges_its_own_pods_as_well(kubectl: Kubectl, release: Release) -> None:
    def judged() -> bool:
        return all(annotation(pod, Annotation.OOM_RISK) for pod in kubectl.list("pods", release.namespace))

    eventually(judged, "every pod of oomsight has a risk", 120)


def test_nodes_report_and_no_pod_stays_unknown(kubectl: Kubectl, stage: Stage) -> None:
    def levels() -> dict[str, int]:
        policy = kubectl.get("clustermemorypolicy", "oomsight-default") or {}
        return dict((policy.get("status") or {}).get("podsByLevel") or {})

    def known() -> bool:
        counts = levels()
        return sum(counts.values()) >= 8 and counts.get("unknown", 0) == 0

    eventually(known, "the policy's status counts all pods, none of them unknown", 240, levels)
