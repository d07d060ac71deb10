"""Lists: selection, pages of one consistent snapshot, `continue` tokens that can expire."""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from . import events, status
from .resources import EVENTS, Resource
from .selectors import FieldRequirement, Selection, field_text, parse_field_selector, parse_label_selector
from .store import Store, StoredObject
from .values import JsonObject, decode, encode

_SNAPSHOTS_KEPT = 16
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "
    "parameter, or use the continue token in this response to retrieve the remainder of the results."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list. `remaining` is None when the server does not tell (a selector was given, or nothing is left)."""

    items: list[StoredObject]
    resource_version: int
    continue_token: str = ""
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class _Snapshot:
    resource_version: int
    items: list[StoredObject]


def parse_selection(resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> Selection:
    """The selectors of a list or watch; 400 for what cannot be parsed or is not selectable. `name`: a watch of one object."""
    try:
        labels = parse_label_selector(query.get("labelSelector", ""))
        fields = parse_field_selector(query.get("fieldSelector", ""))
    except ValueError as error:
        raise status.bad_request(str(error)) from None
    known = {"metadata.name", "metadata.namespace", *resource.selectable_fields}
    for required in fields:
        if required.path not in known:
            raise status.bad_request(f"field label not supported: {required.path}")
    if name:
        fields = (*fields, FieldRequirement("metadata.name", True, name))
    read = _read_event_field if resource.storage == EVENTS else field_text
    return Selection(labels, fields, namespace=namespace, read_field=read)


def _read_event_field(data: JsonObject, path: str) -> str:
    return field_text(data, events.stored_field(path)) or (field_text(data, "reportingComponent") if path == "source" else "")


class Lister:
    """Serves lists of one store. Snapshots behind open `continue` tokens are bounded: the oldest expires first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshots: OrderedDict[int, _Snapshot] = OrderedDict()
        self._next_id = 1

    def list(self, resource: Resource, namespace: str, query: Mapping[str, str]) -> Page:
        """One page; 410 when a continue token has expired."""
        selection = parse_selection(resource, namespace, "", query)
        limit = _read_limit(query)
        token = query.get("continue", "")
        if token:
            if query.get("resourceVersion") not in (None, "", "0"):
                raise status.bad_request("specifying resource version is not allowed when using continue")
            snapshot_id, start = _read_token(token)
            snapshot = self._snapshots.get(snapshot_id)
            if snapshot is None:
                raise status.expired(_EXPIRED)
        else:
            self._check_version(query)
            found = self._store.objects(resource.storage, namespace)
            if not selection.selects_all:
                found = [stored for stored in found if selection.matches(stored.data)]
            snapshot, snapshot_id, start = _Snapshot(self._store.resource_version, found), 0, 0
        if not limit or start + limit >= len(snapshot.items):
            return Page(snapshot.items[start:], snapshot.resource_version)
        if not snapshot_id:
            snapshot_id = self._keep(snapshot)
        end = start + limit
        remaining = len(snapshot.items) - end if selection.selects_all else None
        return Page(snapshot.items[start:end], snapshot.resource_version, _write_token(snapshot_id, end), remaining)

    def expire_tokens(self) -> None:
        """Let all open continue tokens answer 410, as after a compaction."""
        self._snapshots.clear()

    def _keep(self, snapshot: _Snapshot) -> int:
        snapshot_id = self._next_id
        self._next_id += 1
        self._snapshots[snapshot_id] = snapshot
        if len(self._snapshots) > _SNAPSHOTS_KEPT:
            self._snapshots.popitem(last=False)
        return snapshot_id

    def _check_version(self, query: Mapping[str, str]) -> None:
        wanted = read_version(query.get("resourceVersion", ""))
        match = query.get("resourceVersionMatch", "")
        if match not in ("", "Exact", "NotOlderThan"):
            raise status.bad_request(f"resourceVersionMatch: found {match[:40]!r}, expected Exact or NotOlderThan")
        if wanted > self._store.resource_version:
            message = f"Too large resource version: {wanted}, current: {self._store.resource_version}"
            raise status.StatusError(504, "Timeout", message, retry_after_seconds=1)
        if match == "Exact" and wanted and wanted < self._store.resource_version:
            # Only the present is kept; the real server too may have compacted the past away at any time.
            raise status.expired(f"The provided resource version is too old: {wanted}")


def read_version(text: str) -> int:
    """A resource version from a query; absent is 0."""
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise status.bad_request(f'invalid resource version: "{text[:40]}"')
    return int(text)


def _read_limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise status.bad_request(f"limit: found {text[:40]!r}, expected a number")
    return int(text)


def _write_token(snapshot_id: int, start: int) -> str:
    return base64.urlsafe_b64encode(encode({"v": "oomsight", "snapshot": snapshot_id, "start": start})).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, int]:
    try:
        found = decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        snapshot_id, start = found["snapshot"], found["start"]
    except (ValueError, binascii.Error, KeyError, TypeError):
        raise status.bad_request("continue key is not valid") from None
    if not isinstance(snapshot_id, int) or not isinstance(start, int) or start < 0:
        raise status.bad_request("continue key is not valid")
    return snapshot_id, start
