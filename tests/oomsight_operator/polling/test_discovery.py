from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomsight_operator.kube.errors import MalformedObjectError
from oomsight_operator.polling.discovery import AgentPod, AgentTarget, find_targets, project_agent_pod


def raw_pod(name: str = "agent-1", node: str = "node-a", ip: str = "10.0.0.1", **changes: Any) -> dict[str, Any]:
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "oomsight-agent", "uid": "ds-1", "controller": True}
    metadata = {
        "name": name,
        "namespace": "oomsight-system",
        "uid": f"uid-{name}",
        "ownerReferences": [changes.pop("owner", owner)],
    }
    metadata |= changes.pop("metadata", {})
    status = {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}], **changes.pop("status", {})}
    ports = changes.pop("ports", [{"name": "metrics", "containerPort": 1}, {"name": "report", "containerPort": 9754}])
    return {"metadata": metadata, "spec": {"nodeName": node, "containers": [{"name": "agent", "ports": ports}]}, "status": status}


def agent(name: str = "agent-1", **changes: Any) -> AgentPod:
    return project_agent_pod(json.dumps(raw_pod(name, **changes)).encode())


def test_a_running_pod_of_our_daemonset_is_polled_at_the_port_named_report() -> None:
    assert find_targets([agent()], "ds-1") == {"node-a": AgentTarget("node-a", "uid-agent-1", "10.0.0.1", 9754)}


def test_the_url_of_an_ipv6_address_has_brackets() -> None:
    assert find_targets([agent(ip="fd00::7")], "ds-1")["node-a"].url == "http://[fd00::7]:9754/v1/report"


def test_without_a_port_named_report_the_default_is_used() -> None:
    assert find_targets([agent(ports=[{"containerPort": 80}])], "ds-1")["node-a"].port == 9754


@pytest.mark.parametrize(
    "owner",
    [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "oomsight-agent", "uid": "ds-0", "controller": True},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "oomsight-agent", "uid": "ds-1", "controller": True},
        {"apiVersion": "evil.example/v1", "kind": "DaemonSet", "name": "oomsight-agent", "uid": "ds-1", "controller": True},
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "oomsight-agent", "uid": "ds-1"},
    ],
    ids=["deleted DaemonSet", "other kind", "other group", "no controller"],
)
def test_a_pod_that_our_daemonset_does_not_control_is_no_agent(owner: dict[str, Any]) -> None:
    assert find_targets([agent(owner=owner)], "ds-1") == {}


@pytest.mark.parametrize(
    "changes",
    [{"status": {"phase": "Pending"}}, {"ip": ""}, {"ip": "evil.example"}, {"node": ""}, {"ip": "fe80::1%eth0"}],
    ids=["pending", "no address", "no IP address", "no node", "scoped address"],
)
def test_a_pod_that_cannot_be_reached_is_not_polled(changes: dict[str, Any]) -> None:
    assert find_targets([agent(**changes)], "ds-1") == {}


def test_before_the_daemonset_is_known_nobody_is_polled() -> None:
    assert find_targets([agent()], None) == {}


def test_in_a_rolling_update_the_ready_newest_pod_that_stays_is_polled() -> None:
    old = agent(
        "old", ip="10.0.0.1", metadata={"creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z"}
    )
    starting = agent("starting", ip="10.0.0.2", metadata={"creationTimestamp": "2026-01-03T00:00:00Z"}, status={"conditions": []})
    new = agent("new", ip="10.0.0.3", metadata={"creationTimestamp": "2026-01-02T00:00:00Z"})
    for order in ([old, starting, new], [new, starting, old]):
        assert find_targets(order, "ds-1")["node-a"].host == "10.0.0.3"


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_no_pod_is_refused_and_nothing_crashes(value: Any) -> None:
    for document in (value, {"metadata": value}, {"metadata": {"uid": "u", "name": "n"}, "spec": value, "status": value}):
        try:
            pod = project_agent_pod(json.dumps(document).encode())
        except MalformedObjectError:
            continue
        assert find_targets([pod], "ds-1") == {}
