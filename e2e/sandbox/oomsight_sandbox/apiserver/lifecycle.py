"""How objects change and end: generation, finalizers, graceful and cascading deletion, namespaces.

Stands where the generic registry, the garbage collector and the namespace controller stand in a real cluster, all at once and
synchronously: when a DELETE returns, its dependents are deleted too. Unlike the real collector, dependents of an owner that never
existed here are left alone, so that fixtures may name owners that nobody created.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import status
from .store import (
    FOREGROUND_FINALIZER,
    NO_PRECONDITIONS,
    ORPHAN_FINALIZER,
    Key,
    Preconditions,
    ResourceId,
    Store,
    StoredObject,
    owner_references,
)
from .values import JsonObject, timestamp

PODS = ResourceId("", "pods")
NAMESPACES = ResourceId("", "namespaces")
_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "name", "namespace")


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a DELETE asks for. A grace period above zero leaves the object to its keeper until it confirms with a zero one.

    `grace_period_seconds` None takes the object's default: the pod's own for one that a kubelet holds, otherwise zero.
    """

    propagation: str = "Background"
    grace_period_seconds: int | None = None
    preconditions: Preconditions = NO_PRECONDITIONS


def create(
    store: Store, resource: ResourceId, data: JsonObject, *, namespace: str, generation: bool, dry_run: bool = False
) -> StoredObject:
    """Create; 404 in a namespace that does not exist, 403 in one that is ending. An owner known to be gone takes it along at
    once.
    """
    if namespace:
        parent = store.get(Key(NAMESPACES, "", namespace))
        if parent is None:
            raise status.not_found("", "namespaces", namespace)
        if parent.is_terminating:
            name = str(data.get("metadata", {}).get("name", ""))
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = status.Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")
            raise status.forbidden(resource.group, resource.plural, name, why, [cause])
    stored = store.create(resource, data, namespace=namespace, generation=generation, dry_run=dry_run)
    owners = owner_references(stored.data)
    if not dry_run and owners and all(store.is_gone(str(owner.get("uid"))) for owner in owners):
        delete(store, stored.key, Deletion())
    return stored


def update(store: Store, key: Key, data: JsonObject, *, bump_generation: bool, dry_run: bool = False) -> StoredObject:
    """Store `data` as the new version of an object, keeping what clients may not change; completes a deletion that waited for
    it.
    """
    current = store.require(key)
    data = {**data, "metadata": dict(data.get("metadata") or {})}
    metadata = data["metadata"]
    for field in _SERVER_OWNED:
        metadata.pop(field, None)
        if field in current.metadata:
            metadata[field] = current.metadata[field]
    if "managedFields" in current.metadata:
        metadata.setdefault("managedFields", current.metadata["managedFields"])
    if bump_generation and "generation" in metadata:
        metadata["generation"] += 1
    if current.is_terminating:
        added = set(metadata.get("finalizers") or ()) - set(current.metadata.get("finalizers") or ())
        if added:
            why = f"no new finalizers can be added if the object is being deleted, found new finalizers {sorted(added)}"
            cause = status.Cause("FieldValueForbidden", f"Forbidden: {why}", "metadata.finalizers")
            raise status.invalid(key.resource.group, key.resource.plural, key.name, [cause])
    stored = store.replace(key, data, dry_run=dry_run)
    return _finish(store, stored) if stored.is_terminating and not dry_run else stored


