"""The score of each container is the one that the kubelet would set; a live one that differs is explained."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, pod, spec

from oomsight_operator.judgement.oom_score_adj import aggregate_request, expected_oom_score_adj, explain_difference

NODE = 16 * GI
GUARANTEED: dict[str, Any] = {"request": GI, "limit": GI, "cpu": (100, 100)}
CRITICAL: dict[str, Any] = {"priority": 2_000_001_000, "priority_class_name": "system-node-critical"}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param(spec(request=256 * MI), 985, id="256Mi-of-16Gi"),
        pytest.param(spec(request=4 * GI), 750, id="a-quarter-of-the-node"),
        pytest.param(spec(request=MI), 999, id="almost-nothing-is-less-than-best-effort"),
        pytest.param(spec(limit=4 * GI), 750, id="a-limit-stands-for-the-request"),
        pytest.param(spec(request=NODE), 3, id="the-whole-node-stays-above-guaranteed"),
        pytest.param(spec(request=2 * NODE), 3, id="more-than-the-node-stays-above-guaranteed"),
        pytest.param(spec(cpu=(100, None)), 999, id="burstable-by-cpu-alone"),
        pytest.param(spec(), 1000, id="best-effort"),
        pytest.param(spec(**GUARANTEED), -997, id="guaranteed"),
    ],
)
def test_one_container(container: Any, expected: int) -> None:
    assert expected_oom_score_adj(pod(container), container, NODE) == expected


def test_burstable_is_unknown_without_the_nodes_memory_but_the_other_classes_are_known() -> None:
    burstable, best_effort, guaranteed = spec(request=MI), spec(), spec(**GUARANTEED)

    assert expected_oom_score_adj(pod(burstable), burstable, None) is None
    assert expected_oom_score_adj(pod(burstable), burstable, 0) is None
    assert expected_oom_score_adj(pod(best_effort), best_effort, None) == 1000
    assert expected_oom_score_adj(pod(guaranteed), guaranteed, None) == -997


def test_sidecar_is_never_more_likely_to_die_than_the_smallest_app_container() -> None:
    proxy, big, small = spec("proxy", kind="sidecar", request=MI), spec("big", request=8 * GI), spec("small", request=4 * GI)
    of = pod(proxy, big, small)

    assert expected_oom_score_adj(of, proxy, NODE) == 750
    assert expected_oom_score_adj(of, small, NODE) == 750


def test_sidecar_with_a_greater_request_keeps_its_own_score() -> None:
    proxy, app = spec("proxy", kind="sidecar", request=8 * GI), spec(request=4 * GI)

    assert expected_oom_score_adj(pod(proxy, app), proxy, NODE) == 500


def test_plain_init_container_does_not_follow_the_sidecars_rule() -> None:
    setup, app = spec("setup", kind="init", request=MI), spec(request=4 * GI)

    assert expected_oom_score_adj(pod(setup, app), setup, NODE) == 999


def test_pod_level_request_is_shared_out_over_containers_and_init_containers() -> None:
    setup, app = spec("setup", kind="init"), spec(request=2 * GI)
    of = pod(setup, app, pod_memory_request_bytes=6 * GI)

    # 6Gi - 2Gi are shared by two: 2Gi each.
    assert expected_oom_score_adj(of, setup, NODE) == 875
    assert expected_oom_score_adj(of, app, NODE) == 750


def test_aggregate_request_counts_sidecars_beside_what_starts_after_them() -> None:
    of = pod(
        spec("proxy", kind="sidecar", request=100),
        spec("setup", kind="init", request=500),
        spec("late", kind="sidecar", request=50),
        spec(request=200),
    )

    assert aggregate_request(of) == 600  # proxy + setup, more than 200 + 150


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param(CRITICAL, -997, id="class-and-priority"),
        pytest.param({"priority_class_name": "system-node-critical", "config_hash": "f" * 32}, -997, id="static-pod-of-the-class"),
        pytest.param({"config_hash": "f" * 32}, 985, id="static-pod-without-the-class"),
        pytest.param({"priority": 2_000_000_000, "priority_class_name": "system-cluster-critical"}, 985, id="cluster-critical"),
        pytest.param({"priority": 5, "priority_class_name": "system-node-critical"}, 985, id="the-name-without-the-priority"),
    ],
)
def test_node_critical_pods(more: dict[str, Any], expected: int) -> None:
    container = spec(request=256 * MI)

    assert expected_oom_score_adj(pod(container, **more), container, NODE) == expected


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(1, 2**50))
def test_a_greater_request_never_raises_the_score(one: int, other: int, node: int) -> None:
    small, great = spec(request=min(one, other), cpu=(1, None)), spec(request=max(one, other), cpu=(1, None))
    scores = [expected_oom_score_adj(pod(each), each, node) for each in (small, great)]

    assert all(score is not None and 3 <= score <= 999 for score in scores)
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[1] <= scores[0]


@pytest.mark.parametrize(
    ("expected", "live", "words"),
    [
        pytest.param(
            -997,
            (0, 0),
            "oom_score_adj live 0, kubelet would set -997; possible reasons, likeliest first: the runtime was not allowed to lower"
            " it so far (no CAP_SYS_RESOURCE, as on nested and rootless nodes), or the process raised it itself",
            id="guaranteed-which-no-resize-changes",
        ),
        pytest.param(
            900,
            (985, 985),
            "oom_score_adj live 985, kubelet would set 900; possible reasons, likeliest first: its request was raised in place (a"
            " resize leaves running processes as they are), or the runtime was not allowed to lower it so far (no CAP_SYS_RESOURCE,"
            " as on nested and rootless nodes), or the process raised it itself",
            id="burstable-and-higher",
        ),
        pytest.param(
            900,
            (1000, 1000),
            "oom_score_adj live 1000, kubelet would set 900; possible reasons, likeliest first: the runtime was not allowed to"
            " lower it so far (no CAP_SYS_RESOURCE, as on nested and rootless nodes), or the process raised it itself",
            id="higher-than-any-request-gives",
        ),
        pytest.param(
            985,
            (900, 900),
            "oom_score_adj live 900, kubelet would set 985; possible reasons, likeliest first: its request was lowered in place (a"
            " resize leaves running processes as they are), or the runtime, or the process with CAP_SYS_RESOURCE, lowered it",
            id="burstable-and-lower",
        ),
        pytest.param(
            1000,
            (0, 500),
            "oom_score_adj live 0 to 500, kubelet would set 1000; the runtime, or the process with CAP_SYS_RESOURCE, lowered it",
            id="best-effort-and-lower",
        ),
        pytest.param(
            985,
            (-997, -997),
            "oom_score_adj live -997, kubelet would set 985; possible reasons, likeliest first: a kubelet up to 1.20, which gave it"
            " to every critical pod, or the runtime, or the process with CAP_SYS_RESOURCE, lowered it",
            id="as-older-kubelets-set-it",
        ),
        pytest.param(
            985,
            (3, 985),
            "oom_score_adj live 3 to 985, kubelet would set 985; a process changed its own value, or that of its children",
            id="some-processes-as-set",
        ),
    ],
)
def test_a_difference_is_told_with_both_values_and_what_can_make_it(expected: int, live: tuple[int, int], words: str) -> None:
    assert explain_difference(expected, *live) == words


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_no_resize_is_named_where_none_can_make_the_difference(expected: int, one: int, other: int) -> None:
    low, high = sorted((one, other))
    sentence = explain_difference(expected, low, high)

    if sentence is not None and not all(3 <= value <= 999 for value in (expected, low, high)):
        assert "resize" not in sentence


@pytest.mark.parametrize(("expected", "low", "high"), [(985, 985, 985), (None, 3, 3), (985, None, None)])
def test_nothing_is_said_when_both_agree_or_one_is_unknown(expected: int | None, low: int | None, high: int | None) -> None:
    assert explain_difference(expected, low, high) is None
