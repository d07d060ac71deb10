"""The class of each pod is the one that the kubelet would compute."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, pod, spec

from oomsight_api.names import QosClass
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec
from oomsight_operator.judgement.qos import compute_qos_class, qos_class

BOTH: dict[str, Any] = {"request": 64 * MI, "limit": 64 * MI, "cpu": (100, 100)}
QUANTITIES = st.sampled_from([None, 0, 100, 200])


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        pytest.param([spec()], "BestEffort", id="nothing-set"),
        pytest.param([spec(request=0, limit=0, cpu=(0, 0))], "BestEffort", id="zeros-are-unset"),
        pytest.param([spec(**BOTH)], "Guaranteed", id="cpu-and-memory-equal"),
        pytest.param([spec(limit=64 * MI, cpu=(None, 100))], "Guaranteed", id="limits-alone-stand-for-requests"),
        pytest.param([spec(request=64 * MI, limit=64 * MI)], "Burstable", id="memory-alone-is-not-guaranteed"),
        pytest.param([spec(request=64 * MI, limit=64 * MI, cpu=(100, None))], "Burstable", id="cpu-without-limit"),
        pytest.param([spec(request=32 * MI, limit=64 * MI, cpu=(100, 100))], "Burstable", id="request-below-limit"),
        pytest.param([spec(cpu=(100, None))], "Burstable", id="a-cpu-request-is-enough"),
        pytest.param([spec(request=0, limit=64 * MI, cpu=(100, 100))], "Burstable", id="explicit-zero-request-differs-from-limit"),
        pytest.param([spec("a", **BOTH), spec("b", **BOTH)], "Guaranteed", id="two-guaranteed"),
        pytest.param([spec("a", **BOTH), spec("b")], "Burstable", id="guaranteed-beside-nothing"),
        pytest.param([spec("i", kind="init"), spec("a", **BOTH)], "Burstable", id="an-init-container-counts"),
        pytest.param([spec("s", kind="sidecar", request=MI), spec("a")], "Burstable", id="a-sidecar-counts"),
        pytest.param([spec("a", **BOTH), spec("e", kind="ephemeral")], "Guaranteed", id="an-ephemeral-container-does-not-count"),
        pytest.param([], "BestEffort", id="no-containers"),
    ],
)
def test_class_from_containers(containers: list[ContainerSpec], expected: str) -> None:
    assert compute_qos_class(pod(*containers)).value == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"pod_memory_request_bytes": MI, "pod_memory_limit_bytes": MI}, "Burstable"),
        ({"pod_memory_limit_bytes": MI, "pod_cpu_limit_millicores": 100}, "Guaranteed"),
        ({"pod_memory_request_bytes": 0}, "BestEffort"),
    ],
)
def test_pod_level_resources_decide_alone(resources: dict[str, Any], expected: str) -> None:
    assert compute_qos_class(pod(spec(request=MI), **resources)).value == expected


def test_recorded_class_wins_since_a_resize_cannot_change_it() -> None:
    resized = pod(spec(**BOTH), status_qos_class="Burstable")

    assert qos_class(resized) is QosClass.BURSTABLE


def test_recorded_class_of_unknown_spelling_is_computed_anew() -> None:
    assert qos_class(pod(spec(**BOTH), status_qos_class="Platinum")) is QosClass.GUARANTEED


@given(st.lists(st.tuples(QUANTITIES, QUANTITIES, QUANTITIES, QUANTITIES, st.sampled_from(ContainerKind)), max_size=4))
def test_agrees_with_the_older_way_of_summing_all_containers(
    resources: list[tuple[int | None, int | None, int | None, int | None, ContainerKind]],
) -> None:
    """Up to 1.33 the kubelet summed requests and limits over containers; where requests are within limits both agree."""
    containers = [
        ContainerSpec(f"c{index}", kind, memory if limit is None or memory is None else min(memory, limit), limit, cpu, cpu_limit)
        for index, (memory, limit, cpu, cpu_limit, kind) in enumerate(resources)
        if cpu is None or cpu_limit is None or cpu <= cpu_limit
    ]

    assert compute_qos_class(pod(*containers)) is _by_sums(containers)


def _by_sums(containers: list[ContainerSpec]) -> QosClass:
    counted = [container for container in containers if container.kind is not ContainerKind.EPHEMERAL]
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    all_limited = True
    for container in counted:
        limited = 0
        for name, request, limit in (
            ("memory", container.memory_request_bytes, container.memory_limit_bytes),
            ("cpu", container.cpu_request_millicores, container.cpu_limit_millicores),
        ):
            asked = limit if request is None else request
            if asked:
                requests[name] = requests.get(name, 0) + asked
            if limit:
                limits[name] = limits.get(name, 0) + limit
                limited += 1
        all_limited = all_limited and limited == 2
    if not requests and not limits:
        return QosClass.BEST_EFFORT
    return QosClass.GUARANTEED if all_limited and requests == limits else QosClass.BURSTABLE
