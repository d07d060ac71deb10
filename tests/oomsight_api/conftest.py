"""A small judge of custom resources as the API server judges them, independent of the models: it knows the generated YAML alone."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import celpy
import celpy.adapter
import pytest
import yaml

ROOT = Path(__file__).parents[2]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
}


class ResourceSchema:
    """The schema of one kind. `admit` does what the API server does: default, then validate, then the CEL rules."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.definition = definition
        (self.version,) = definition["spec"]["versions"]
        self.schema: dict[str, Any] = self.version["schema"]["openAPIV3Schema"]
        self._environment = celpy.Environment()
        self._programs: dict[str, Any] = {}

    @property
    def spec(self) -> dict[str, Any]:
        section: dict[str, Any] = self.schema["properties"]["spec"]
        return section

    def admit(self, spec: Any) -> tuple[Any, list[str]]:
        """The spec with defaults, and what is wrong with it (empty: it is stored)."""
        stored = _defaulted(self.spec, copy.deepcopy(spec))
        errors = _errors(self.spec, stored, "spec")
        return stored, errors or self._rule_errors(self.spec, stored, "spec")

    def admit_object(self, resource: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The same for a whole object, its metadata left alone."""
        stored = _defaulted(self.schema, copy.deepcopy(resource))
        errors = _errors(self.schema, {**stored, "metadata": {}}, "")
        return stored, errors or self._rule_errors(self.schema, stored, "")

    def _rule_errors(self, schema: dict[str, Any], value: Any, path: str) -> list[str]:
        rules = schema.get("x-kubernetes-validations", ())
        subject = {"self": celpy.adapter.json_to_cel(value)} if rules else {}
        errors = [f"{path}: {rule['message']}" for rule in rules if not bool(self._program(rule["rule"]).evaluate(subject))]
        for child, item, where in _children(schema, value, path):
            errors += self._rule_errors(child, item, where)
        return errors

    def _program(self, rule: str) -> Any:
        if rule not in self._programs:
            self._programs[rule] = self._environment.program(self._environment.compile(rule))
        return self._programs[rule]


def _children(schema: dict[str, Any], value: Any, path: str) -> list[tuple[dict[str, Any], Any, str]]:
    if isinstance(value, list):
        return [(schema["items"], item, f"{path}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return []
    properties = schema.get("properties", {})
    known = [(properties[key], item, f"{path}.{key}") for key, item in value.items() if key in properties]
    if "additionalProperties" in schema:
        known += [(schema["additionalProperties"], item, f"{path}.{key}") for key, item in value.items() if key not in properties]
    return known


def _defaulted(schema: dict[str, Any], value: Any) -> Any:
    if isinstance(value, list) and "items" in schema:
        return [_defaulted(schema["items"], item) for item in value]
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if "default" in child and value.get(name) is None:
                value[name] = copy.deepcopy(child["default"])
            if name in value:
                value[name] = _defaulted(child, value[name])
    return value


def _errors(schema: dict[str, Any], value: Any, path: str) -> list[str]:
    if schema.get("x-kubernetes-int-or-string"):
        allowed: tuple[type, ...] = (int, str)
    else:
        allowed = _TYPES[schema["type"]]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        return [f"{path}: wrong type"]
    errors = []
    if "enum" in schema and value not in schema["enum"]:
        errors.append(f"{path}: not in enum")
    if isinstance(value, str):
        errors += _size_errors(schema, len(value), "Length", path)
        if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
            errors.append(f"{path}: does not match pattern")
    elif isinstance(value, int):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            errors.append(f"{path}: out of bounds")
    elif isinstance(value, list):
        errors += _size_errors(schema, len(value), "Items", path)
    elif isinstance(value, dict):
        errors += _size_errors(schema, len(value), "Properties", path)
        errors += [f"{path}.{name}: required" for name in schema.get("required", ()) if name not in value]
        if "additionalProperties" not in schema and "properties" in schema:
            errors += [f"{path}.{name}: unknown field" for name in value if name not in schema["properties"]]
    for child, item, where in _children(schema, value, path):
        errors += _errors(child, item, where)
    return errors


def _size_errors(schema: dict[str, Any], size: int, what: str, path: str) -> list[str]:
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}", size)
    return [] if least <= size <= most else [f"{path}: {what.lower()} out of bounds"]


@pytest.fixture(scope="session")
def schemas() -> dict[str, ResourceSchema]:
    """By kind, from the very files that are applied to a cluster."""
    definitions = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    return {definition["spec"]["names"]["kind"]: ResourceSchema(definition) for definition in definitions}
