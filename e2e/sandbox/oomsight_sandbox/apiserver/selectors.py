"""Label and field selectors, as `labelSelector=` and `fieldSelector=` carry them.

Source: k8s.io/apimachinery/pkg/labels (selector.go) and pkg/fields. Parsing is pure; a bad selector is a ValueError that says
where.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .values import JsonObject, label_value_problem, qualified_name_problem

_SET_REQUIREMENT = re.compile(r"\s*(?P<key>[^\s,=!<>()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_EQUALITY_REQUIREMENT = re.compile(r"\s*(?P<key>[^\s,=!<>()]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s,=!<>()]*)\s*")
_NUMERIC_REQUIREMENT = re.compile(r"\s*(?P<key>[^\s,=!<>()]+)\s*(?P<operator>[<>])\s*(?P<value>-?[0-9]+)\s*")
_EXISTS_REQUIREMENT = re.compile(r"\s*(?P<not>!?)\s*(?P<key>[^\s,=!<>()]+)\s*")


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """`operator` is one of: in, notin, exists, !, <, >. `=` is `in` of one value, `!=` is `notin` of one."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, Any]) -> bool:
        value = labels.get(self.key)
        if self.operator == "in":
            return value in self.values
        if self.operator == "notin":
            return value not in self.values
        if self.operator in "<>":
            try:
                found, bound = int(str(value)), int(next(iter(self.values)))
            except ValueError:
                return False
            return found < bound if self.operator == "<" else found > bound
        return (self.key in labels) is (self.operator == "exists")


def parse_label_selector(text: str) -> tuple[LabelRequirement, ...]:
    """The requirements of a selector, all of which must hold; empty selects everything."""
    requirements: list[LabelRequirement] = []
    position = 0
    while position < len(text) and text[position:].strip():
        found, requirement = _parse_requirement(text, position)
        problem = qualified_name_problem(requirement.key) or next(
            (
                bad
                for value in requirement.values
                if requirement.operator in ("in", "notin") and (bad := label_value_problem(value))
            ),
            None,
        )
        if problem:
            raise ValueError(f"unable to parse requirement {found.group(0).strip()!r}: {problem}")
        requirements.append(requirement)
        position = found.end()
        if position < len(text):
            if text[position] != "," or not text[position + 1 :].strip():
                raise ValueError(f"unable to parse label selector: found {text[position:]!r}, expected: ',' and a requirement")
            position += 1
    return tuple(requirements)


def _parse_requirement(text: str, position: int) -> tuple[re.Match[str], LabelRequirement]:
    if found := _SET_REQUIREMENT.match(text, position):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return found, LabelRequirement(found["key"], found["operator"], values)
    if found := _EQUALITY_REQUIREMENT.match(text, position):
        operator = "notin" if found["operator"] == "!=" else "in"
        return found, LabelRequirement(found["key"], operator, frozenset([found["value"]]))
    if found := _NUMERIC_REQUIREMENT.match(text, position):
        return found, LabelRequirement(found["key"], found["operator"], frozenset([found["value"]]))
    if found := _EXISTS_REQUIREMENT.match(text, position):
        return found, LabelRequirement(found["key"], "!" if found["not"] else "exists")
    raise ValueError(f"unable to parse label selector: found {text[position:]!r}, expected: a requirement")


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    path: str
    equal: bool
    value: str


def parse_field_selector(text: str) -> tuple[FieldRequirement, ...]:
    """Terms `path=value`, `path==value`, `path!=value`, joined by commas; a backslash escapes comma, equals and backslash."""
    requirements: list[FieldRequirement] = []
    for term in _split_unescaped(text):
        if not term:
            continue
        found = re.match(r"([^=!\\]+)(!=|==|=)(.*)", term, re.DOTALL)
        if found is None:
            raise ValueError(f"invalid selector: {text!r}; can't understand {term!r}")
        requirements.append(FieldRequirement(found[1], found[2] != "!=", _unescape(found[3], text)))
    return tuple(requirements)


def _split_unescaped(text: str) -> list[str]:
    return re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL)


def _unescape(value: str, text: str) -> str:
    if re.search(r"\\(?![\\,=])", re.sub(r"\\[\\,=]", "", value)) or "=" in re.sub(r"\\[\\,=]", "", value):
        raise ValueError(f"invalid field selector {text!r}: unescaped character in value {value!r}")
    return re.sub(r"\\([\\,=])", r"\1", value)


def field_text(data: JsonObject, path: str) -> str:
    """The value at a dotted path as selectors compare it: text, with absent as the empty string and booleans as Go prints them."""
    value: Any = data
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Selection:
    """A label selector and a field selector together. `read_field` gives a field's text for kinds that compare something else."""

    __slots__ = ("_fields", "_labels", "_read_field", "namespace")

    def __init__(
        self,
        labels: tuple[LabelRequirement, ...] = (),
        fields: tuple[FieldRequirement, ...] = (),
        *,
        namespace: str = "",
        read_field: Callable[[JsonObject, str], str] = field_text,
    ) -> None:
        self._labels = labels
        self._fields = fields
        self._read_field = read_field
        self.namespace = namespace

    @property
    def selects_all(self) -> bool:
        return not self._labels and not self._fields

    def matches(self, data: JsonObject) -> bool:
        metadata = data["metadata"]
        if self.namespace and metadata.get("namespace") != self.namespace:
            return False
        if self._labels:
            labels = metadata.get("labels") or {}
            if not all(requirement.matches(labels) for requirement in self._labels):
                return False
        return all((self._read_field(data, required.path) == required.value) is required.equal for required in self._fields)
