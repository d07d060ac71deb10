"""What the stand-in computes from a pod's spec, held against the kubelet's documented results."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.kubelet.resources import ResourceError, memory_bytes, oom_score_adj, pod_limit_bytes, qos_class

MIB = 1024 * 1024
GIB = 1024 * MIB


def container(name: str = "app", **resources: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "resources": resources}


def spec(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"containers": list(containers), **more}


FULL = {"cpu": "1", "memory": "64Mi"}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (spec(container()), "BestEffort"),
        (spec(container(limits=FULL)), "Guaranteed"),
        (spec(container(limits=FULL, requests=FULL)), "Guaranteed"),
        (spec(container(limits={"memory": "64Mi"}, requests={"memory": "64Mi"})), "Burstable"),
        (spec(container(limits=FULL), container("b")), "Burstable"),
        (spec(container(limits=FULL), initContainers=[container("i")]), "Burstable"),
        (spec(container(requests={"memory": "0"})), "BestEffort"),
        (spec(container(limits={"cpu": "1000m", "memory": "64Mi"}, requests={"cpu": "1", "memory": "65536Ki"})), "Guaranteed"),
        (spec(container(), resources={"limits": FULL}), "Guaranteed"),
    ],
)
def test_qos_class_is_the_kubelets(pod: dict[str, Any], expected: str) -> None:
    assert qos_class(pod) == expected


def test_oom_score_adj_of_a_burstable_container_falls_with_its_request() -> None:
    half = container(requests={"memory": "2Gi"}, limits={"memory": "3Gi"})
    assert oom_score_adj(spec(half), half, 4 * GIB) == 500


def test_oom_score_adj_of_a_burstable_container_stays_between_guaranteed_and_best_effort() -> None:
    everything, tiny = container(requests={"memory": "4Gi"}), container("tiny", requests={"memory": "1"})
    pod = spec(everything, tiny)
    assert oom_score_adj(pod, everything, 4 * GIB) == 3
    assert oom_score_adj(pod, tiny, 4 * GIB) == 999


def test_oom_score_adj_of_the_other_classes_and_of_critical_pods() -> None:
    guaranteed, best_effort = container(limits=FULL), container()
    assert oom_score_adj(spec(guaranteed), guaranteed, GIB) == -997
    assert oom_score_adj(spec(best_effort), best_effort, GIB) == 1000
    assert oom_score_adj(spec(best_effort, priorityClassName="system-node-critical"), best_effort, GIB) == -997


def test_a_sidecar_does_not_die_before_the_smallest_regular_container() -> None:
    sidecar = {**container("proxy"), "restartPolicy": "Always"}
    pod = spec(container(requests={"memory": "512Mi"}), initContainers=[sidecar])
    assert oom_score_adj(pod, sidecar, GIB) == 500


def test_pod_limit_is_the_sum_when_every_container_has_one() -> None:
    pod = spec(container(limits={"memory": "64Mi"}), container("b", limits={"memory": "32Mi"}))
    assert pod_limit_bytes(pod) == 96 * MIB


def test_pod_has_no_limit_when_one_container_has_none() -> None:
    assert pod_limit_bytes(spec(container(limits={"memory": "64Mi"}), container("b"))) is None


def test_pod_limit_makes_room_for_a_large_init_container_beside_the_sidecars_before_it() -> None:
    sidecar = {**container("proxy", limits={"memory": "16Mi"}), "restartPolicy": "Always"}
    init = container("migrate", limits={"memory": "100Mi"})
    pod = spec(container(limits={"memory": "64Mi"}), initContainers=[sidecar, init])
    assert pod_limit_bytes(pod) == 116 * MIB


def test_a_quantity_that_is_none_names_container_and_field() -> None:
    with pytest.raises(ResourceError, match=r"container app: resources\.limits\.memory: 'lots' is no quantity"):
        memory_bytes(container(limits={"memory": "lots"}), "limits")


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans()))
def test_any_value_is_bytes_or_a_resource_error(value: object) -> None:
    try:
        assert (memory_bytes(container(limits={"memory": value}), "limits") or 0) >= 0
    except ResourceError:
        pass
