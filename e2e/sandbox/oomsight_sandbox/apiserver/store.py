"""What etcd and the registries behind the API know: objects, one resource version for all, and the rules of their lives.

A pure data structure: no I/O, no aiohttp; the clock is passed in. It keeps objects without `apiVersion` and `kind`, which depend
on the version that a client asks for. Stored values are never changed in place: a write replaces the object, so that encoded
bytes, watch histories and list snapshots share it.
"""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import status
from .history import EventType, History, HistoryEvent
from .values import JsonObject, encode, random_suffix, timestamp

FOREGROUND_FINALIZER = "foregroundDeletion"
ORPHAN_FINALIZER = "orphan"
_GONE_UIDS_KEPT = 20_000


class ResourceId(NamedTuple):
    """Where a resource is stored: its group and plural, whatever the version."""

    group: str
    plural: str


class Key(NamedTuple):
    """One object's place; `namespace` is empty for cluster-scoped ones."""

    resource: ResourceId
    namespace: str
    name: str


class StoredObject:
    """One version of one object. `data` is shared by all who hold it: copy it before changing anything."""

    __slots__ = ("_body", "data", "key", "resource_version")

    def __init__(self, key: Key, data: JsonObject, resource_version: int) -> None:
        self.key = key
        self.data = data
        self.resource_version = resource_version
        self._body: bytes | None = None

    @property
    def metadata(self) -> JsonObject:
        metadata: JsonObject = self.data["metadata"]
        return metadata

    @property
    def uid(self) -> str:
        return str(self.data["metadata"]["uid"])

    @property
    def is_terminating(self) -> bool:
        return "deletionTimestamp" in self.data["metadata"]

    @property
    def body(self) -> bytes:
        """The object as JSON without `kind` and `apiVersion`; encoded once for all readers and watchers."""
        if self._body is None:
            self._body = encode(self.data)
        return self._body


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must still hold for a write or delete to go through; None asks for nothing."""

    uid: str | None = None
    resource_version: str | None = None

    def check(self, found: StoredObject) -> None:
        resource = found.key.resource
        if self.uid is not None and self.uid != found.uid:
            why = f"Precondition failed: UID in precondition: {self.uid}, UID in object meta: {found.uid}"
            raise status.conflict(resource.group, resource.plural, found.key.name, why)
        if self.resource_version is not None and self.resource_version != str(found.resource_version):
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise status.conflict(resource.group, resource.plural, found.key.name, why)


NO_PRECONDITIONS = Preconditions()


class Store:
    """Objects of all resources.

    `history_limit`: events kept per resource (up to twice as many between clean-ups). `listeners` are called with the ResourceId
    after each change.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, history_limit: int = 20_000) -> None:
        self.clock = clock
        self.resource_version = 1
        self.listeners: list[Callable[[HistoryEvent], None]] = []
        self._history_limit = history_limit
        self._tables: dict[ResourceId, dict[str, dict[str, StoredObject]]] = {}
        self._histories: dict[ResourceId, History] = {}
        self._key_by_uid: dict[str, Key] = {}
        self._dependents: dict[str, dict[Key, None]] = {}
        self._gone_uids: OrderedDict[str, None] = OrderedDict()

    # Reading

    def get(self, key: Key) -> StoredObject | None:
        return self._tables.get(key.resource, {}).get(key.namespace, {}).get(key.name)

    def require(self, key: Key) -> StoredObject:
        """The object, or 404."""
        found = self.get(key)
        if found is None:
            raise status.not_found(key.resource.group, key.resource.plural, key.name)
        return found

    def objects(self, resource: ResourceId, namespace: str = "") -> list[StoredObject]:
        """All objects of a resource, in etcd's order (namespace, then name); of one namespace if given."""
        table = self._tables.get(resource, {})
        if namespace:
            objects = table.get(namespace, {})
            return [objects[name] for name in sorted(objects)]
        return [objects[name] for _, objects in sorted(table.items()) for name in sorted(objects)]

    def count(self, resource: ResourceId) -> int:
        return sum(len(objects) for objects in self._tables.get(resource, {}).values())

    def history(self, resource: ResourceId) -> History:
        return self._histories.setdefault(resource, History(self._history_limit))

    def resources(self) -> list[ResourceId]:
        return [resource for resource, table in self._tables.items() if any(table.values())]

    def in_namespace(self, namespace: str) -> Iterator[StoredObject]:
        for table in list(self._tables.values()):
            yield from list(table.get(namespace, {}).values())

    def by_uid(self, uid: str) -> StoredObject | None:
        key = self._key_by_uid.get(uid)
        return self.get(key) if key is not None else None

    def is_gone(self, uid: str) -> bool:
        """Whether an object of this uid existed here and was removed (as far back as is remembered)."""
        return uid in self._gone_uids

    def dependents(self, uid: str) -> list[StoredObject]:
        """Objects whose ownerReferences name `uid`."""
        return [found for key in list(self._dependents.get(uid, ())) if (found := self.get(key)) is not None]

    # Writing: the primitives. Rules of deletion stand in lifecycle.py, rules of kinds in the API's layers.

    def create(
        self, resource: ResourceId, data: JsonObject, *, namespace: str = "", generation: bool = False, dry_run: bool = False
    ) -> StoredObject:
        """Store a new object, which gets uid, creationTimestamp and, when `generation`, generation 1. 409 if the name is taken.

        The store owns `data` from now on. `metadata.generateName` without a name gets a random suffix.
        """
        metadata: JsonObject = data.setdefault("metadata", {})
        name = metadata.get("name") or ""
        prefix = metadata.get("generateName")
        attempts = 0
        while not name or (attempts and self.get(Key(resource, namespace, name))):
            if not prefix or attempts > 8:
                raise status.bad_request("name or generateName is required")
            name = f"{prefix[:58]}{random_suffix()}"
            attempts += 1
        key = Key(resource, namespace, name)
        if self.get(key) is not None:
            raise status.already_exists(resource.group, resource.plural, name)
        metadata["name"] = name
        if namespace:
            metadata["namespace"] = namespace
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = timestamp(self.clock())
        metadata.pop("deletionTimestamp", None)
        metadata.pop("deletionGracePeriodSeconds", None)
        metadata.pop("generation", None)
        if generation:
            metadata["generation"] = 1
        return StoredObject(key, data, 0) if dry_run else self._put("ADDED", key, data, None)

    def replace(self, key: Key, data: JsonObject, *, dry_run: bool = False) -> StoredObject:
        """Store a new version of an existing object (404 if there is none). An equal one changes nothing, not even the version.

        Identity (uid, creationTimestamp, name, deletionTimestamp unless given) is kept by the caller, who made `data` from the old
        one.
        """
        previous = self.require(key)
        data["metadata"]["resourceVersion"] = str(previous.resource_version)
        if data == previous.data:
            return previous
        return StoredObject(key, data, previous.resource_version) if dry_run else self._put("MODIFIED", key, data, previous)

    def remove(self, key: Key) -> StoredObject:
        """Take an object out now, whatever its finalizers; watchers see its last state under a new resource version."""
        previous = self.require(key)
        self.resource_version += 1
        metadata = {**previous.metadata, "resourceVersion": str(self.resource_version)}
        last = StoredObject(key, {**previous.data, "metadata": metadata}, self.resource_version)
        del self._tables[key.resource][key.namespace][key.name]
        if not self._tables[key.resource][key.namespace]:
            del self._tables[key.resource][key.namespace]
        self._key_by_uid.pop(previous.uid, None)
        self._gone_uids[previous.uid] = None
        if len(self._gone_uids) > _GONE_UIDS_KEPT:
            self._gone_uids.popitem(last=False)
        self._index_owners(key, previous.data, {})
        self._tell(HistoryEvent("DELETED", last, previous))
        return last

    def compact(self, resource: ResourceId | None = None) -> None:
        """Forget the history up to now (of one resource, or all): watches that start from earlier get 410."""
        for known in [resource] if resource is not None else list(self._tables):
            self.history(known).compact(self.resource_version)

    def _put(self, type_: EventType, key: Key, data: JsonObject, previous: StoredObject | None) -> StoredObject:
        self.resource_version += 1
        data["metadata"]["resourceVersion"] = str(self.resource_version)
        stored = StoredObject(key, data, self.resource_version)
        self._tables.setdefault(key.resource, {}).setdefault(key.namespace, {})[key.name] = stored
        self._key_by_uid[stored.uid] = key
        self._index_owners(key, previous.data if previous else {}, data)
        self._tell(HistoryEvent(type_, stored, previous))
        return stored

    def _index_owners(self, key: Key, before: JsonObject, after: JsonObject) -> None:
        old, new = owner_uids(before), owner_uids(after)
        for uid in old - new:
            keys = self._dependents.get(uid, {})
            keys.pop(key, None)
            if not keys:
                self._dependents.pop(uid, None)
        for uid in new - old:
            self._dependents.setdefault(uid, {})[key] = None

    def _tell(self, event: HistoryEvent) -> None:
        self.history(event.object.key.resource).append(event)
        for listener in self.listeners:
            listener(event)


def owner_references(data: JsonObject) -> list[JsonObject]:
    references: Any = data.get("metadata", {}).get("ownerReferences") or []
    return [reference for reference in references if isinstance(reference, dict)]


def owner_uids(data: JsonObject) -> set[str]:
    return {str(reference.get("uid")) for reference in owner_references(data)}
