"""Structural schemas of custom resources: pruning, defaulting, validation. Pure functions of JSON values.

Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema (pruning, defaulting) and validation. Messages are spelled as upstream
spells them, since tests and people read them.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]  # comes with cel-python, ships no types

from .status import Cause
from .values import JsonObject, copy_json, parse_time

PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
_ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def prune(value: Any, schema: JsonObject, path: str = "", *, root: bool = False) -> tuple[Any, list[str]]:
    """A copy without the fields that the schema does not know, and their paths."""
    unknown: list[str] = []
    return _prune(value, schema, path, unknown, root), unknown


def _prune(value: Any, schema: JsonObject, path: str, unknown: list[str], root: bool = False) -> Any:
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [_prune(item, items, f"{path}[{index}]", unknown) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    embedded = root or schema.get("x-kubernetes-embedded-resource")
    result: JsonObject = {}
    for key, child in value.items():
        field = f"{path}.{key}" if path else key
        if embedded and key in _ROOT_FIELDS:
            result[key] = child
        elif key in properties:
            result[key] = _prune(child, properties[key], field, unknown)
        elif isinstance(additional, dict):
            result[key] = _prune(child, additional, field, unknown)
        elif additional or schema.get(PRESERVE):
            result[key] = copy_json(child)
        else:
            unknown.append(field)
    return result


def apply_defaults(value: Any, schema: JsonObject) -> None:
    """Fill in defaults, in place. A null where the schema has a default and allows no null counts as absent."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for key, found in properties.items():
            if "default" in found and (key not in value or (value[key] is None and not found.get("nullable"))):
                value[key] = copy_json(found["default"])
            if key in value:
                apply_defaults(value[key], found)
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            for key, child in value.items():
                if key not in properties:
                    apply_defaults(child, additional)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        for item in value:
            apply_defaults(item, items)


def validate(value: Any, schema: JsonObject, path: str = "") -> list[Cause]:
    """What is wrong with a value, field by field; rules in CEL are checked apart (cel.py)."""
    causes: list[Cause] = []
    _validate(value, schema, path, causes)
    return causes


def _validate(value: Any, schema: JsonObject, path: str, causes: list[Cause]) -> None:
    if value is None and schema.get("nullable"):
        return
    if not _has_type(value, schema):
        wanted = "integer,string" if schema.get(INT_OR_STRING) else schema.get("type")
        told = f'Invalid value: "{_type_name(value)}": {path} in body must be of type {wanted}: "{_type_name(value)}"'
        causes.append(Cause("FieldValueTypeInvalid", told, path))
        return
    if (allowed := schema.get("enum")) is not None and value not in allowed:
        told = f"Unsupported value: {_show(value)}: supported values: {', '.join(_show(one) for one in allowed)}"
        causes.append(Cause("FieldValueNotSupported", told, path))
    if isinstance(value, str):
        _validate_string(value, schema, path, causes)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _validate_number(value, schema, path, causes)
    elif isinstance(value, list):
        _validate_list(value, schema, path, causes)
    elif isinstance(value, dict):
        _validate_object(value, schema, path, causes)
    _validate_junctors(value, schema, path, causes)


def _has_type(value: Any, schema: JsonObject) -> bool:
    if schema.get(INT_OR_STRING):
        return isinstance(value, int | str) and not isinstance(value, bool)
    kind = schema.get("type")
    if kind == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    types: dict[str | None, type] = {"string": str, "boolean": bool, "array": list, "object": dict}
    # A node without a type (preserve-unknown-fields, or part of a junctor) takes anything but null.
    return isinstance(value, types[kind]) if kind in types else value is not None


def _validate_string(value: str, schema: JsonObject, path: str, causes: list[Cause]) -> None:
    if (least := schema.get("minLength")) is not None and len(value) < least:
        causes.append(_invalid(path, value, f"{path} in body should be at least {least} chars long"))
    if (most := schema.get("maxLength")) is not None and len(value) > most:
        causes.append(Cause("FieldValueTooLong", f"Too long: may not be more than {most} bytes", path))
    if (pattern := schema.get("pattern")) is not None and not compile_pattern(pattern).search(value):
        causes.append(_invalid(path, value, f"{path} in body should match '{pattern}'"))
    if schema.get("format") == "date-time" and parse_time(value) is None:
        causes.append(_invalid(path, value, f"{path} in body must be of type date-time: {_show(value)}"))


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Any:
    """The pattern in RE2, whose syntax and linear time the real server has too; ValueError if it is none."""
    try:
        return re2.compile(pattern)
    except re2.error as error:
        raise ValueError(f"error parsing regexp: {error}") from None


