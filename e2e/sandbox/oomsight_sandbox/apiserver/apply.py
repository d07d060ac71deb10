"""Server-side apply: the fields a manager applied are its own; two managers that want different things conflict. Pure functions.

Source: KEP-555, sigs.k8s.io/structured-merge-diff. Ownership is kept in `metadata.managedFields` for managers that *apply*;
ordinary writes are not tracked, so that applying over them never conflicts. Lists are merged by the keys of their schema (custom
resources) or by the well-known merge keys (built-in kinds); other lists are atomic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .patch import PRIMITIVE_SETS, merge_identity
from .values import JsonObject, copy_json, timestamp

Path = tuple[str, ...]
"""Steps as FieldsV1 writes them: `f:name`; `k:{"name":"x"}` an item by its keys; `v:"x"` a value of a set; `.` the item itself."""

_UNTRACKED = frozenset({("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")})


@dataclass(frozen=True, slots=True)
class ApplyConflict:
    """A field that another manager applied with another value."""

    manager: str
    field: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of a list or object: its field name, and its schema if it belongs to a custom resource."""

    name: str = ""
    schema: JsonObject | None = None

    def child(self, name: str) -> _Shape:
        schema = self.schema or {}
        additional = schema.get("additionalProperties")
        found = (schema.get("properties") or {}).get(name, additional if isinstance(additional, dict) else None)
        return _Shape(name, found)

    @property
    def items(self) -> _Shape:
        return _Shape("", (self.schema or {}).get("items"))

    def step(self, item: Any) -> str | None:
        """How an item of this list is told from the others; None if the list is atomic."""
        if self.schema is not None:
            kind, keys = self.schema.get("x-kubernetes-list-type"), self.schema.get("x-kubernetes-list-map-keys") or ()
            if kind == "map" and isinstance(item, dict):
                return "k:" + _dump({key: item.get(key) for key in keys})
            return "v:" + _dump(item) if kind == "set" else None
        if self.name in PRIMITIVE_SETS and not isinstance(item, dict | list):
            return "v:" + _dump(item)
        identity = merge_identity(self.name, item)
        return None if identity is None else "k:" + _dump({identity[0]: item[identity[0]]})


def apply(
    live: JsonObject, applied: JsonObject, *, manager: str, force: bool, schema: JsonObject | None, now_seconds: float
) -> tuple[JsonObject, list[ApplyConflict]]:
    """The live document after `manager` applied its own, and the conflicts that forbid it (none when `force`).

    `live` is empty for an object that is created. `schema`: of a custom resource, None for built-in kinds.
    """
    shape = _Shape(schema=schema)
    entries = [entry for entry in (live.get("metadata") or {}).get("managedFields") or () if isinstance(entry, dict)]
    mine = [entry for entry in entries if _is_applier(entry) and entry.get("manager") == manager]
    others = [entry for entry in entries if entry not in mine]
    wanted = _leaves(applied, shape) - _UNTRACKED
    conflicts: list[ApplyConflict] = []
    kept: list[JsonObject] = []
    owned_by_others: set[Path] = set()
    for entry in others:
        owned = read_fields(entry.get("fieldsV1"))
        if _is_applier(entry):
            disputed = {path for path in owned & wanted if path[-1] != "." and _value_at(live, path) != _value_at(applied, path)}
            conflicts += [ApplyConflict(str(entry.get("manager")), show_path(path)) for path in sorted(disputed)]
            owned -= disputed if force else set()
        owned_by_others |= owned
        if owned:
            kept.append({**entry, "fieldsV1": write_fields(owned)})
    if conflicts and not force:
        return live, conflicts
    result = copy_json(live)
    abandoned = set().union(*(read_fields(entry.get("fieldsV1")) for entry in mine)) - wanted - owned_by_others
    # Whole items first: without the fields that are their keys they could not be found.
    for path in sorted(abandoned, key=lambda path: (path[-1] != ".", -len(path))):
        _remove(result, path)
    result = _merge(result, applied, shape)
    result["metadata"]["managedFields"] = [
        *kept,
        {
            "manager": manager,
            "operation": "Apply",
            "apiVersion": applied.get("apiVersion"),
            "time": timestamp(now_seconds),
            "fieldsType": "FieldsV1",
            "fieldsV1": write_fields(wanted),
        },
    ]
    return result, []


