from __future__ import annotations

import json
from typing import Any

import pytest

from oomsight_operator.inventory.workloads import Intermediate, project_intermediate, workload_of
from oomsight_operator.judgement.model import Owner, Pod
from oomsight_operator.kube.errors import MalformedObjectError

REPLICASET = Owner("apps/v1", "ReplicaSet", "web-1", "r1")
CONTROLLER = Owner("v1", "ReplicationController", "web-3", "rc1")
CONFIG = Owner("apps.openshift.io/v1", "DeploymentConfig", "web", "dc1")
DEPLOYMENT = Owner("apps/v1", "Deployment", "web", "d1")


def pod(owner: Owner | None) -> Pod:
    return Pod(uid="u1", namespace="shop", name="web-1-x", node_name=None, phase="Running", containers=(), owner=owner)


def known(*found: Intermediate) -> Any:
    return {each.uid: each for each in found}.get


@pytest.mark.parametrize(
    ("owner", "between", "expected"),
    [
        (REPLICASET, Intermediate("r1", "shop", "web-1", DEPLOYMENT), DEPLOYMENT),
        (REPLICASET, Intermediate("r1", "shop", "web-1", None), REPLICASET),
        (
            Owner("batch/v1", "Job", "nightly-1", "j1"),
            Intermediate("j1", "shop", "nightly-1", Owner("batch/v1", "CronJob", "nightly", "c1")),
            Owner("batch/v1", "CronJob", "nightly", "c1"),
        ),
        (CONTROLLER, Intermediate("rc1", "shop", "web-3", CONFIG), CONFIG),
        (CONTROLLER, Intermediate("rc1", "shop", "web-3", None), CONTROLLER),
        (
            REPLICASET,
            Intermediate("r1", "shop", "web-1", Owner("argoproj.io/v1alpha1", "Rollout", "web", "o1")),
            Owner("argoproj.io/v1alpha1", "Rollout", "web", "o1"),
        ),
    ],
    ids=["Deployment", "bare ReplicaSet", "CronJob", "DeploymentConfig", "bare ReplicationController", "Rollout"],
)
def test_what_stands_between_pod_and_workload_is_skipped(owner: Owner, between: Intermediate, expected: Owner) -> None:
    assert workload_of(pod(owner), known(between)) == expected


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_controllers_are_the_workload(kind: str) -> None:
    owner = Owner("apps/v1", kind, "db", "s1")
    assert workload_of(pod(owner), known()) == owner


def test_a_bare_pod_and_a_static_pod_have_no_workload() -> None:
    assert workload_of(pod(None), known()) is None
    assert workload_of(pod(Owner("v1", "Node", "node-a", "n1")), known()) is None


def test_a_statefulset_that_a_custom_resource_owns_stays_the_workload() -> None:
    """One Elasticsearch owns several with containers of one name and different needs: they must not learn from each other."""
    nodes = Owner("apps/v1", "StatefulSet", "logs-es-hot", "s1")
    custom = Owner("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", "logs", "e1")

    assert workload_of(pod(nodes), known(Intermediate("s1", "shop", "logs-es-hot", custom))) == nodes


def test_a_custom_resource_that_makes_pods_itself_is_the_workload() -> None:
    pod_set = Owner("core.strimzi.io/v1beta2", "StrimziPodSet", "logs-kafka", "k1")

    assert workload_of(pod(pod_set), known()) == pod_set


def test_a_kind_of_the_same_name_in_another_group_is_no_job() -> None:
    own = Owner("batch.volcano.sh/v1alpha1", "Job", "train", "j1")

    assert workload_of(pod(own), known(Intermediate("j1", "shop", "train", DEPLOYMENT))) == own
    other = Owner("v1/v1", "ReplicationController", "web-3", "rc1")
    assert workload_of(pod(other), known(Intermediate("rc1", "shop", "web-3", CONFIG))) == other


def test_an_unknown_replicaset_stands_for_itself() -> None:
    assert workload_of(pod(REPLICASET), known()) == REPLICASET


@pytest.mark.parametrize(
    "stranger", [Intermediate("r1", "other", "web-1", DEPLOYMENT), Intermediate("r1", "shop", "else", DEPLOYMENT)]
)
def test_an_owner_reference_that_points_elsewhere_is_not_followed(stranger: Intermediate) -> None:
    assert workload_of(pod(REPLICASET), known(stranger)) == REPLICASET


def test_metadata_is_enough() -> None:
    metadata = {
        "uid": "r1",
        "name": "web-1",
        "namespace": "shop",
        "resourceVersion": "5",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d1", "controller": True}],
    }
    found = project_intermediate(json.dumps({"kind": "PartialObjectMetadata", "metadata": metadata}).encode())
    assert found == Intermediate("r1", "shop", "web-1", DEPLOYMENT, "5")


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"metadata":{"uid":"","name":"a","namespace":"b"}}'])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedObjectError):
        project_intermediate(data)
