"""What a cluster admin says is accepted, refused, beaten or withdrawn, and the pods show which policy decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from oomsight_api.names import Annotation
from oomsight_cluster.kubectl import Kubectl, bundle, eventually
from oomsight_cluster.policies import policy
from oomsight_cluster.stage import Stage, annotation, describe, marks

Object = dict[str, Any]


@pytest.fixture(autouse=True)
def no_policy_stays(kubectl: Kubectl, stage: Stage) -> Iterator[None]:
    yield
    kubectl.run("delete", "memorypolicies", "--all", "--namespace", stage.namespace)


def conditions(kubectl: Kubectl, kind: str, name: str, namespace: str | None = None) -> dict[str, Object]:
    found = kubectl.get(kind, name, namespace) or {}
    return {each["type"]: each for each in (found.get("status") or {}).get("conditions", ())}


def holds(kubectl: Kubectl, kind: str, name: str, wanted: str, namespace: str | None = None, status: str = "True") -> Object:
    """The condition once it has that status."""

    def look() -> Object | None:
        found = conditions(kubectl, kind, name, namespace).get(wanted, {})
        return found if found.get("status") == status else None

    return eventually(look, f"{kind} {name} is {wanted}={status}", 120, lambda: conditions(kubectl, kind, name, namespace))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"risk": {"nearLimit": {"highPercent": "many"}}}, "highPercent"),
        ({"publish": {"annotations": "Sometimes"}}, "annotations"),
        ({"recommendation": {"headroomPercent": 900}}, "headroomPercent"),
    ],
)
def test_a_policy_of_the_wrong_shape_is_refused_with_the_fields_name(
    kubectl: Kubectl, stage: Stage, spec: Object, words: str
) -> None:
    document = policy("MemoryPolicy", "wrong", spec, stage.namespace)
    done = kubectl.try_run("apply", "-f", "-", standard_input=bundle([document]))
    assert done.returncode != 0
    assert words in done.stderr, done.stderr


def test_a_policy_that_contradicts_itself_is_refused_or_told(kubectl: Kubectl, stage: Stage) -> None:
    """From 1.25 on the API server refuses it by the CRD's rules; an older one takes it, and the operator says why not."""
    spec = {"risk": {"nearLimit": {"lowPercent": 95, "mediumPercent": 80, "highPercent": 90, "criticalPercent": 97}}}
    done = kubectl.try_run("apply", "-f", "-", standard_input=bundle([policy("MemoryPolicy", "contrary", spec, stage.namespace)]))
    if done.returncode:
        assert "thresholds must be ordered" in done.stderr
        return
    told = holds(kubectl, "memorypolicy", "contrary", "Accepted", stage.namespace, "False")
    assert "must be ordered" in told["message"] or "lowPercent" in told["message"], told


def test_the_namespaces_policy_beats_the_clusters_defaults_and_the_clusters_overrides_beat_both(
    kubectl: Kubectl, stage: Stage
) -> None:
    stage.annotated("burstable", Annotation.POLICY, "^ClusterMemoryPolicy oomsight-default$")
    kubectl.apply(policy("MemoryPolicy", "ours", {}, stage.namespace))
    stage.annotated("burstable", Annotation.POLICY, f"^MemoryPolicy {stage.namespace}/ours$")
    holds(kubectl, "memorypolicy", "ours", "Enforced", stage.namespace)
    holds(kubectl, "clustermemorypolicy", "oomsight-default", "PartiallyEnforced")

    override = {"podSelector": {"matchLabels": {"app": "burstable"}}, "overrides": {}}
    kubectl.apply(policy("ClusterMemoryPolicy", "override", override))
    try:
        stage.annotated("burstable", Annotation.POLICY, "^ClusterMemoryPolicy override$")
        beaten = holds(kubectl, "memorypolicy", "ours", "PartiallyEnforced", stage.namespace)
        assert "override" in beaten["message"]
    finally:
        kubectl.run("delete", "clustermemorypolicy", "override")
    stage.annotated("burstable", Annotation.POLICY, f"^MemoryPolicy {stage.namespace}/ours$")


def test_a_policy_for_pods_at_risk_alone_takes_its_annotations_off_the_others(kubectl: Kubectl, stage: Stage) -> None:
    stage.annotated("burstable", Annotation.OOM_RISK)
    kubectl.apply(policy("MemoryPolicy", "quiet", {"publish": {"annotations": "None"}}, stage.namespace))
    stage.pod_when("burstable", lambda pod: not marks(pod), "it carries nothing of oomsight any more")


def test_when_the_last_policy_goes_every_annotation_goes(kubectl: Kubectl, stage: Stage) -> None:
    default = kubectl.get("clustermemorypolicy", "oomsight-default")
    assert default is not None
    again = policy("ClusterMemoryPolicy", "oomsight-default", default["spec"])
    again["metadata"].update({key: default["metadata"][key] for key in ("labels", "annotations")})  # by which Helm knows it
    stage.annotated("burstable", Annotation.OOM_RISK)
    kubectl.run("delete", "clustermemorypolicy", "oomsight-default")

    def marked() -> list[Object]:
        return [pod for pod in kubectl.list("pods") if marks(pod)]

    try:
        eventually(
            lambda: not marked(),
            "no pod of the cluster carries anything of oomsight",
            180,
            lambda: [describe(pod) for pod in marked()],
        )
    finally:
        kubectl.apply(again)
    back = stage.pod_when("burstable", lambda pod: annotation(pod, Annotation.OOM_RISK), "a new policy decides for it")
    assert annotation(back, Annotation.POLICY) == "ClusterMemoryPolicy oomsight-default"
