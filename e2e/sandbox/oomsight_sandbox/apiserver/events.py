"""Events: one stored object, two APIs. core/v1 and events.k8s.io/v1 name the same fields differently.

Stored in the core form, as upstream's internal type is; `kubectl describe` reads core/v1 and so sees what was posted through
events.k8s.io/v1. Validation after k8s.io/kubernetes/pkg/apis/core/validation/events.go.
"""

from __future__ import annotations

from typing import Any

from .status import Cause
from .values import JsonObject, parse_time, qualified_name_problem

GROUP = "events.k8s.io"

_TO_CORE = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_FROM_CORE = {core: new for new, core in _TO_CORE.items()}
_DEPRECATED = ("source", "firstTimestamp", "lastTimestamp", "count")
_IMMUTABLE = (
    "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type", "action", "related",
    "reportingComponent", "reportingInstance",
)  # fmt: skip
_MESSAGE_LIMIT, _ACTION_LIMIT, _REASON_LIMIT, _INSTANCE_LIMIT = 1024, 128, 128, 128


def to_core(event: JsonObject) -> JsonObject:
    """events.k8s.io/v1 to the stored form; what has no counterpart keeps its name."""
    return {_TO_CORE.get(name, name): value for name, value in event.items()}


def from_core(event: JsonObject) -> JsonObject:
    """The stored form as events.k8s.io/v1 shows it."""
    return {_FROM_CORE.get(name, name): value for name, value in event.items()}


def stored_field(path: str) -> str:
    """A field selector of either API as a path of the stored form. `source` compares the source's component, as upstream does."""
    head, dot, rest = path.partition(".")
    if head == "source":
        return "source.component"
    return _TO_CORE.get(head, head) + dot + rest


def validate(event: JsonObject, old: JsonObject | None, *, new_api: bool) -> list[Cause]:
    """What is wrong with an event in its stored form. `new_api`: it came through events.k8s.io/v1."""
    causes: list[Cause] = []
    metadata: JsonObject = event["metadata"]
    namespace = metadata.get("namespace", "")
    reference: Any = event.get("involvedObject") or {}
    involved_namespace = reference.get("namespace", "")
    if involved_namespace != namespace and not (not involved_namespace and namespace in ("default", "kube-system")):
        causes.append(_invalid("involvedObject.namespace", involved_namespace, "does not match event.namespace"))
    if new_api and old is not None:
        causes += [_invalid(name, event.get(name), "field is immutable") for name in _IMMUTABLE if event.get(name) != old.get(name)]
    if event.get("eventTime") or event.get("series") or new_api:
        causes += _validate_new_style(event)
    if new_api and old is None:
        causes += [_invalid(name, event[name], "needs to be unset") for name in _DEPRECATED if event.get(name)]
        if event.get("type") not in ("Normal", "Warning"):
            causes.append(_invalid("type", event.get("type", ""), "has invalid value: must be Normal or Warning"))
        if not parse_time(event.get("eventTime")):
            causes.append(Cause("FieldValueRequired", "Required value", "eventTime"))
    return causes


def _validate_new_style(event: JsonObject) -> list[Cause]:
    causes = []
    controller = event.get("reportingComponent") or ""
    if not controller:
        causes.append(Cause("FieldValueRequired", "Required value", "reportingController"))
    elif problem := qualified_name_problem(controller):
        causes.append(_invalid("reportingController", controller, problem))
    for name, limit in (("reportingInstance", _INSTANCE_LIMIT), ("action", _ACTION_LIMIT), ("reason", _REASON_LIMIT)):
        value = event.get(name) or ""
        if not value:
            causes.append(Cause("FieldValueRequired", "Required value", name))
        elif len(value.encode()) > limit:
            causes.append(_invalid(name, "", f"can have at most {limit} characters"))
    if len((event.get("message") or "").encode()) > _MESSAGE_LIMIT:
        causes.append(_invalid("message", "", f"can have at most {_MESSAGE_LIMIT} characters"))
    return causes


def _invalid(field: str, value: object, why: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{value}": {why}', field)
