"""Pods as the API server treats them: defaults, QoS class at creation, what may change later. Pure functions, in place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .quantities import parse_quantity
from .status import Cause
from .values import JsonObject, copy_json, name_problem, timestamp

_SPEC_DEFAULTS: JsonObject = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_POD_ONLY_DEFAULTS: JsonObject = {
    "serviceAccountName": "default",
    "serviceAccount": "default",
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
}
_ADMITTED_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PROBE_DEFAULTS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_VOLUME_DEFAULTS: dict[str, JsonObject] = {
    "configMap": {"defaultMode": 420},
    "secret": {"defaultMode": 420},
    "projected": {"defaultMode": 420},
    "downwardAPI": {"defaultMode": 420},
    "hostPath": {"type": ""},
}


def default_pod_spec(spec: JsonObject, *, pod: bool) -> None:
    """`pod`: a pod itself, not a workload's template; admission's defaults come on top."""
    for name, value in {**_SPEC_DEFAULTS, **(_POD_ONLY_DEFAULTS if pod else {})}.items():
        spec.setdefault(name, copy_json(value))
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            _default_container(container, pod=pod)
    for volume in spec.get("volumes") or ():
        kinds = [name for name in volume if name != "name"]
        if not kinds:
            volume["emptyDir"] = {}
        for kind in kinds:
            for name, value in _VOLUME_DEFAULTS.get(kind, {}).items():
                volume[kind].setdefault(name, value)
    if pod:
        tolerations = spec.setdefault("tolerations", [])
        known = {toleration.get("key") for toleration in tolerations}
        tolerations += [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in _ADMITTED_TOLERATIONS
            if key not in known and None not in known
        ]


def _default_container(container: JsonObject, *, pod: bool) -> None:
    image = str(container.get("image", ""))
    tagged = ":" in image.rpartition("/")[2] and not image.endswith(":latest")
    container.setdefault("imagePullPolicy", "IfNotPresent" if tagged or "@" in image else "Always")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    limits = resources.get("limits")
    if limits and pod:
        # A limit without a request is a request too (SetDefaults_Pod): the difference between Guaranteed and Burstable.
        resources["requests"] = {**limits, **(resources.get("requests") or {})}
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            for field, value in _PROBE_DEFAULTS.items():
                container[name].setdefault(field, value)


def default_pod_status(spec: JsonObject) -> JsonObject:
    """The status of a new pod: Pending, with the QoS class that the server computes once and for ever."""
    return {"phase": "Pending", "qosClass": qos_class(spec)}


def qos_class(spec: JsonObject) -> str:
    """GetPodQOS of k8s.io/kubernetes/pkg/apis/core/v1/helper/qos, over all containers, init containers included."""
    requests: dict[str, Decimal] = {}
    limits: dict[str, Decimal] = {}
    guaranteed = True
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        own_limits = _positive(resources.get("limits"))
        for name, amount in _positive(resources.get("requests")).items():
            requests[name] = requests.get(name, Decimal(0)) + amount
        for name, amount in own_limits.items():
            limits[name] = limits.get(name, Decimal(0)) + amount
        guaranteed = guaranteed and own_limits.keys() >= {"cpu", "memory"}
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed and requests == limits else "Burstable"


def _positive(amounts: Any) -> dict[str, Decimal]:
    found = {name: parse_quantity(amount) for name, amount in (amounts or {}).items() if name in ("cpu", "memory")}
    return {name: amount for name, amount in found.items() if amount is not None and amount > 0}


def validate_pod(spec: JsonObject, path: str, *, job: bool = False) -> list[Cause]:
    """What is wrong with a new pod's (or template's) spec."""
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(Cause("FieldValueRequired", "Required value", f"{path}.containers"))
    allowed = ("OnFailure", "Never") if job else ("Always", "OnFailure", "Never")
    if spec.get("restartPolicy") not in allowed:
        supported = ", ".join(f'"{policy}"' for policy in allowed)
        told = f'Unsupported value: "{spec.get("restartPolicy")}": supported values: {supported}'
        causes.append(Cause("FieldValueNotSupported", told, f"{path}.restartPolicy"))
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            at = f"{path}.{field}[{index}]"
            name = container.get("name", "")
            if not name:
                causes.append(Cause("FieldValueRequired", "Required value", f"{at}.name"))
            elif problem := name_problem(name, label=True):
                causes.append(Cause("FieldValueInvalid", f'Invalid value: "{name}": {problem}', f"{at}.name"))
            elif name in seen:
                causes.append(Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{at}.name"))
            seen.add(name)
            if not container.get("image"):
                causes.append(Cause("FieldValueRequired", "Required value", f"{at}.image"))
            causes += _validate_resources(container.get("resources") or {}, f"{at}.resources")
    return causes


def _validate_resources(resources: JsonObject, path: str) -> list[Cause]:
    causes = []
    amounts: dict[str, dict[str, Decimal]] = {"limits": {}, "requests": {}}
    for kind, found in amounts.items():
        for name, text in (resources.get(kind) or {}).items():
            amount = parse_quantity(text)
            if amount is None:
                told = f'Invalid value: "{text}": {_QUANTITY_RULE}'
                causes.append(Cause("FieldValueInvalid", told, f"{path}.{kind}[{name}]"))
            elif amount < 0:
                causes.append(
                    Cause(
                        "FieldValueInvalid",
                        f'Invalid value: "{text}": must be greater than or equal to 0',
                        f"{path}.{kind}[{name}]",
                    )
                )
            else:
                found[name] = amount
    for name, amount in amounts["requests"].items():
        limit = amounts["limits"].get(name)
        if limit is not None and amount > limit:
            shown = resources["requests"][name]
            told = f'Invalid value: "{shown}": must be less than or equal to {name} limit of {resources["limits"][name]}'
            causes.append(Cause("FieldValueInvalid", told, f"{path}.requests"))
    return causes


_QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_MAY_CHANGE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates", "ephemeralContainers")


def validate_pod_update(data: JsonObject, old: JsonObject) -> list[Cause]:
    """ValidatePodUpdate: most of a pod's spec never changes. A node is assigned through the binding subresource."""
    if _fixed_part(data["spec"]) == _fixed_part(old["spec"]):
        return []
    told = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [Cause("FieldValueForbidden", told, "spec")]


