from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomsight_operator.inventory.pods import PodProjector, project_pod
from oomsight_operator.judgement.model import ContainerKind, Owner, Pod
from oomsight_operator.kube.errors import MalformedObjectError

ID = "a1" * 32
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def raw(metadata: dict[str, Any] | None = None, spec: Any = None, status: Any = None) -> bytes:
    meta = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", **(metadata or {})}
    return json.dumps({"metadata": meta, "spec": spec or {"containers": [{"name": "app"}]}, "status": status or {}}).encode()


def project(**parts: Any) -> Pod:
    return project_pod(raw(**parts)).pod


def test_resources_are_bytes_and_millicores_and_unset_is_none() -> None:
    resources = {"requests": {"memory": "1Gi", "cpu": "250m"}, "limits": {"memory": "1536Mi"}}
    container = project(spec={"containers": [{"name": "app", "resources": resources}]}).containers[0]
    assert container.memory_request_bytes == 1 << 30
    assert container.memory_limit_bytes == 1536 << 20
    assert container.cpu_request_millicores == 250
    assert container.cpu_limit_millicores is None


def test_what_the_runtime_class_takes_for_itself_is_bytes() -> None:
    spec = {"containers": [{"name": "app"}], "overhead": {"cpu": "250m", "memory": "120Mi"}}
    assert project(spec=spec).overhead_bytes == 120 << 20
    told = project_pod(raw(spec={**spec, "overhead": {"memory": "much"}}))
    assert told.pod.overhead_bytes is None
    assert "spec.overhead.memory" in told.notes[0]


@pytest.mark.parametrize(
    ("spec", "deadline", "crosses"),
    [
        ({"activeDeadlineSeconds": 0}, True, False),
        (
            {"activeDeadlineSeconds": None, "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}},
            False,
            False,
        ),
        ({"affinity": {"podAffinity": {REQUIRED: [{"topologyKey": "zone"}]}}}, False, False),
        ({"affinity": {"podAffinity": {REQUIRED: [{"namespaces": ["other"]}]}}}, False, True),
        ({"affinity": {"podAntiAffinity": {REQUIRED: [{"namespaceSelector": {}}]}}}, False, True),
        ({"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": {"namespaces": ["x"]}}]}}}, False, True),
    ],
)
def test_what_decides_which_quotas_count_the_pod(spec: dict[str, Any], deadline: bool, crosses: bool) -> None:
    pod = project(spec={"containers": [{"name": "app"}], **spec})

    assert (pod.has_deadline, pod.crosses_namespaces) == (deadline, crosses)


def test_containers_of_all_kinds_are_told_apart() -> None:
    spec = {
        "initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}],
        "containers": [{"name": "app"}],
        "ephemeralContainers": [{"name": "debug"}],
    }
    assert {each.name: each.kind for each in project(spec=spec).containers} == {
        "migrate": ContainerKind.INIT,
        "proxy": ContainerKind.SIDECAR,
        "app": ContainerKind.APP,
        "debug": ContainerKind.EPHEMERAL,
    }


def test_statuses_of_a_killed_and_restarted_container() -> None:
    terminated = {
        "containerID": f"containerd://{ID}",
        "reason": "OOMKilled",
        "exitCode": 137,
        "startedAt": "1970-01-01T00:01:00Z",
        "finishedAt": "1970-01-01T00:02:00Z",
    }
    statuses = [
        {
            "name": "app",
            "containerID": "cri-o://" + "b2" * 32,
            "restartCount": 3,
            "state": {"running": {"startedAt": "1970-01-01T00:03:00Z"}},
            "lastState": {"terminated": terminated},
        }
    ]
    status = project(status={"phase": "Running", "containerStatuses": statuses}).statuses["app"]
    assert (status.state, status.container_id, status.restart_count, status.started_at_seconds) == ("running", "b2" * 32, 3, 180.0)
    assert status.last_terminated is not None
    assert status.last_terminated.container_id == ID
    assert status.last_terminated.reason == "OOMKilled"
    assert status.last_terminated.finished_at_seconds == 120.0


def test_where_the_runtime_gives_no_id_ends_of_the_same_second_are_each_their_own() -> None:
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "1970-01-01T00:02:00Z"}
    statuses = [{"name": name, "lastState": {"terminated": ended}} for name in ("app", "proxy")]
    pods = [project(metadata={"uid": uid}, status={"containerStatuses": statuses}) for uid in ("u1", "u2", "u2")]
    ends = [status.last_terminated for pod in pods for status in pod.statuses.values()]

    assert len({end.container_id for end in ends if end is not None}) == 4


def test_the_controller_is_the_owner_and_other_owners_are_not() -> None:
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c1"},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "r1", "controller": True},
    ]
    assert project(metadata={"ownerReferences": references}).owner == Owner("apps/v1", "ReplicaSet", "web-1", "r1")


def test_only_our_annotations_are_kept() -> None:
    pod = project(metadata={"annotations": {"oomsight.dev/oom-risk": "high", "kubectl/last-applied": "x" * 1000}})
    assert pod.own_annotations == {"oomsight.dev/oom-risk": "high"}


def test_a_static_pods_cgroup_is_named_by_its_config_hash() -> None:
    config_hash = "0123456789abcdef" * 2
    mirror = {"kubernetes.io/config.mirror": config_hash, "kubernetes.io/config.hash": config_hash}
    assert project(metadata={"annotations": mirror}).cgroup_uid == config_hash


