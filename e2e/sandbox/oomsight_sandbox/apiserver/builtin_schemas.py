"""Schemas of the built-in kinds, taken from the models of the official `kubernetes` client: no list of fields is kept here.

The client's models give names, types, required fields and descriptions (for `kubectl explain`). Imported when first needed: half a
second and some 30 MiB.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .resources import Resource
from .values import JsonObject

_REFERENCE = "#/$defs/"
COMPONENT = "#/components/schemas/"

_QUANTITY_MAPS = frozenset({
    "allocatable", "allocatedResources", "capacity", "default", "defaultRequest", "hard", "limits", "max", "maxLimitRequestRatio",
    "min", "overhead", "requests", "used",
})  # fmt: skip
_QUANTITIES = frozenset({"divisor", "sizeLimit"})
_INT_OR_STRING: JsonObject = {"x-kubernetes-int-or-string": True}
_MODEL_NAMES = {("", "Event"): "CoreV1Event", ("events.k8s.io", "Event"): "EventsV1Event"}


def component_name(resource: Resource) -> str:
    """The name of a built-in kind's schema among the components."""
    return _public_name(_model_name(resource))


def _model_name(resource: Resource) -> str:
    return _MODEL_NAMES.get((resource.group, resource.kind), f"V1{resource.kind}")


def _public_name(model: str) -> str:
    """`V1PodSpec` as `io.k8s.v1.PodSpec`: kubectl shows what stands behind the last dot as the type."""
    for prefix in ("CoreV1", "EventsV1", "V1"):
        if model.startswith(prefix):
            family = prefix.removesuffix("V1").lower()
            return f"io.k8s.{family + '.' if family else ''}v1.{model.removeprefix(prefix)}"
    return f"io.k8s.{model}"


def components_of(resource: Resource) -> dict[str, JsonObject]:
    """All schemas that a built-in kind consists of, by name."""
    return _components(_model_name(resource))


@cache
def object_meta() -> tuple[JsonObject, dict[str, JsonObject]]:
    """The schema of ObjectMeta and what it refers to; custom resources have the same metadata."""
    components = _components("V1ObjectMeta")
    return components[_public_name("V1ObjectMeta")], components


@cache
def _components(model: str) -> dict[str, JsonObject]:
    from kubernetes.client import models  # noqa: PLC0415 - see the module's docstring

    document: JsonObject = getattr(models, model).model_json_schema()
    found = {**document.pop("$defs", {}), model: document}
    return {_public_name(name): _convert(schema) for name, schema in found.items()}


def _convert(schema: JsonObject) -> JsonObject:
    """A pydantic model's JSON schema as OpenAPI has it: no `null` alternatives, no titles, int-or-string marked."""
    properties = {name: _convert_property(name, found) for name, found in schema.get("properties", {}).items()}
    converted: JsonObject = {"type": "object", "properties": properties}
    description = str(schema.get("description", "")).partition("\n\nAttributes:")[0]
    if description:
        converted["description"] = description
    if schema.get("required"):
        converted["required"] = list(schema["required"])
    return converted


def _convert_property(name: str, schema: JsonObject) -> JsonObject:
    converted = _convert_type(schema)
    if name in _QUANTITIES:
        converted = dict(_INT_OR_STRING)
    elif name in _QUANTITY_MAPS and "additionalProperties" in converted:
        converted = {"type": "object", "additionalProperties": dict(_INT_OR_STRING)}
    if description := schema.get("description"):
        if "$ref" in converted:
            converted = {"allOf": [converted]}
        converted["description"] = description
    return converted


def _convert_type(schema: Any) -> JsonObject:
    if not isinstance(schema, dict):
        return {}
    alternatives = [found for found in schema.get("anyOf", ()) if found.get("type") != "null"]
    if alternatives:
        return _convert_alternatives(alternatives)
    if reference := schema.get("$ref"):
        return {"$ref": COMPONENT + _public_name(reference.removeprefix(_REFERENCE))}
    kind = schema.get("type")
    if kind == "array":
        return {"type": "array", "items": _convert_type(schema.get("items"))}
    if kind == "object":
        values = schema.get("additionalProperties", True)
        return {"type": "object", "additionalProperties": True if values is True else _convert_type(values)}
    converted = {"type": kind} if kind else {}
    if schema.get("format") == "date-time":
        converted["format"] = "date-time"
    return converted


def _convert_alternatives(alternatives: list[JsonObject]) -> JsonObject:
    kinds = {found.get("type") for found in alternatives}
    if kinds == {"integer", "string"}:
        return dict(_INT_OR_STRING)
    if kinds == {"integer", "number"}:
        return {"type": "number"}
    # Bytes, which the client models as text or bytes; and schemas in schemas, about which nothing more is said.
    return _convert_type(alternatives[-1]) if len(alternatives) == 1 or kinds == {"string"} else {}
