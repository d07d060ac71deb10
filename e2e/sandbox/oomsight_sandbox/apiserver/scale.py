"""The scale subresource of workloads (autoscaling/v1 Scale), by which `kubectl scale` works. Pure."""

from __future__ import annotations

from typing import Any

from . import status
from .values import JsonObject, copy_json

GROUP, VERSION, KIND = "autoscaling", "v1", "Scale"
SCALABLE = frozenset({"deployments", "replicasets", "statefulsets", "replicationcontrollers"})
_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(workload: JsonObject) -> JsonObject:
    """The Scale of a workload in its stored form."""
    metadata, spec = workload["metadata"], workload.get("spec") or {}
    selector = spec.get("selector") or {}
    labels = selector.get("matchLabels", {}) if "matchLabels" in selector or "matchExpressions" in selector else selector
    return {
        "kind": KIND,
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {name: metadata[name] for name in _METADATA if name in metadata},
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {
            "replicas": (workload.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def scaled(workload: JsonObject, scale: Any) -> JsonObject:
    """The workload with the replicas of a Scale; 400 and 422 for what is none."""
    spec = scale.get("spec") if isinstance(scale, dict) else None
    replicas = spec.get("replicas", 0) if isinstance(spec, dict) else None
    name = str(workload["metadata"].get("name", ""))
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise status.bad_request(f"Scale cannot be handled: spec.replicas: found {str(replicas)[:40]!r}, expected an integer")
    if not 0 <= replicas < 2**31:
        told = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise status.invalid(GROUP, KIND, name, [status.Cause("FieldValueInvalid", told, "spec.replicas")])
    result: JsonObject = copy_json(workload)
    result["spec"]["replicas"] = replicas
    return result
