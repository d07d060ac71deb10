"""The ways to change part of an object: JSON merge patch, JSON patch, strategic merge patch. Pure functions of JSON values.

Strategic merge knows the merge keys of the built-in kinds (the `patchMergeKey` tags of k8s.io/api), by field name; where a list has
none it is replaced, as upstream does.
"""

from __future__ import annotations

from typing import Any

import jsonpatch

from .values import JsonObject, copy_json

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

MAX_OPERATIONS = 10_000

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "ports": ("containerPort", "port"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Merge key of the items of a list, by the list's field name; the first that an item has counts (container ports, service
ports).
"""

PRIMITIVE_SETS = frozenset({"finalizers"})
"""Lists of plain values that are merged as sets."""

_ORDER, _DELETE_VALUES = "$setElementOrder/", "$deleteFromPrimitiveList/"


class PatchError(Exception):
    """The patch cannot be applied. `malformed`: it is no patch at all (400); otherwise it does not fit this object (422)."""

    def __init__(self, message: str, *, malformed: bool = False) -> None:
        super().__init__(message)
        self.malformed = malformed


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396. The result shares nothing with `target`."""
    if not isinstance(patch, dict):
        return copy_json(patch)
    result = {key: copy_json(value) for key, value in target.items() if key not in patch} if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is not None:
            result[key] = merge_patch(target.get(key) if isinstance(target, dict) else None, value)
    return result


def json_patch(target: JsonObject, operations: Any) -> Any:
    """RFC 6902."""
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise PatchError("a JSON patch must be a list of operations", malformed=True)
    if len(operations) > MAX_OPERATIONS:
        raise PatchError(
            f"the allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}", malformed=True
        )
    try:
        patched: Any = jsonpatch.JsonPatch(operations).apply(copy_json(target))
    except jsonpatch.InvalidJsonPatch as error:
        raise PatchError(str(error), malformed=True) from None
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise PatchError(str(error)) from None
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:  # odd operands the library does not foresee
        raise PatchError(f"cannot apply the JSON patch: {error}") from None
    return patched


def strategic_merge_patch(target: Any, patch: Any) -> Any:
    """Merge `patch` into `target` by the kinds' merge keys and the `$patch`, `$retainKeys`, `$setElementOrder` directives."""
    if not isinstance(patch, dict):
        raise PatchError("a strategic merge patch must be an object", malformed=True)
    return _merge_objects(target if isinstance(target, dict) else {}, patch)


def _merge_objects(target: JsonObject, patch: JsonObject) -> JsonObject:
    directive = patch.get("$patch")
    plain = {key: value for key, value in patch.items() if not key.startswith("$")}
    if directive == "replace":
        return {key: _without_directives(value) for key, value in plain.items() if value is not None}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"unknown patch directive {directive!r}: must be replace, merge or delete")
    result = {key: copy_json(value) for key, value in target.items() if key not in plain}
    retain = patch.get("$retainKeys")
    if isinstance(retain, list):
        result = {key: value for key, value in result.items() if key in retain}
    for key, value in plain.items():
        if value is not None:
            result[key] = _merge_value(key, target.get(key), value)
    for key, values in patch.items():
        if key.startswith(_DELETE_VALUES) and isinstance(values, list):
            name = key.removeprefix(_DELETE_VALUES)
            if isinstance(result.get(name), list):
                result[name] = [item for item in result[name] if item not in values]
        elif key.startswith(_ORDER) and isinstance(values, list):
            name = key.removeprefix(_ORDER)
            if isinstance(result.get(name), list):
                result[name] = _in_order(name, result[name], values)
    return result


def _merge_value(name: str, target: Any, patch: Any) -> Any:
    if isinstance(patch, dict):
        return _merge_objects(target if isinstance(target, dict) else {}, patch)
    if not isinstance(patch, list):
        return patch
    existing = target if isinstance(target, list) else []
    if name in PRIMITIVE_SETS and not any(isinstance(item, dict | list) for item in patch):
        return existing + [item for item in patch if item not in existing]
    if name in MERGE_KEYS and all(isinstance(item, dict) for item in [*existing, *patch]):
        return _merge_lists(name, existing, patch)
    return _without_directives(patch)


def _merge_lists(name: str, target: list[JsonObject], patch: list[JsonObject]) -> list[JsonObject]:
    if any(item.get("$patch") == "replace" for item in patch):
        return [_without_directives(item) for item in patch if item.get("$patch") != "replace"]
    result = [copy_json(item) for item in target]
    for item in patch:
        identity = merge_identity(name, item)
        if identity is None:
            raise PatchError(f"an item of {name} lacks its merge key ({' or '.join(MERGE_KEYS[name])})")
        index = next((at for at, found in enumerate(result) if merge_identity(name, found) == identity), None)
        if item.get("$patch") == "delete":
            if index is not None:
                del result[index]
        elif index is None:
            result.append(_merge_objects({}, item))
        else:
            result[index] = _merge_objects(result[index], item)
    return result


def merge_identity(name: str, item: Any) -> tuple[str, str] | None:
    """The merge key and its value that identify an item of the list field `name`; None if the list has none or the item lacks
    it.
    """
    if isinstance(item, dict):
        for key in MERGE_KEYS.get(name, ()):
            if key in item:
                return key, str(item[key])
    return None


def _in_order(name: str, items: list[Any], order: list[Any]) -> list[Any]:
    """Items named by `order` in its order; the others keep their place behind the item they followed."""
    wanted = {_order_key(name, entry): index for index, entry in enumerate(order)}
    ranks: list[float] = []
    last = -1.0
    for item in items:
        last = float(wanted.get(_order_key(name, item), last))
        ranks.append(last)
    return [item for _, item in sorted(zip(ranks, items, strict=True), key=lambda pair: pair[0])]


def _order_key(name: str, item: Any) -> str:
    return repr(merge_identity(name, item) if isinstance(item, dict) else item)


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_directives(child) for key, child in value.items() if not key.startswith("$") and child is not None}
    if isinstance(value, list):
        return [_without_directives(item) for item in value if not (isinstance(item, dict) and "$patch" in item)]
    return value
