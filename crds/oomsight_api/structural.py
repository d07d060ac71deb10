"""From a pydantic model to a structural schema, as apiextensions.k8s.io/v1 wants it.

Pydantic writes JSON Schema with `$ref`, titles, and `anyOf` with null for what may be absent. A structural schema has none of them:
references are resolved, absence is a field that is not required, and unknown fields are pruned by the API server. Rules:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oomsight_api.api_model import ApiModel

Schema = dict[str, Any]

_KEPT = (
    "type",
    "description",
    "format",
    "x-kubernetes-int-or-string",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "default",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
    "required",
)
"""Keywords that stay as they are, in the order in which a reader meets them."""
_SAME_AS_ABSENT: tuple[Any, ...] = (None, "", [], {})
"""No default is written for these. An API server of 1.20 refuses an empty string as one, which it reads as null."""
_DROPPED = frozenset({"title", "$defs"})
_DESCENDED = frozenset({"properties", "items", "additionalProperties", "const", "$ref", "anyOf"})


def structural_schema(model: type[ApiModel]) -> Schema:
    """The structural schema of a model. Raises ValueError for anything that cannot be said in one."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(raw, raw.get("$defs", {}), model.__name__)


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Schema:
    node = _resolved(node, definitions, path)
    unknown = node.keys() - set(_KEPT) - _DROPPED - _DESCENDED
    if unknown:
        raise ValueError(f"{path}: found the keywords {sorted(unknown)}, expected those of a structural schema")
    schema: Schema = {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        schema["enum"] = [node["const"]]
    if "properties" in node:
        schema["properties"] = {name: _convert(child, definitions, f"{path}.{name}") for name, child in node["properties"].items()}
    if "items" in node:
        schema["items"] = _convert(node["items"], definitions, f"{path}[]")
    values = node.get("additionalProperties", False)
    if values is not False:
        schema["additionalProperties"] = _convert(values, definitions, f"{path}{{}}")
    if schema.get("default") in _SAME_AS_ABSENT:
        schema.pop("default", None)
    else:
        schema["default"] = _written_default(schema["default"], schema)
    return schema


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Follow references and take null out; what stands beside a reference wins over what it refers to."""
    resolved = dict(node)
    while "$ref" in resolved or "anyOf" in resolved:
        if "$ref" in resolved:
            target = definitions[resolved.pop("$ref").rpartition("/")[2]]
        else:
            choices = [choice for choice in resolved.pop("anyOf") if choice.get("type") != "null"]
            if len(choices) != 1:
                raise ValueError(f"{path}: found a union of {len(choices)} types, expected one type")
            target = choices[0]
        resolved = {**target, **resolved}
    return resolved


def _written_default(value: Any, schema: Mapping[str, Any]) -> Any:
    """A default in full, so that rules hold for it, but without what means the same when absent."""
    if not isinstance(value, dict):
        return value
    fields = schema["properties"]
    kept = {name: item for name, item in value.items() if "default" in fields[name] or item not in _SAME_AS_ABSENT}
    return {name: _written_default(item, fields[name]) for name, item in kept.items()}
