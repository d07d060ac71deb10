"""Reading a body into a built-in kind, as the real server's decoders do: wrong types are refused, unknown fields dropped and named.

Nulls are absent fields. Custom resources have their own rules (structural.py); their metadata is read here too.
"""

from __future__ import annotations

from typing import Any

from . import builtin_schemas
from .builtin_schemas import COMPONENT
from .resources import Resource
from .status import Cause
from .values import JsonObject, parse_time

_TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
_INT64 = range(-(2**63), 2**63)


class WrongTypeError(ValueError):
    """A value that its field cannot hold; the message names the field, what was found and what was expected."""


class Conformer:
    """One pass over one value. After it, `unknown` names the fields that were dropped and `missing` those the kind requires."""

    def __init__(self, components: dict[str, JsonObject]) -> None:
        self._components = components
        self.unknown: list[str] = []
        self.missing: list[str] = []

    def conform(self, value: Any, schema: JsonObject, path: str) -> Any:
        """A copy of `value` that holds to `schema`; WrongTypeError if it cannot."""
        schema = self._resolve(schema)
        if schema.get("x-kubernetes-int-or-string"):
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise _wrong(path, value, "an integer or a string")
            return value
        kind = schema.get("type")
        if kind == "object":
            return self._conform_object(value, schema, path)
        if kind == "array":
            if not isinstance(value, list):
                raise _wrong(path, value, "a list")
            items = schema["items"]
            return [self.conform(item, items, f"{path}[{index}]") for index, item in enumerate(value)]
        if kind in _TYPES:
            self._check_scalar(value, kind, schema, path)
        return value

    def _conform_object(self, value: Any, schema: JsonObject, path: str) -> JsonObject:
        if not isinstance(value, dict):
            raise _wrong(path, value, "an object")
        properties = schema.get("properties")
        if properties is None:
            values = schema.get("additionalProperties", True)
            if values is True:
                return value
            return {key: self.conform(child, values, f"{path}.{key}") for key, child in value.items() if child is not None}
        result: JsonObject = {}
        for key, child in value.items():
            field = f"{path}.{key}" if path else key
            if key not in properties:
                self.unknown.append(field)
            elif child is not None:
                result[key] = self.conform(child, properties[key], field)
        self.missing += [f"{path}.{name}" for name in schema.get("required", ()) if name not in result and path]
        return result

    @staticmethod
    def _check_scalar(value: Any, kind: str, schema: JsonObject, path: str) -> None:
        expected = _TYPES[kind]
        if not isinstance(value, expected) or (isinstance(value, bool) and kind != "boolean"):
            raise _wrong(path, value, f"of type {kind}")
        if kind == "integer" and value not in _INT64:
            raise _wrong(path, value, "a 64-bit integer")
        if schema.get("format") == "date-time" and parse_time(value) is None:
            raise _wrong(path, value, "an RFC 3339 time")

    def _resolve(self, schema: JsonObject) -> JsonObject:
        while True:
            reference = schema.get("$ref") or next((found.get("$ref") for found in schema.get("allOf", ())), None)
            if reference is None:
                return schema
            schema = self._components[reference.removeprefix(COMPONENT)]


def conform_built_in(resource: Resource, value: JsonObject) -> tuple[JsonObject, list[str], list[Cause]]:
    """A typed copy of a body without apiVersion and kind, names of unknown fields, and causes for required fields of the spec."""
    components = builtin_schemas.components_of(resource)
    conformer = Conformer(components)
    result = conformer.conform(value, components[builtin_schemas.component_name(resource)], "")
    causes = [Cause("FieldValueRequired", "Required value", field) for field in conformer.missing if field.startswith("spec.")]
    return result, conformer.unknown, causes


def conform_metadata(value: Any) -> tuple[JsonObject, list[str]]:
    """A typed copy of an object's metadata and the names of its unknown fields."""
    schema, components = builtin_schemas.object_meta()
    conformer = Conformer(components)
    return conformer.conform(value, schema, "metadata"), conformer.unknown


def _wrong(path: str, value: Any, expected: str) -> WrongTypeError:
    found = "null" if value is None else {bool: "boolean", dict: "object", list: "list", str: "string"}.get(type(value), "number")
    shown = f" {value!r:.60}" if isinstance(value, str | int | float) else ""
    return WrongTypeError(f"{path or 'the object'}: found {found}{shown}, expected {expected}")