def delete(store: Store, key: Key, deletion: Deletion) -> tuple[StoredObject, bool]:
    """Delete; returns the object's last state and whether it is gone (False: it waits for finalizers, grace or dependents)."""
    current = store.require(key)
    deletion.preconditions.check(current)
    finalizers = [name for name in current.metadata.get("finalizers") or () if name not in (FOREGROUND_FINALIZER, ORPHAN_FINALIZER)]
    if deletion.propagation == "Foreground" and store.dependents(current.uid):
        finalizers.append(FOREGROUND_FINALIZER)
    elif deletion.propagation == "Orphan":
        _orphan(store, current)
    metadata = dict(current.metadata)
    metadata.pop("finalizers", None)
    if finalizers:
        metadata["finalizers"] = finalizers
    grace = _grace_seconds(current, deletion.grace_period_seconds)
    known_grace = current.metadata.get("deletionGracePeriodSeconds")
    if not current.is_terminating or (known_grace is not None and grace < known_grace):
        metadata["deletionTimestamp"] = timestamp(store.clock() + grace)
        metadata["deletionGracePeriodSeconds"] = grace
        if "generation" in metadata and not current.is_terminating:
            metadata["generation"] += 1
    data = {**current.data, "metadata": metadata}
    if key.resource == NAMESPACES:
        data["status"] = {**(data.get("status") or {}), "phase": "Terminating"}
    if not finalizers and metadata["deletionGracePeriodSeconds"] == 0 and key.resource != NAMESPACES:
        # Watchers see one DELETED event, as with the real registry: no MODIFIED before it.
        return _remove(store, key), True
    stored = store.replace(key, data)
    if FOREGROUND_FINALIZER in finalizers:
        for dependent in store.dependents(stored.uid):
            delete(store, dependent.key, Deletion("Foreground"))
    if key.resource == NAMESPACES:
        for content in store.in_namespace(key.name):
            if store.get(content.key) is not None:
                delete(store, content.key, Deletion())
    last = _finish(store, store.get(key) or stored)
    return last, store.get(key) is None


def _grace_seconds(stored: StoredObject, asked: int | None) -> int:
    """The pod strategy's CheckGracefulDelete: only a pod that runs on a node has someone who ends it gracefully."""
    if stored.key.resource != PODS:
        return 0
    spec, state = stored.data.get("spec") or {}, stored.data.get("status") or {}
    if not spec.get("nodeName") or state.get("phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return max(asked, 0)
    default = spec.get("terminationGracePeriodSeconds")
    return default if isinstance(default, int) and default >= 0 else 30


def _finish(store: Store, stored: StoredObject) -> StoredObject:
    """Remove a terminating object that nothing holds any more."""
    current = store.get(stored.key)
    if current is None or not current.is_terminating:
        return stored
    if current.metadata.get("finalizers") == [FOREGROUND_FINALIZER] and not store.dependents(current.uid):
        metadata = {name: value for name, value in current.metadata.items() if name != "finalizers"}
        current = store.replace(current.key, {**current.data, "metadata": metadata})
    if current.metadata.get("finalizers") or current.metadata.get("deletionGracePeriodSeconds"):
        return current
    if current.key.resource == NAMESPACES and next(store.in_namespace(current.key.name), None) is not None:
        return current
    return _remove(store, current.key)


def _remove(store: Store, key: Key) -> StoredObject:
    """Take it out, then what lived by it: dependents without another owner, and a namespace or owner that waited for it."""
    last = store.remove(key)
    for dependent in store.dependents(last.uid):
        _release(store, dependent, last.uid)
    for owner in owner_references(last.data):
        waiting = store.by_uid(str(owner.get("uid")))
        if waiting is not None and waiting.is_terminating:
            _finish(store, waiting)
    if key.namespace:
        namespace = store.get(Key(NAMESPACES, "", key.namespace))
        if namespace is not None and namespace.is_terminating:
            _finish(store, namespace)
    return last


def _release(store: Store, dependent: StoredObject, gone_uid: str) -> None:
    current = store.get(dependent.key)
    if current is None:
        return
    remaining = [owner for owner in owner_references(current.data) if owner.get("uid") != gone_uid]
    if any(store.by_uid(str(owner.get("uid"))) is not None for owner in remaining):
        metadata = {**current.metadata, "ownerReferences": remaining}
        store.replace(current.key, {**current.data, "metadata": metadata})
    elif not current.is_terminating:
        delete(store, current.key, Deletion())


def _orphan(store: Store, owner: StoredObject) -> None:
    for dependent in store.dependents(owner.uid):
        metadata = dict(dependent.metadata)
        remaining = [reference for reference in owner_references(dependent.data) if reference.get("uid") != owner.uid]
        metadata.pop("ownerReferences", None)
        if remaining:
            metadata["ownerReferences"] = remaining
        store.replace(dependent.key, {**dependent.data, "metadata": metadata})
