"""The verbs of the API on resources: get, create, update, patch, delete. Synchronous, no HTTP inside; lists are in listing.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import events, lifecycle, pods, status
from .admission import Admission, merge_status, spec_changed
from .apply import ApplyConflict, apply
from .defaults import keep_status
from .lifecycle import Deletion
from .patch import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    PatchError,
    json_patch,
    merge_patch,
    strategic_merge_patch,
)
from .resources import Registry, Resource
from .scale import scale_of, scaled
from .store import Key, Preconditions, Store, StoredObject
from .values import JsonObject, encode

PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)
_STRICTNESS = ("Ignore", "Warn", "Strict")
_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about. `name` is empty for the collection."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    proxied: str = ""

    @property
    def key(self) -> Key:
        return Key(self.resource.storage, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb gives back: an object (`stored`), or a document of its own (`document`)."""

    code: int
    stored: StoredObject | None = None
    document: JsonObject | None = None
    warnings: tuple[str, ...] = ()


def document_of(resource: Resource, stored: StoredObject) -> JsonObject:
    """The object as this resource's group and version show it. Shares its parts with the store: do not change it."""
    data = events.from_core(stored.data) if resource.group == events.GROUP else stored.data
    return {"kind": resource.kind, "apiVersion": resource.api_version, **data}


def encode_object(resource: Resource, stored: StoredObject) -> bytes:
    """`document_of` as JSON, from the bytes kept with the object where the stored form is the shown one."""
    if resource.group == events.GROUP:
        return encode(document_of(resource, stored))
    return resource.prefix + stored.body[1:]


