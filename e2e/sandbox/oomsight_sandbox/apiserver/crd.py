"""Custom resources: a CustomResourceDefinition in the store makes its resource served at once.

Reading and checking definitions is pure; CustomResources keeps the registry in step with the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import cel, structural
from .history import HistoryEvent
from .lifecycle import Deletion, delete, update
from .resources import CRDS, Registry, Resource
from .status import Cause
from .store import ResourceId, Store, StoredObject
from .values import JsonObject, copy_json, name_problem, timestamp

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
_MAX_SCHEMA_DEPTH = 100


@dataclass(frozen=True, slots=True)
class CustomVersion:
    """What one version of a custom resource has beyond a Resource: its schema, printer columns and list kind."""

    schema: JsonObject
    list_kind: str
    printer_columns: tuple[JsonObject, ...] = ()


def prepare(definition: JsonObject, old: JsonObject | None, *, now_seconds: float) -> list[Cause]:
    """Fill in, in place, what the server adds to a definition (names, conditions, storedVersions); return what is wrong with it."""
    spec: JsonObject = definition.setdefault("spec", {})
    names: JsonObject = spec.setdefault("names", {})
    kind = names.get("kind", "")
    names.setdefault("listKind", f"{kind}List")
    names.setdefault("singular", kind.lower())
    spec.setdefault("conversion", {"strategy": "None"})
    causes = _check(definition, spec, names)
    if old is None:
        metadata = definition["metadata"]
        metadata["finalizers"] = list(dict.fromkeys([*(metadata.get("finalizers") or ()), FINALIZER]))
        definition["status"] = {"conditions": _conditions(now_seconds), "acceptedNames": {}, "storedVersions": []}
    state: JsonObject = definition.setdefault("status", {})
    state["acceptedNames"] = copy_json(names)
    storage = next((version.get("name") for version in spec.get("versions") or () if version.get("storage")), None)
    stored_versions = state.setdefault("storedVersions", [])
    if storage and storage not in stored_versions:
        stored_versions.append(storage)
    return causes


def _conditions(now_seconds: float) -> list[JsonObject]:
    time = timestamp(now_seconds)
    accepted = {"reason": "NoConflicts", "message": "no conflicts found", "type": "NamesAccepted"}
    established = {"reason": "InitialNamesAccepted", "message": "the initial names have been accepted", "type": "Established"}
    return [{**condition, "status": "True", "lastTransitionTime": time} for condition in (accepted, established)]


def _check(definition: JsonObject, spec: JsonObject, names: JsonObject) -> list[Cause]:
    causes: list[Cause] = []
    plural, group = names.get("plural", ""), spec.get("group", "")
    name = definition["metadata"].get("name", "")
    if name != f"{plural}.{group}":
        causes.append(_invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if "." not in group or name_problem(group):
        causes.append(_invalid("spec.group", group, "should be a domain with at least one dot"))
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        told = f'Unsupported value: "{spec.get("scope")}": supported values: "Cluster", "Namespaced"'
        causes.append(Cause("FieldValueNotSupported", told, "spec.scope"))
    causes += [
        _invalid(f"spec.names.{field}", names.get(field), problem)
        for field in ("plural", "singular")
        if (problem := name_problem(str(names.get(field, "")), label=True))
    ]
    versions = spec.get("versions") or []
    if sum(bool(version.get("storage")) for version in versions) != 1:
        causes.append(_invalid("spec.versions", versions and "versions", "must have exactly one version marked as storage version"))
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}].schema.openAPIV3Schema"
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not isinstance(schema, dict):
            causes.append(Cause("FieldValueRequired", "Required value: schemas are required", path))
        elif schema.get("type") != "object":
            causes.append(_invalid(f"{path}.type", schema.get("type"), "must be object at the root"))
        else:
            causes += _check_schema(schema, path, 0) or cel.check_rules(schema, path)
    return causes


def _check_schema(schema: Any, path: str, depth: int) -> list[Cause]:
    """A structural schema: every node is an object of known types, patterns compile."""
    if not isinstance(schema, dict):
        return [_invalid(path, schema, "must be a schema")]
    if depth > _MAX_SCHEMA_DEPTH:
        return [_invalid(path, "schema", f"must not be nested deeper than {_MAX_SCHEMA_DEPTH}")]
    kind = schema.get("type")
    if kind is not None and kind not in _TYPES:
        return [Cause("FieldValueNotSupported", f'Unsupported value: "{kind}": supported values: {sorted(_TYPES)}', f"{path}.type")]
    if kind is None and depth and not schema.get(structural.INT_OR_STRING) and not schema.get(structural.PRESERVE):
        return [Cause("FieldValueRequired", "Required value: must not be empty for specified object fields", f"{path}.type")]
    causes: list[Cause] = []
    if pattern := schema.get("pattern"):
        try:
            structural.compile_pattern(pattern)
        except ValueError as error:
            causes.append(_invalid(f"{path}.pattern", pattern, str(error)))
    properties = schema.get("properties")
    if properties is not None and not isinstance(properties, dict):
        return [_invalid(f"{path}.properties", properties, "must be an object")]
    for name, child in (properties or {}).items():
        causes += _check_schema(child, f"{path}.properties[{name}]", depth + 1)
    if "items" in schema:
        causes += _check_schema(schema["items"], f"{path}.items", depth + 1)
    elif kind == "array":
        causes.append(Cause("FieldValueRequired", "Required value: must be specified", f"{path}.items"))
    if isinstance(schema.get("additionalProperties"), dict):
        causes += _check_schema(schema["additionalProperties"], f"{path}.additionalProperties", depth + 1)
    return causes


def _invalid(path: str, value: object, why: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{str(value)[:100]}": {why}', path)


def resources_of(definition: JsonObject) -> tuple[Resource, ...]:
    """The served versions of a (checked) definition."""
    spec = definition["spec"]
    names = spec["names"]
    storage = ResourceId(spec["group"], names["plural"])
    served = []
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        subresources = version.get("subresources") or {}
        columns = [column for column in version.get("additionalPrinterColumns") or () if isinstance(column, dict)]
        selectable = version.get("selectableFields") or ()
        served.append(
            Resource(
                group=spec["group"],
                version=version["name"],
                kind=names["kind"],
                plural=names["plural"],
                singular=names["singular"],
                namespaced=spec["scope"] == "Namespaced",
                storage=storage,
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                has_status="status" in subresources,
                generation=True,
                unconditional_update=False,
                selectable_fields=tuple(str(field.get("jsonPath", "")).lstrip(".") for field in selectable),
                custom=CustomVersion(version["schema"]["openAPIV3Schema"], names["listKind"], tuple(columns)),
            )
        )
    return tuple(served)


class CustomResources:
    """Follows the definitions in the store: registers what they define, and removes objects whose definition is deleted."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        store.listeners.append(self._on_change)

    def _on_change(self, event: HistoryEvent) -> None:
        resource = event.object.key.resource
        if resource == CRDS:
            self._on_definition(event)
        elif event.type == "DELETED" and self._registry.has_custom(resource):
            definition = self._store.get(
                event.object.key._replace(resource=CRDS, namespace="", name=f"{resource.plural}.{resource.group}")
            )
            if definition is not None and definition.is_terminating:
                self._finish(definition, resource)

    def _on_definition(self, event: HistoryEvent) -> None:
        definition = event.object
        spec = definition.data["spec"]
        storage = ResourceId(spec["group"], spec["names"]["plural"])
        if event.type == "DELETED":
            self._registry.replace_custom(storage, ())
        elif definition.is_terminating:
            for custom in self._store.objects(storage):
                if not custom.is_terminating:
                    delete(self._store, custom.key, Deletion())
            self._finish(definition, storage)
        else:
            self._registry.replace_custom(storage, resources_of(definition.data))

    def _finish(self, definition: StoredObject, storage: ResourceId) -> None:
        current = self._store.get(definition.key)
        if current is None or self._store.count(storage) or FINALIZER not in (current.metadata.get("finalizers") or ()):
            return
        finalizers = [name for name in current.metadata["finalizers"] if name != FINALIZER]
        data = {**current.data, "metadata": {**current.metadata, "finalizers": finalizers}}
        update(self._store, current.key, data, bump_generation=False)
