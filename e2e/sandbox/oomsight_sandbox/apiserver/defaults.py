"""What the server fills into built-in objects, and what it refuses in them beyond their types. Pure functions, in place.

Source: k8s.io/kubernetes pkg/apis/core/v1/defaults.go, pkg/registry/core/pod/strategy.go, pkg/apis/core/validation. As much as
people see in `kubectl describe` and clients rely on, not all of it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from .pods import default_pod_spec, default_pod_status, validate_pod, validate_pod_update
from .resources import Resource
from .status import Cause
from .values import JsonObject, copy_json

APPS_WITH_TEMPLATE = frozenset({"deployments", "replicasets", "statefulsets", "daemonsets"})


def default_object(resource: Resource, data: JsonObject, old: JsonObject | None) -> None:
    """Fill in defaults; `old` is None on create."""
    defaulter = _DEFAULTERS.get((resource.group, resource.plural))
    if defaulter is not None:
        defaulter(data, old)
    elif resource.group == "apps" and resource.plural in APPS_WITH_TEMPLATE:
        _default_workload(resource.plural, data)


def validate_object(resource: Resource, data: JsonObject, old: JsonObject | None) -> list[Cause]:
    """What is wrong with a defaulted object."""
    key = (resource.group, resource.plural)
    if key == ("", "pods"):
        return validate_pod(data["spec"], "spec") if old is None else validate_pod_update(data, old)
    if resource.group == "apps" and resource.plural in APPS_WITH_TEMPLATE:
        return _validate_workload(data, old)
    if key == ("batch", "jobs"):
        return validate_pod(_template_spec(data), "spec.template.spec", job=True)
    if key == ("coordination.k8s.io", "leases"):
        return _validate_lease(data)
    if key in (("", "configmaps"), ("", "secrets")) and old is not None and old.get("immutable"):
        changed = any(data.get(field) != old.get(field) for field in ("data", "binaryData", "immutable"))
        return [Cause("FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set", "data")] if changed else []
    return []


def _default_namespace(data: JsonObject, _old: JsonObject | None) -> None:
    metadata = data["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    data.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    data.setdefault("status", {}).setdefault("phase", "Active")


def _default_pod(data: JsonObject, old: JsonObject | None) -> None:
    default_pod_spec(data.setdefault("spec", {}), pod=True)
    if old is None:
        data["status"] = default_pod_status(data["spec"])


def _default_node(data: JsonObject, _old: JsonObject | None) -> None:
    data.setdefault("spec", {})
    data.setdefault("status", {})


def _default_service(data: JsonObject, old: JsonObject | None) -> None:
    spec = data.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if old is not None and "clusterIP" not in spec and (old.get("spec") or {}).get("clusterIP"):
        spec["clusterIP"] = old["spec"]["clusterIP"]
    spec.setdefault("clusterIP", "None")  # no address is given out: nothing here would answer at it
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if "port" in port:
            port.setdefault("targetPort", port["port"])
    data.setdefault("status", {"loadBalancer": {}})


def _default_secret(data: JsonObject, _old: JsonObject | None) -> None:
    data.setdefault("type", "Opaque")
    plain = data.pop("stringData", None) or {}
    if plain:
        data["data"] = {
            **(data.get("data") or {}),
            **{key: base64.b64encode(value.encode()).decode() for key, value in plain.items()},
        }


def _default_workload(plural: str, data: JsonObject) -> None:
    spec = data.setdefault("spec", {})
    if plural != "daemonsets":
        spec.setdefault("replicas", 1)
    template = spec.get("template")
    if isinstance(template, dict):
        template.setdefault("metadata", {})
        default_pod_spec(template.setdefault("spec", {}), pod=False)
    if plural != "replicasets":
        spec.setdefault("revisionHistoryLimit", 10)
    if plural == "deployments":
        spec.setdefault("progressDeadlineSeconds", 600)
        strategy = spec.setdefault("strategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {"maxUnavailable": "25%", "maxSurge": "25%"})
    elif plural in ("statefulsets", "daemonsets"):
        strategy = spec.setdefault("updateStrategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            strategy.setdefault(
                "rollingUpdate", {"partition": 0} if plural == "statefulsets" else {"maxUnavailable": 1, "maxSurge": 0}
            )
    if plural == "statefulsets":
        spec.setdefault("podManagementPolicy", "OrderedReady")
    data.setdefault("status", {})


def _default_job(data: JsonObject, _old: JsonObject | None) -> None:
    spec = data.setdefault("spec", {})
    for name, value in (
        ("completions", 1),
        ("parallelism", 1),
        ("backoffLimit", 6),
        ("completionMode", "NonIndexed"),
        ("suspend", False),
    ):
        spec.setdefault(name, value)
    default_pod_spec(_template_spec(data), pod=False)
    data.setdefault("status", {})


def _template_spec(data: JsonObject) -> JsonObject:
    spec: JsonObject = data["spec"].setdefault("template", {}).setdefault("spec", {})
    return spec


def _default_cron_job(data: JsonObject, _old: JsonObject | None) -> None:
    spec = data.setdefault("spec", {})
    for name, value in (
        ("concurrencyPolicy", "Allow"),
        ("suspend", False),
        ("successfulJobsHistoryLimit", 3),
        ("failedJobsHistoryLimit", 1),
    ):
        spec.setdefault(name, value)
    data.setdefault("status", {})


def _default_priority_class(data: JsonObject, _old: JsonObject | None) -> None:
    data.setdefault("preemptionPolicy", "PreemptLowerPriority")


_DEFAULTERS: dict[tuple[str, str], Callable[[JsonObject, JsonObject | None], None]] = {
    ("", "namespaces"): _default_namespace,
    ("", "pods"): _default_pod,
    ("", "nodes"): _default_node,
    ("", "services"): _default_service,
    ("", "secrets"): _default_secret,
    ("batch", "jobs"): _default_job,
    ("batch", "cronjobs"): _default_cron_job,
    ("scheduling.k8s.io", "priorityclasses"): _default_priority_class,
}


def _validate_workload(data: JsonObject, old: JsonObject | None) -> list[Cause]:
    spec = data["spec"]
    template = spec.get("template") or {}
    causes = validate_pod(template.get("spec") or {}, "spec.template.spec")
    selector = spec.get("selector")
    wanted = (selector or {}).get("matchLabels") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        causes.append(Cause("FieldValueRequired", "Required value", "spec.selector"))
    elif any(labels.get(key) != value for key, value in wanted.items()):
        told = f"Invalid value: {labels}: `selector` does not match template `labels`"
        causes.append(Cause("FieldValueInvalid", told, "spec.template.metadata.labels"))
    if old is not None and (old.get("spec") or {}).get("selector") != selector:
        causes.append(Cause("FieldValueInvalid", f"Invalid value: {selector}: field is immutable", "spec.selector"))
    return causes


def _validate_lease(data: JsonObject) -> list[Cause]:
    spec: Any = data.get("spec") or {}
    causes = []
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        causes.append(Cause("FieldValueInvalid", f"Invalid value: {duration}: must be greater than 0", "spec.leaseDurationSeconds"))
    if transitions is not None and transitions < 0:
        told = f"Invalid value: {transitions}: must be greater than or equal to 0"
        causes.append(Cause("FieldValueInvalid", told, "spec.leaseTransitions"))
    return causes


def keep_status(data: JsonObject, old: JsonObject | None) -> None:
    """Writes to an object itself never change its status."""
    data.pop("status", None)
    if old is not None and "status" in old:
        data["status"] = copy_json(old["status"])