def _is_applier(entry: JsonObject) -> bool:
    return entry.get("operation") == "Apply" and not entry.get("subresource")


def _leaves(value: Any, shape: _Shape, path: Path = ()) -> set[Path]:
    """The paths of all that a document says: atomic values, empty objects, and keyed items themselves."""
    if isinstance(value, dict) and value:
        return set().union(*(_leaves(child, shape.child(key), (*path, f"f:{key}")) for key, child in value.items()))
    if isinstance(value, list) and value:
        steps = [shape.step(item) for item in value]
        if None not in steps:
            found: set[Path] = set()
            for step, item in zip(steps, value, strict=True):
                at = (*path, str(step))
                found |= {(*at, ".")} | (_leaves(item, shape.items, at) if str(step).startswith("k:") else set())
            return found
    return {path} if path else set()


def _merge(live: Any, applied: Any, shape: _Shape) -> Any:
    if isinstance(applied, dict) and isinstance(live, dict):
        result = dict(live)
        for key, value in applied.items():
            result[key] = _merge(live[key], value, shape.child(key)) if key in live else copy_json(value)
        return result
    if isinstance(applied, list) and isinstance(live, list):
        steps = [shape.step(item) for item in [*live, *applied]]
        if None not in steps:
            merged = dict(zip(steps[: len(live)], live, strict=True))
            for step, item in zip(steps[len(live) :], applied, strict=True):
                merged[step] = _merge(merged[step], item, shape.items) if step in merged else copy_json(item)
            return list(merged.values())
    return copy_json(applied)


def _find(value: Any, step: str) -> Any:
    """The key or index of a step in an object or list; None if it is not there."""
    kind, _, text = step.partition(":")
    if kind == "f":
        return text if isinstance(value, dict) and text in value else None
    if not isinstance(value, list):
        return None
    wanted = json.loads(text)
    for index, item in enumerate(value):
        if kind == "v" and item == wanted:
            return index
        if kind == "k" and isinstance(item, dict) and all(item.get(key) == part for key, part in wanted.items()):
            return index
    return None


def _value_at(value: Any, path: Path) -> Any:
    for step in path:
        found = _find(value, step)
        if found is None:
            return None
        value = value[found]
    return value


def _remove(value: Any, path: Path) -> None:
    if path[-1] == ".":
        path = path[:-1]
    for step in path[:-1]:
        found = _find(value, step)
        if found is None:
            return
        value = value[found]
    found = _find(value, path[-1])
    if found is not None:
        del value[found]


def write_fields(paths: set[Path]) -> JsonObject:
    """Paths as a FieldsV1 tree."""
    tree: JsonObject = {}
    for path in sorted(paths):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return tree


def read_fields(tree: Any, path: Path = ()) -> set[Path]:
    """The leaves of a FieldsV1 tree; what is no tree of known steps counts for nothing."""
    if not isinstance(tree, dict):
        return set()
    if not tree:
        return {path} if path else set()
    found: set[Path] = set()
    for step, child in tree.items():
        if step == "." or step[:2] == "f:" or (step[:2] in ("k:", "v:") and _is_json(step[2:], step[0])):
            found |= read_fields(child, (*path, step))
    return found


def _is_json(text: str, kind: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return kind == "v" or isinstance(value, dict)


def show_path(path: Path) -> str:
    """A path as kubectl prints it: `.spec.containers[name="app"].image`."""
    shown = ""
    for step in path:
        kind, _, text = step.partition(":")
        if kind == "f":
            shown += f".{text}"
        elif kind == "k":
            shown += "[" + ",".join(f"{key}={_dump(value)}" for key, value in sorted(json.loads(text).items())) + "]"
        elif kind == "v":
            shown += f"[={text}]"
    return shown


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