def _validate_number(value: float, schema: JsonObject, path: str, causes: list[Cause]) -> None:
    if (least := schema.get("minimum")) is not None:
        if schema.get("exclusiveMinimum") is True and value <= least:
            causes.append(_invalid(path, value, f"{path} in body should be greater than {_show(least)}"))
        elif value < least:
            causes.append(_invalid(path, value, f"{path} in body should be greater than or equal to {_show(least)}"))
    if (most := schema.get("maximum")) is not None:
        if schema.get("exclusiveMaximum") is True and value >= most:
            causes.append(_invalid(path, value, f"{path} in body should be less than {_show(most)}"))
        elif value > most:
            causes.append(_invalid(path, value, f"{path} in body should be less than or equal to {_show(most)}"))
    if (step := schema.get("multipleOf")) and value % step:
        causes.append(_invalid(path, value, f"{path} in body should be a multiple of {_show(step)}"))


def _validate_list(value: list[Any], schema: JsonObject, path: str, causes: list[Cause]) -> None:
    if (least := schema.get("minItems")) is not None and len(value) < least:
        causes.append(_invalid(path, len(value), f"{path} in body should have at least {least} items"))
    if (most := schema.get("maxItems")) is not None and len(value) > most:
        causes.append(Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items", path))
    items = schema.get("items") or {}
    for index, item in enumerate(value):
        _validate(item, items, f"{path}[{index}]", causes)
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    seen: set[str] = set()
    for index, item in enumerate(value):
        if list_type == "map" and isinstance(item, dict):
            defaults = {key: (items.get("properties") or {}).get(key, {}).get("default") for key in keys}
            identity = _show({key: item.get(key, defaults[key]) for key in keys})
        elif list_type == "set" or schema.get("uniqueItems"):
            identity = _show(item)
        else:
            return
        if identity in seen:
            causes.append(Cause("FieldValueDuplicate", f"Duplicate value: {identity}", f"{path}[{index}]"))
        seen.add(identity)


def _validate_object(value: JsonObject, schema: JsonObject, path: str, causes: list[Cause]) -> None:
    if (most := schema.get("maxProperties")) is not None and len(value) > most:
        causes.append(Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items", path))
    if (least := schema.get("minProperties")) is not None and len(value) < least:
        causes.append(_invalid(path, len(value), f"{path} in body should have at least {least} properties"))
    missing = [name for name in schema.get("required") or () if name not in value]
    causes += [Cause("FieldValueRequired", "Required value", f"{path}.{name}" if path else name) for name in missing]
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    for key, child in value.items():
        found = properties.get(key, additional if isinstance(additional, dict) else None)
        if found is not None:
            _validate(child, found, f"{path}.{key}" if path else key, causes)


def _validate_junctors(value: Any, schema: JsonObject, path: str, causes: list[Cause]) -> None:
    for part in schema.get("allOf") or ():
        _validate(value, part, path, causes)
    for junctor, wanted in (("anyOf", "at least one"), ("oneOf", "one and only one")):
        parts = schema.get(junctor)
        # int-or-string nodes carry anyOf of the two types, which their own check covers.
        if parts and not schema.get(INT_OR_STRING):
            fitting = sum(not validate(value, part, path) for part in parts)
            if fitting == 0 or (junctor == "oneOf" and fitting > 1):
                causes.append(_invalid(path, _type_name(value), f'"{path}" must validate {wanted} schema ({junctor})'))
    if schema.get("not") is not None and not validate(value, schema["not"], path):
        causes.append(_invalid(path, _type_name(value), f'"{path}" must not validate the schema (not)'))


def _invalid(path: str, value: Any, why: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {_show(value)}: {why}", path)


def _show(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:200]


def _type_name(value: Any) -> str:
    names: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
