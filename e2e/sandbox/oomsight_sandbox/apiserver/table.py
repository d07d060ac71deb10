"""Columns and cells of what `kubectl get` prints: built-in kinds, custom ones by their printer columns, NAME and AGE otherwise.

Source: k8s.io/kubernetes/pkg/printers/internalversion/printers.go and apiextensions' tableconvertor. Pure; the time is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import table_cells as cells
from .resources import Resource
from .values import JsonObject

Cell = Callable[[JsonObject, float], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `priority` above 0 shows with `-o wide` only. `cell` reads it from an object at a time."""

    name: str
    cell: Cell
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""

    def as_json(self) -> JsonObject:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description or self.name,
            "priority": self.priority,
        }


_NAME = Column("Name", cells.name, format="name")
_AGE = Column("Age", cells.age)

_COLUMNS: dict[tuple[str, str], tuple[Column, ...]] = {
    ("", "Pod"): (
        _NAME,
        Column("Ready", cells.pod_ready),
        Column("Status", cells.pod_status),
        Column("Restarts", cells.pod_restarts),
        _AGE,
        Column("IP", cells.path("status.podIP"), priority=1),
        Column("Node", cells.path("spec.nodeName"), priority=1),
        Column("Nominated Node", cells.path("status.nominatedNodeName"), priority=1),
        Column("Readiness Gates", cells.constant("<none>"), priority=1),
    ),
    ("", "Node"): (
        _NAME,
        Column("Status", cells.node_status),
        Column("Roles", cells.node_roles),
        _AGE,
        Column("Version", cells.path("status.nodeInfo.kubeletVersion", "")),
        Column("Internal-IP", cells.node_address, priority=1),
        Column("External-IP", cells.constant("<none>"), priority=1),
        Column("OS-Image", cells.path("status.nodeInfo.osImage", "<unknown>"), priority=1),
        Column("Kernel-Version", cells.path("status.nodeInfo.kernelVersion", "<unknown>"), priority=1),
        Column("Container-Runtime", cells.path("status.nodeInfo.containerRuntimeVersion", "<unknown>"), priority=1),
    ),
    ("", "Namespace"): (_NAME, Column("Status", cells.path("status.phase")), _AGE),
    ("", "Event"): (
        Column("Last Seen", cells.event_last_seen),
        Column("Type", cells.path("type")),
        Column("Reason", cells.path("reason")),
        Column("Object", cells.event_object),
        Column("Subobject", cells.path("involvedObject.fieldPath", ""), priority=1),
        Column("Source", cells.event_source, priority=1),
        Column("Message", cells.path("message", "")),
        Column("First Seen", cells.event_first_seen, priority=1),
        Column("Count", cells.event_count, type="integer", priority=1),
        Column("Name", cells.name, format="name", priority=1),
    ),
    ("", "ConfigMap"): (_NAME, Column("Data", cells.size("data", "binaryData"), type="integer"), _AGE),
    ("", "Secret"): (_NAME, Column("Type", cells.path("type")), Column("Data", cells.size("data"), type="integer"), _AGE),
    ("", "Service"): (
        _NAME,
        Column("Type", cells.path("spec.type")),
        Column("Cluster-IP", cells.path("spec.clusterIP")),
        Column("External-IP", cells.constant("<none>")),
        Column("Port(s)", cells.service_ports),
        _AGE,
        Column("Selector", cells.labels("spec.selector"), priority=1),
    ),
    ("apps", "Deployment"): (
        _NAME,
        Column("Ready", cells.ratio("status.readyReplicas", "spec.replicas")),
        Column("Up-to-date", cells.number("status.updatedReplicas"), type="integer"),
        Column("Available", cells.number("status.availableReplicas"), type="integer"),
        _AGE,
        Column("Selector", cells.labels("spec.selector.matchLabels"), priority=1),
    ),
    ("apps", "ReplicaSet"): (
        _NAME,
        Column("Desired", cells.number("spec.replicas"), type="integer"),
        Column("Current", cells.number("status.replicas"), type="integer"),
        Column("Ready", cells.number("status.readyReplicas"), type="integer"),
        _AGE,
    ),
    ("apps", "StatefulSet"): (_NAME, Column("Ready", cells.ratio("status.readyReplicas", "spec.replicas")), _AGE),
    ("apps", "DaemonSet"): (
        _NAME,
        Column("Desired", cells.number("status.desiredNumberScheduled"), type="integer"),
        Column("Current", cells.number("status.currentNumberScheduled"), type="integer"),
        Column("Ready", cells.number("status.numberReady"), type="integer"),
        Column("Up-to-date", cells.number("status.updatedNumberScheduled"), type="integer"),
        Column("Available", cells.number("status.numberAvailable"), type="integer"),
        Column("Node Selector", cells.labels("spec.template.spec.nodeSelector")),
        _AGE,
    ),
    ("batch", "Job"): (_NAME, Column("Completions", cells.ratio("status.succeeded", "spec.completions")), _AGE),
    ("batch", "CronJob"): (
        _NAME,
        Column("Schedule", cells.path("spec.schedule")),
        Column("Suspend", cells.path("spec.suspend")),
        Column("Active", cells.size("status.active"), type="integer"),
        _AGE,
    ),
    ("coordination.k8s.io", "Lease"): (_NAME, Column("Holder", cells.path("spec.holderIdentity", "")), _AGE),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (_NAME, Column("Created At", cells.path("metadata.creationTimestamp"))),
}
_COLUMNS["events.k8s.io", "Event"] = _COLUMNS["", "Event"]
_DEFAULT = (_NAME, _AGE)
_CUSTOM_AGE = Column("Age", cells.custom_date(".metadata.creationTimestamp"), type="date")


def columns_of(resource: Resource) -> tuple[Column, ...]:
    """The columns of a resource. A custom one without printer columns shows its age."""
    if resource.custom is None:
        return _COLUMNS.get((resource.group, resource.kind), _DEFAULT)
    if not resource.custom.printer_columns:
        return (_NAME, _CUSTOM_AGE)
    return (_NAME, *(_custom_column(found) for found in resource.custom.printer_columns))


def _custom_column(found: JsonObject) -> Column:
    kind, json_path = str(found.get("type", "string")), str(found.get("jsonPath", ""))
    return Column(
        str(found.get("name", "")),
        cells.custom_date(json_path) if kind == "date" else cells.custom(json_path, kind),
        type=kind,
        format=str(found.get("format", "")),
        priority=int(found.get("priority", 0)),
        description=str(found.get("description", "")),
    )


def cells_of(resource: Resource, columns: tuple[Column, ...], data: JsonObject, now_seconds: float) -> list[Any]:
    """One row of an object in its stored form."""
    return [column.cell(data, now_seconds) for column in columns]