def _fixed_part(spec: JsonObject) -> JsonObject:
    fixed = {name: value for name, value in spec.items() if name not in _MAY_CHANGE}
    for field in ("containers", "initContainers"):
        if field in fixed:
            fixed[field] = [{name: value for name, value in container.items() if name != "image"} for container in fixed[field]]
    return fixed


def resize(old: JsonObject, data: JsonObject) -> JsonObject:
    """What a write to pods/resize stores (KEP-1287): the old pod with the resources of the containers that the new one names."""
    result: JsonObject = copy_json(old)
    for field in ("containers", "initContainers"):
        wanted = {container["name"]: container for container in (data.get("spec") or {}).get(field) or () if "name" in container}
        for container in result["spec"].get(field) or ():
            if container["name"] in wanted:
                container["resources"] = copy_json(wanted[container["name"]].get("resources") or {})
    return result


def bind(old: JsonObject, node: str, now_seconds: float) -> JsonObject:
    """The pod after the scheduler gave it a node: spec.nodeName and the PodScheduled condition."""
    result: JsonObject = copy_json(old)
    result["spec"]["nodeName"] = node
    state = result.setdefault("status", {})
    others = [condition for condition in state.get("conditions") or () if condition.get("type") != "PodScheduled"]
    state["conditions"] = [*others, {"type": "PodScheduled", "status": "True", "lastTransitionTime": timestamp(now_seconds)}]
    return result