class Rest:
    """The verbs over one store and registry."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store = store
        self.registry = registry

    def get(self, target: Target) -> Answer:
        found = self._require(target)
        return Answer(200, document=scale_of(found.data)) if target.subresource == "scale" else Answer(200, found)

    def create(self, target: Target, body: Any, query: Mapping[str, str]) -> Answer:
        if target.name and target.subresource == "binding":
            return self._bind(target, body)
        if target.name:
            raise status.method_not_allowed("POST")
        resource = target.resource
        admission = self._admission(resource, query)
        data = admission.read(body, namespace=target.namespace, name="")
        if data["metadata"].get("resourceVersion"):
            raise status.bad_request("resourceVersion should not be set on objects to be created")
        if resource.has_status and not (resource.group == "" and resource.plural == "namespaces"):
            data.pop("status", None)
        admission.complete(data, None)
        stored = lifecycle.create(
            self.store,
            resource.storage,
            data,
            namespace=target.namespace,
            generation=resource.generation,
            dry_run=is_dry_run(query),
        )
        return Answer(201, stored, warnings=tuple(admission.warnings))

    def update(self, target: Target, body: Any, query: Mapping[str, str]) -> Answer:
        current = self._require(target)
        if target.subresource == "scale":
            return self._scale(target, current, body, query)
        admission = self._admission(target.resource, query)
        data = admission.read(body, namespace=target.namespace, name=target.name)
        version = data["metadata"].get("resourceVersion")
        if not version and not target.resource.unconditional_update:
            cause = status.Cause(
                "FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion"
            )
            raise status.invalid(target.resource.group, target.resource.kind, target.name, [cause])
        return self._write(target, current, data, admission, query)

    def patch(self, target: Target, body: Any, content_type: str, query: Mapping[str, str]) -> Answer:
        if content_type == APPLY_PATCH and target.subresource == "scale":
            raise status.unsupported_media_type(content_type, PATCH_TYPES[:3])
        if content_type == APPLY_PATCH:
            return self._apply(target, body, query)
        if content_type == STRATEGIC_MERGE_PATCH and target.resource.custom is not None:
            raise status.unsupported_media_type(content_type, (JSON_PATCH, MERGE_PATCH, APPLY_PATCH))
        current = self._require(target)
        is_scale = target.subresource == "scale"
        document = scale_of(current.data) if is_scale else document_of(target.resource, current)
        if content_type != JSON_PATCH and not isinstance(body, dict):
            raise status.bad_request("the patch must be a JSON object")
        try:
            if content_type == JSON_PATCH:
                patched = json_patch(document, body)
            elif content_type == MERGE_PATCH:
                patched = merge_patch(document, body)
            else:
                patched = strategic_merge_patch(document, body)
        except PatchError as error:
            if error.malformed:
                raise status.bad_request(f"error decoding patch: {error}") from None
            raise status.StatusError(
                422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
            ) from None
        if is_scale:
            return self._scale(target, current, patched, query)
        admission = self._admission(target.resource, query)
        data = admission.read(patched, namespace=target.namespace, name=target.name)
        return self._write(target, current, data, admission, query)

    def delete(self, target: Target, body: Any, query: Mapping[str, str]) -> Answer:
        current = self._require(target)
        resource = target.resource
        if is_dry_run(query, body):
            return Answer(200, current)
        last, gone = lifecycle.delete(self.store, target.key, read_deletion(body, query))
        if gone:
            details = status.success(group=resource.group, kind=resource.plural, name=target.name, uid=last.uid)
            return Answer(200, document=details)
        return Answer(200, last)

    def _apply(self, target: Target, body: Any, query: Mapping[str, str]) -> Answer:
        """PATCH with an apply configuration: creates the object if there is none."""
        resource = target.resource
        manager = query.get("fieldManager", "")
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if not isinstance(metadata, dict) or not body.get("apiVersion") or not body.get("kind"):
            raise status.bad_request("an apply configuration needs apiVersion, kind and metadata")
        if not manager:
            raise status.bad_request("fieldManager: Required value: is required for apply patch")
        if metadata.get("managedFields"):
            raise status.bad_request("metadata.managedFields must be nil")
        admission = self._admission(resource, query)
        # Read alone first, so that a misplaced or mistyped configuration is told of as such, and unknown fields are nobody's.
        wanted = admission.read(body, namespace=target.namespace, name=target.name)
        if resource.group == events.GROUP:
            wanted = events.from_core(wanted)
        configuration = {"apiVersion": resource.api_version, "kind": resource.kind, **wanted}
        current = self.store.get(target.key)
        live = document_of(resource, current) if current is not None else {"metadata": {}}
        force = query.get("force", "").lower() in ("true", "1")
        schema = resource.custom.schema if resource.custom is not None else None
        merged, conflicts = apply(live, configuration, manager=manager, force=force, schema=schema, now_seconds=self.store.clock())
        if conflicts:
            raise _apply_conflict(target, conflicts)
        if current is None:
            return self.create(Target(resource, target.namespace), merged, query)
        data = admission.read(merged, namespace=target.namespace, name=target.name)
        if _without_times(data) == _without_times(current.data):
            return Answer(200, current)
        return self._write(target, current, data, admission, query)

    def _write(
        self, target: Target, current: StoredObject, data: JsonObject, admission: Admission, query: Mapping[str, str]
    ) -> Answer:
        """The common end of update and patch: preconditions, what this subresource may change, completion, storing."""
        resource = target.resource
        metadata = data["metadata"]
        Preconditions(metadata.get("uid") or None, metadata.get("resourceVersion") or None).check(current)
        old = current.data
        if target.subresource == "status":
            data = merge_status(resource, old, data)
        elif target.subresource == "resize":
            data = pods.resize(old, data)
        elif resource.has_status:
            keep_status(data, old)
        if target.subresource != "resize":
            admission.complete(data, old)
        else:
            causes = pods.validate_pod(data["spec"], "spec")
            if causes:
                raise status.invalid(resource.group, resource.kind, target.name, causes)
        bump = resource.generation and spec_changed(old, data)
        stored = lifecycle.update(self.store, target.key, data, bump_generation=bump, dry_run=is_dry_run(query))
        return Answer(200, stored, warnings=tuple(admission.warnings))

    def _scale(self, target: Target, current: StoredObject, scale: Any, query: Mapping[str, str]) -> Answer:
        """PUT or PATCH of the scale subresource: replicas alone."""
        found = scale.get("metadata") if isinstance(scale, dict) else None
        metadata = found if isinstance(found, dict) else {}
        workload = scaled(current.data, scale)
        workload["metadata"]["resourceVersion"] = metadata.get("resourceVersion")
        whole = Target(target.resource, target.namespace, target.name)
        answer = self._write(whole, current, workload, self._admission(target.resource, query), query)
        assert answer.stored is not None
        return Answer(200, document=scale_of(answer.stored.data))

    def _bind(self, target: Target, body: Any) -> Answer:
        """POST pods/{name}/binding: the scheduler's way to give a pod its node."""
        current = self._require(target)
        reference = body.get("target") if isinstance(body, dict) else None
        node = reference.get("name") if isinstance(reference, dict) else None
        if not isinstance(node, str) or not node:
            raise status.bad_request("a Binding needs target.name, the node")
        if current.data["spec"].get("nodeName"):
            why = f'pod {target.name} is already assigned to node "{current.data["spec"]["nodeName"]}"'
            raise status.conflict("", "pods", target.name, why)
        lifecycle.update(self.store, target.key, pods.bind(current.data, node, self.store.clock()), bump_generation=False)
        return Answer(201, document={"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})

    def _require(self, target: Target) -> StoredObject:
        found = self.store.get(target.key)
        if found is None:
            raise status.not_found(target.resource.group, target.resource.plural, target.name)
        return found

    def _admission(self, resource: Resource, query: Mapping[str, str]) -> Admission:
        strictness = query.get("fieldValidation") or "Warn"
        if strictness not in _STRICTNESS:
            raise status.bad_request(f"fieldValidation: found {strictness[:40]!r}, expected one of {', '.join(_STRICTNESS)}")
        return Admission(resource, strictness, self.store.clock())


def _apply_conflict(target: Target, conflicts: list[ApplyConflict]) -> status.StatusError:
    told = ", ".join(f'conflict with "{conflict.manager}": {conflict.field}' for conflict in conflicts)
    message = f"Apply failed with {len(conflicts)} conflict{'s' if len(conflicts) > 1 else ''}: {told}"
    causes = [status.Cause("FieldManagerConflict", f'conflict with "{found.manager}"', found.field) for found in conflicts]
    return status.StatusError(409, "Conflict", message, causes=causes)


def _without_times(data: JsonObject) -> JsonObject:
    """For comparison: applying the same again is no change, though its time would be another."""
    metadata = dict(data["metadata"])
    entries = metadata.pop("managedFields", None) or []
    return {**data, "metadata": metadata, "managedFields": [{**entry, "time": ""} for entry in entries]}


def is_dry_run(query: Mapping[str, str], body: Any = None) -> bool:
    """`dryRun=All`, in the query or in DeleteOptions; any other value is refused."""
    asked = query.get("dryRun")
    listed = body.get("dryRun") if isinstance(body, dict) else None
    values = [asked] if asked is not None else list(listed) if isinstance(listed, list) else []
    if any(value != "All" for value in values):
        raise status.bad_request(f'dryRun: found {str(values)[:40]}, expected "All"')
    return bool(values)


def read_deletion(body: Any, query: Mapping[str, str]) -> Deletion:
    """DeleteOptions from the body, or from the query where the body has none."""
    options: JsonObject = body if isinstance(body, dict) else {}
    if body is not None and not isinstance(body, dict):
        raise status.bad_request("the body must be a DeleteOptions object")
    propagation = options.get("propagationPolicy") or query.get("propagationPolicy") or "Background"
    if (options.get("orphanDependents") or query.get("orphanDependents")) in (True, "true"):
        propagation = "Orphan"
    if propagation not in ("Background", "Foreground", "Orphan"):
        raise status.bad_request(f"propagationPolicy: found {str(propagation)[:40]!r}, expected Background, Foreground or Orphan")
    grace = options.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    try:
        seconds = None if grace is None or isinstance(grace, bool) else max(int(grace), 0)
    except (TypeError, ValueError, OverflowError):
        raise status.bad_request(f"gracePeriodSeconds: found {str(grace)[:40]!r}, expected a number of seconds") from None
    found = options.get("preconditions")
    wanted = found if isinstance(found, dict) else {}
    return Deletion(propagation, seconds, Preconditions(wanted.get("uid"), wanted.get("resourceVersion")))
