from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.inventory.nodes import Nodes, project_node
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.node import Node
from oomsight_operator.kube.errors import MalformedObjectError

GI = 1 << 30


def node_json(name: str = "node-a", uid: str = "u1", **more: Any) -> bytes:
    """A Node as the API sends it."""
    status = {
        "capacity": {"cpu": "4", "memory": "16Gi"},
        "allocatable": {"cpu": "4", "memory": "15Gi"},
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": "False"}],
        "nodeInfo": {"kubeletVersion": "v1.34.1", "kernelVersion": "6.12.0"},
        "images": [{"names": ["registry.example/app"], "sizeBytes": 1}],
        **more.pop("status", {}),
    }
    return json.dumps({"metadata": {"uid": uid, "name": name, "resourceVersion": "7"}, "status": status, **more}).encode()


def test_a_node_is_projected_to_its_memory_version_and_pressure() -> None:
    assert project_node(node_json(spec={"unschedulable": True})) == Node(
        "u1", "node-a", 15 * GI, 16 * GI, "v1.34.1", memory_pressure=False, unschedulable=True, resource_version="7"
    )


@pytest.mark.parametrize(("status", "expected"), [("True", True), ("False", False), ("Unknown", None), ("", None)])
def test_a_kubelet_that_is_silent_says_nothing_of_pressure(status: str, expected: bool | None) -> None:
    conditions = [{"type": "MemoryPressure", "status": status}]
    assert project_node(node_json(status={"conditions": conditions})).memory_pressure is expected


@pytest.mark.parametrize("memory", [None, "", "0", "-1Gi", "lots", 1.5, {}, ["1Gi"]])
def test_an_amount_that_makes_no_sense_is_unknown(memory: object) -> None:
    node = project_node(node_json(status={"allocatable": {"memory": memory}, "capacity": {}}))
    assert (node.allocatable_bytes, node.capacity_bytes) == (None, None)


def test_a_node_that_has_just_registered_is_known_by_name_alone() -> None:
    assert project_node(b'{"metadata": {"uid": "u1", "name": "node-a"}}') == Node("u1", "node-a")


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"metadata": {"uid": "", "name": "x"}}', b'{"metadata": {"uid": 7}}'])
def test_what_is_no_node_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedObjectError, match="node"):
        project_node(raw)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
def test_garbage_is_malformed_and_nothing_worse(raw: bytes) -> None:
    with pytest.raises(MalformedObjectError):
        project_node(raw)


def test_nodes_are_found_by_name_and_one_made_anew_outlives_its_predecessors_late_end() -> None:
    store: Store[Node] = Store()
    store.upsert(Node("u1", "node-a", 1))
    nodes = Nodes(store)
    store.upsert(Node("u2", "node-a", 2))
    store.delete("u1")
    assert [(each.uid, each.allocatable_bytes) for each in nodes] == [("u2", 2)]
    store.delete("u2")
    assert nodes.get("node-a") is None
    assert len(nodes) == 0


def test_the_largest_node_is_known_as_nodes_come_change_and_go() -> None:
    store: Store[Node] = Store()
    nodes = Nodes(store)
    assert nodes.largest_allocatable_bytes is None
    store.upsert(Node("u1", "node-a", 7))
    store.upsert(Node("u2", "node-b", None))
    assert nodes.largest_allocatable_bytes == 7
    store.upsert(Node("u2", "node-b", 9))
    assert nodes.largest_allocatable_bytes == 9
    store.delete("u2")
    assert nodes.largest_allocatable_bytes == 7
