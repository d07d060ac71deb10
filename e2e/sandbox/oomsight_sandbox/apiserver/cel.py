"""CEL rules of custom resources (`x-kubernetes-validations`), evaluated by cel-python.

Source: KEP-2876 and k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel. Of the Kubernetes extension libraries the quantity
functions are here; a rule that uses another one is refused when the definition is applied, not passed over.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from .quantities import parse_quantity
from .status import Cause
from .values import JsonObject

RULES = "x-kubernetes-validations"
_REASONS = {
    "FieldValueInvalid": "Invalid value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
}


class RuleError(ValueError):
    """A rule that cannot be compiled."""


def _quantity(text: Any) -> celtypes.DoubleType:
    amount = parse_quantity(text)
    if amount is None:
        raise ValueError(f"{str(text)[:80]!r} is no quantity")
    return celtypes.DoubleType(amount)


def _is_quantity(text: Any) -> celtypes.BoolType:
    try:
        _quantity(text)
    except ValueError:
        return celtypes.BoolType(False)
    return celtypes.BoolType(True)


_FUNCTIONS: dict[str, Any] = {
    "quantity": _quantity,
    "isQuantity": _is_quantity,
    "compareTo": lambda left, right: celtypes.IntType((left > right) - (left < right)),
    "isLessThan": lambda left, right: celtypes.BoolType(left < right),
    "isGreaterThan": lambda left, right: celtypes.BoolType(left > right),
    "asInteger": celtypes.IntType,
    "asApproximateFloat": celtypes.DoubleType,
    "sign": lambda value: celtypes.IntType((value > 0) - (value < 0)),
}


@cache
def _environment() -> celpy.Environment:
    return celpy.Environment()


@lru_cache(maxsize=1024)
def compile_rule(rule: str) -> Any:
    """The rule as a program; RuleError says why it is none."""
    environment = _environment()
    try:
        return environment.program(environment.compile(rule), functions=_FUNCTIONS)
    except (CELParseError, CELEvalError, ValueError, RecursionError) as error:
        raise RuleError(f"compilation failed: {str(error).strip()[:300]}") from error


def check_rules(schema: Any, path: str) -> list[Cause]:
    """What is wrong with the rules of a schema themselves."""
    causes: list[Cause] = []
    if isinstance(schema, dict):
        for index, rule in enumerate(schema.get(RULES) or ()):
            for name in ("rule", "messageExpression"):
                if text := rule.get(name):
                    try:
                        compile_rule(text)
                    except RuleError as error:
                        field = f"{path}.{RULES}[{index}].{name}"
                        causes.append(Cause("FieldValueInvalid", f'Invalid value: "{text}": {error}', field))
        for key, child in schema.items():
            if key == "properties" and isinstance(child, dict):
                for name, found in child.items():
                    causes += check_rules(found, f"{path}.properties[{name}]")
            elif key in ("items", "additionalProperties"):
                causes += check_rules(child, f"{path}.{key}")
    return causes


def validate(value: Any, old: Any, schema: JsonObject, path: str = "") -> list[Cause]:
    """Causes for every rule that does not hold. `old` is the value before an update (None on create): rules about `oldSelf` need
    it.
    """
    causes: list[Cause] = []
    _validate(value, old, schema, path, causes)
    return causes


def _validate(value: Any, old: Any, schema: JsonObject, path: str, causes: list[Cause]) -> None:
    for rule in schema.get(RULES) or ():
        _check(rule, value, old, path, causes)
    if isinstance(value, dict):
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, child in value.items():
            found = properties.get(key, additional if isinstance(additional, dict) else None)
            if found is not None:
                before = old.get(key) if isinstance(old, dict) else None
                _validate(child, before, found, f"{path}.{key}" if path else key, causes)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        keys = schema.get("x-kubernetes-list-map-keys") or ()
        for index, item in enumerate(value):
            # Items of list-maps are known again by their keys; those of other lists have no past.
            before = next((one for one in old if _same(one, item, keys)), None) if keys and isinstance(old, list) else None
            _validate(item, before, items, f"{path}[{index}]", causes)


def _same(left: Any, right: Any, keys: Any) -> bool:
    return isinstance(left, dict) and isinstance(right, dict) and all(left.get(key) == right.get(key) for key in keys)


def _check(rule: JsonObject, value: Any, old: Any, path: str, causes: list[Cause]) -> None:
    text = rule.get("rule") or "true"
    transition = re.search(r"\boldSelf\b", text) is not None
    if transition and old is None and not rule.get("optionalOldSelf"):
        return
    variables = {"self": json_to_cel(value)}
    if transition:
        variables["oldSelf"] = json_to_cel(old)
    try:
        holds = bool(compile_rule(text).evaluate(variables))
        why = ""
    except (CELEvalError, RuleError, ValueError, TypeError, RecursionError) as error:
        holds, why = False, f" evaluating rule: {str(error)[:200]}"
    if holds:
        return
    message = why or _message(rule, variables)
    reason = rule.get("reason") or "FieldValueInvalid"
    field = path + str(rule.get("fieldPath") or "") or "<nil>"
    intro = _REASONS.get(reason, "Invalid value")
    shown = f': "{_kind(value)}"' if reason == "FieldValueInvalid" else ""
    causes.append(Cause(reason, f"{intro}{shown}: {message}", field.removeprefix(".")))


def _message(rule: JsonObject, variables: dict[str, Any]) -> str:
    if expression := rule.get("messageExpression"):
        try:
            text = str(compile_rule(expression).evaluate(variables)).strip()
        except (CELEvalError, RuleError, ValueError, TypeError):
            text = ""
        if text:
            return text
    return str(rule.get("message") or f"failed rule: {rule.get('rule')}")


def _kind(value: Any) -> str:
    names: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
