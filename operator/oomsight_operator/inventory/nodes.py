"""Nodes as the API sends them, projected to what judgement needs, and found by name.

A Node is big (its list of images alone has tens of KiB) and its status comes anew every five minutes; msgspec skips what is not
kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import Any

import msgspec

from oomsight_api.quantity import QuantityError, parse_bytes
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.node import Node
from oomsight_operator.kube.objects import ObjectMeta, decode_object

MAX_VERSION_LENGTH = 64


class _Spec(msgspec.Struct):
    unschedulable: bool = False


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""


class _NodeInfo(msgspec.Struct, rename="camel"):
    kubelet_version: str = ""


class _Status(msgspec.Struct, rename="camel"):
    capacity: dict[str, Any] | None = None
    allocatable: dict[str, Any] | None = None
    conditions: list[_Condition] | None = None
    node_info: _NodeInfo | None = None


class _Node(msgspec.Struct):
    metadata: ObjectMeta
    spec: _Spec | None = None
    status: _Status | None = None


_decoder = msgspec.json.Decoder(_Node)
_STATUS = {"True": True, "False": False}


def project_node(raw: bytes | msgspec.Raw) -> Node:
    """A Node from its JSON. Raises MalformedObjectError; an amount that makes no sense is None."""
    node = decode_object(_decoder, raw, "node")
    status = node.status or _Status()
    pressure = next((each.status for each in status.conditions or () if each.type == "MemoryPressure"), "")
    version = status.node_info.kubelet_version if status.node_info is not None else ""
    return Node(
        uid=node.metadata.uid,
        name=intern(node.metadata.name),
        allocatable_bytes=_memory(status.allocatable),
        capacity_bytes=_memory(status.capacity),
        kubelet_version=intern(version[:MAX_VERSION_LENGTH]) or None,
        memory_pressure=_STATUS.get(pressure),
        unschedulable=node.spec is not None and node.spec.unschedulable,
        resource_version=node.metadata.resource_version,
    )


def _memory(amounts: dict[str, Any] | None) -> int | None:
    """Bytes of the resource `memory`; a node of 0 bytes is one whose kubelet has not told yet."""
    try:
        return parse_bytes((amounts or {})["memory"]) or None
    except (KeyError, QuantityError):
        return None


class Nodes:
    """Nodes by name. Follows a Store."""

    def __init__(self, store: Store[Node] | None = None) -> None:
        self._by_name: dict[str, Node] = {}
        self._largest: int | None = None
        self._stale = True
        if store is not None:
            for node in store:
                self._change(None, node)
            store.listen(self._change)

    def get(self, name: str) -> Node | None:
        return self._by_name.get(name)

    def allocatable_bytes(self, name: str) -> int | None:
        """None where the node is not known, or does not tell."""
        node = self._by_name.get(name)
        return node.allocatable_bytes if node is not None else None

    @property
    def largest_allocatable_bytes(self) -> int | None:
        """Of the largest node; None where no node tells."""
        if self._stale:
            amounts = (node.allocatable_bytes for node in self._by_name.values() if node.allocatable_bytes is not None)
            self._largest, self._stale = max(amounts, default=None), False
        return self._largest

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._by_name.values())

    def _change(self, old: Node | None, new: Node | None) -> None:
        self._stale |= old is None or new is None or old.allocatable_bytes != new.allocatable_bytes
        # A node made anew under its name may be told before its predecessor's end.
        if old is not None and (known := self._by_name.get(old.name)) is not None and known.uid == old.uid:
            del self._by_name[old.name]
        if new is not None:
            self._by_name[new.name] = new
