"""The Node object, as far as judgement needs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster, projected. None means that the kubelet has not told, or what it told makes no sense."""

    uid: str
    name: str
    allocatable_bytes: int | None = None
    """Memory for pods: capacity less what is reserved for the system and the kubelet's hard eviction threshold."""
    capacity_bytes: int | None = None
    kubelet_version: str | None = None
    memory_pressure: bool | None = None
    """The kubelet's own condition MemoryPressure; None: it says Unknown or nothing, as when it is silent."""
    unschedulable: bool = False
    resource_version: str = ""