@pytest.mark.parametrize(
    "annotations",
    [
        {"kubernetes.io/config.hash": "0" * 32},
        {"kubernetes.io/config.mirror": "x", "kubernetes.io/config.hash": "11111111-2222-3333-4444-555555555555"},
    ],
    ids=["no mirror pod", "another pod's uid"],
)
def test_a_tenant_cannot_claim_another_pods_cgroup(annotations: dict[str, str]) -> None:
    assert project(metadata={"annotations": annotations}).cgroup_uid == "u1"


def test_a_quantity_that_makes_no_sense_is_none_and_named() -> None:
    containers = [{"name": "app", "resources": {"limits": {"memory": "lots"}, "requests": {"memory": ["1Gi"]}}}]
    projected = project_pod(raw(spec={"containers": containers}))
    assert projected.pod.containers[0].memory_limit_bytes is None
    assert len(projected.notes) == 2
    assert "spec.containers[app].resources.limits.memory" in " ".join(projected.notes)
    assert "'lots'" in " ".join(projected.notes)


def test_a_memory_limit_of_zero_is_none() -> None:
    containers = [{"name": "app", "resources": {"limits": {"memory": "0"}, "requests": {"memory": "0"}}}]
    projected = project_pod(raw(spec={"containers": containers}))
    assert (projected.pod.containers[0].memory_limit_bytes, projected.notes) == (None, ())


def test_the_projector_tells_what_makes_no_sense_once_a_pod(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[None] = []
    projector = PodProjector(lambda: counted.append(None))
    broken = raw(spec={"containers": [{"name": "app", "resources": {"limits": {"memory": "lots"}}}]})
    with caplog.at_level(logging.WARNING):
        projector(broken)
        projector(broken)
    assert len(caplog.records) == len(counted) == 1


def test_pods_of_one_workload_share_what_they_have_in_common() -> None:
    projector = PodProjector()
    one, two, other = (
        projector(raw(metadata={"uid": uid, "labels": {"app": app}})) for uid, app in (("u1", "web"), ("u2", "web"), ("u3", "db"))
    )
    assert one.labels is two.labels
    assert one.containers is two.containers
    assert other.labels == {"app": "db"}


@pytest.mark.parametrize(
    "data", [b"", b"null", b"{}", b'{"metadata":{"uid":"","name":"a","namespace":"b"}}', b'{"metadata":[]}', b"\xff"]
)
def test_what_is_no_pod_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedObjectError):
        project_pod(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
quantities = (
    st.text(max_size=40)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.none()
    | st.lists(st.integers(), max_size=2)
)
resources = st.fixed_dictionaries(
    {},
    optional={
        "requests": st.dictionaries(st.sampled_from(["memory", "cpu", "x"]), quantities),
        "limits": st.dictionaries(st.sampled_from(["memory", "cpu"]), quantities),
    },
)
names = st.text(max_size=70)
terminated = st.fixed_dictionaries(
    {},
    optional={
        "containerID": st.text(max_size=100),
        "reason": st.text(max_size=20),
        "exitCode": st.integers(-(2**31), 2**31),
        "finishedAt": st.text(max_size=40) | st.just("9999-12-31T23:59:59Z"),
        "startedAt": st.text(max_size=40),
    },
)
states = st.fixed_dictionaries(
    {},
    optional={
        "terminated": terminated,
        "running": st.fixed_dictionaries({}, optional={"startedAt": st.text(max_size=40)}),
        "waiting": st.dictionaries(st.text(max_size=5), json_values, max_size=2),
    },
)
statuses = st.lists(
    st.fixed_dictionaries(
        {"name": names},
        optional={"containerID": st.text(max_size=100), "restartCount": st.integers(), "state": states, "lastState": states},
    ),
    max_size=3,
)
containers = st.lists(
    st.fixed_dictionaries({"name": names}, optional={"resources": resources, "restartPolicy": st.text(max_size=8)}), max_size=3
)
hostile_pods = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": names, "namespace": names, "uid": names},
            optional={
                "labels": st.dictionaries(names, names, max_size=3),
                "annotations": st.dictionaries(names, st.text(max_size=200), max_size=3),
                "ownerReferences": json_values,
            },
        ),
        "spec": st.fixed_dictionaries(
            {}, optional={"containers": containers, "initContainers": containers, "resources": resources, "priority": st.integers()}
        ),
        "status": st.fixed_dictionaries(
            {}, optional={"phase": st.text(max_size=10), "containerStatuses": statuses, "podIP": st.text(max_size=20)}
        ),
    }
)


@settings(deadline=None)
@given(hostile_pods)
def test_a_pod_full_of_nonsense_is_projected_or_refused(document: dict[str, Any]) -> None:
    try:
        projected = project_pod(json.dumps(document).encode())
    except MalformedObjectError:
        return
    pod = projected.pod
    assert pod.uid == document["metadata"]["uid"]
    assert len({container.name for container in pod.containers}) == len(pod.containers)
    for container in pod.containers:
        assert container.memory_limit_bytes is None or container.memory_limit_bytes >= 0
    for status in pod.statuses.values():
        assert status.restart_count >= 0
        assert status.container_id is None or len(status.container_id) == 64
    assert all(note.isprintable() and len(note) < 500 for note in projected.notes)


@settings(deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    try:
        project_pod(data)
    except MalformedObjectError:
        pass
