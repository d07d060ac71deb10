"""Watches: what changed since a resource version, as a stream of JSON lines.

Semantics after k8s.io/apiserver (watch cache, KEP-956 bookmarks, KEP-3157 WatchList). Slow readers hold no queue: they read the
resource's bounded history at their own pace, and get 410 when they fall out of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import status
from .history import HistoryEvent, HistoryLostError
from .listing import parse_selection, read_version
from .media import View
from .resources import Resource
from .selectors import Selection
from .status import StatusError
from .store import ResourceId, Store, StoredObject
from .values import encode

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_CHUNK_BYTES = 256 * 1024
_EVENTS_PER_READ = 512
_DEFAULT_TIMEOUT_SECONDS = 1800.0
_MAX_TIMEOUT_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a watch was asked for. `since` is the resource version that the client has seen; None: begin with what is there.

    `send_initial_events` None: as `since` tells. `bookmarks` allows BOOKMARK events.
    """

    selection: Selection
    since: int | None
    send_initial_events: bool | None
    bookmarks: bool
    timeout_seconds: float


def parse_options(resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> WatchOptions:
    """Read a watch's query; 400 and 422 as the real server answers them."""
    selection = parse_selection(resource, namespace, name, query)
    version = read_version(query.get("resourceVersion", ""))
    match = query.get("resourceVersionMatch", "")
    initial = query.get("sendInitialEvents")
    causes = []
    if initial is not None and match != "NotOlderThan":
        told = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(status.Cause("FieldValueForbidden", told, "resourceVersionMatch"))
    if initial is None and match:
        told = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        causes.append(status.Cause("FieldValueForbidden", told, "resourceVersionMatch"))
    if causes:
        raise status.invalid("meta.k8s.io", "ListOptions", "", causes)
    text = query.get("timeoutSeconds", "") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise status.bad_request(f"timeoutSeconds: found {text[:40]!r}, expected a number of seconds")
    return WatchOptions(
        selection=selection,
        since=version or None,
        send_initial_events=None if initial is None else is_true(initial),
        bookmarks=is_true(query.get("allowWatchBookmarks", "")),
        timeout_seconds=min(float(text), _MAX_TIMEOUT_SECONDS) or _DEFAULT_TIMEOUT_SECONDS,
    )


def is_true(text: str) -> bool:
    return text.lower() in ("true", "1", "t")


class WatchHub:
    """Wakes watchers when their resource changes, and lets faults end or silence them."""

    def __init__(self, store: Store, *, bookmark_seconds: float = 60.0) -> None:
        self.store = store
        self.bookmark_seconds = bookmark_seconds
        self.silent = False
        """While set, streams stay open and say nothing: a half-dead connection."""
        self.write_timeout_seconds = 30.0
        """How long a reader may take nothing before its connection is cut."""
        self._wakers: dict[ResourceId, set[asyncio.Event]] = {}
        self._expiries: dict[ResourceId, int] = {}
        store.listeners.append(lambda event: self.wake(event.object.key.resource))

    def wake(self, resource: ResourceId | None = None) -> None:
        for known in [resource] if resource is not None else list(self._wakers):
            for waker in self._wakers.get(known, ()):
                waker.set()

    def expire(self, resource: ResourceId | None) -> None:
        """End the open watches (of one resource or all) with 410, and let those that come back with an old version get it too."""
        self.store.compact(resource)
        for known in [resource] if resource is not None else list(self._wakers):
            self._expiries[known] = self._expiries.get(known, 0) + 1
        self.wake(resource)

    def open_watches(self, resource: ResourceId | None = None) -> int:
        return sum(len(wakers) for known, wakers in self._wakers.items() if resource in (None, known))

    async def stream(self, resource: Resource, options: WatchOptions, view: View) -> AsyncGenerator[bytes]:
        """The chunks of one watch, until its time is over, it expires, or the reader stops. Errors come as ERROR events."""
        storage = resource.storage
        waker = asyncio.Event()
        self._wakers.setdefault(storage, set()).add(waker)
        encoder = _Encoder(resource, options.selection, view)
        try:
            # Position and snapshot belong together: nothing may be awaited between them.
            position, snapshot = self._begin(storage, options)
            version = self.store.resource_version
            expiry = self._expiries.get(storage, 0)
            for chunk in _chunks(encoder.added(stored) for stored in snapshot):
                yield chunk
            if options.send_initial_events and options.bookmarks:
                yield encoder.bookmark(version, {INITIAL_EVENTS_END: "true"})
            async for chunk in self._follow(storage, position, expiry, options, encoder=encoder, waker=waker):
                yield chunk
        except HistoryLostError as error:
            yield encoder.error(status.expired(str(error)))
        finally:
            wakers = self._wakers[storage]
            wakers.discard(waker)
            if not wakers:
                del self._wakers[storage]

    def _begin(self, storage: ResourceId, options: WatchOptions) -> tuple[int, list[StoredObject]]:
        """Where in the history a watch starts, and what it gets before that; HistoryLostError if it asks for what is forgotten."""
        history = self.store.history(storage)
        initial = options.send_initial_events if options.send_initial_events is not None else options.since is None
        if initial:
            return history.end, self.store.objects(storage, options.selection.namespace)
        return (history.end if options.since is None else history.position_after(options.since)), []

    async def _follow(
        self, storage: ResourceId, position: int, expiry: int, options: WatchOptions, *, encoder: _Encoder, waker: asyncio.Event
    ) -> AsyncIterator[bytes]:
        """Changes from `position` on, and bookmarks."""
        loop = asyncio.get_running_loop()
        history = self.store.history(storage)
        deadline = loop.time() + options.timeout_seconds
        next_bookmark = loop.time() + self.bookmark_seconds if options.bookmarks else deadline
        while True:
            waker.clear()
            if self._expiries.get(storage, 0) != expiry:
                raise HistoryLostError(f"too old resource version: the watch expired at {self.store.resource_version}")
            events = [] if self.silent else history.read(position, _EVENTS_PER_READ)
            if events:
                position += len(events)
                for chunk in _chunks(encoder.change(event) for event in events):
                    yield chunk
                continue
            now = loop.time()
            ended = now >= deadline
            if options.bookmarks and not self.silent and (ended or now >= next_bookmark):
                next_bookmark = now + self.bookmark_seconds
                yield encoder.bookmark(self.store.resource_version, None)
            if ended:
                return
            if waker.is_set():
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waker.wait(), max(min(next_bookmark, deadline) - now, 0.001))


class _Encoder:
    """Watch events of one stream as JSON lines; empty for what the selection does not see."""

    def __init__(self, resource: Resource, selection: Selection, view: View) -> None:
        self._resource = resource
        self._selection = selection
        self._view = view
        self._first = True

    def added(self, stored: StoredObject) -> bytes:
        return self._line("ADDED", stored) if self._selection.matches(stored.data) else b""

    def change(self, event: HistoryEvent) -> bytes:
        """An object that starts to match is ADDED and one that stops is DELETED, whatever really happened to it."""
        before = event.previous is not None and self._selection.matches(event.previous.data)
        after = event.type != "DELETED" and self._selection.matches(event.object.data)
        if not before and not after:
            return b""
        if before and after:
            return self._line("MODIFIED", event.object)
        if after:
            return self._line("ADDED", event.object)
        return self._line("DELETED", event.object if event.type == "DELETED" else _left(event))

    def bookmark(self, version: int, annotations: dict[str, str] | None) -> bytes:
        return b'{"type":"BOOKMARK","object":' + self._view.bookmark(self._resource, version, annotations) + b"}\n"

    def error(self, error: StatusError) -> bytes:
        return b'{"type":"ERROR","object":' + encode(error.as_json()) + b"}\n"

    def _line(self, type_: str, stored: StoredObject) -> bytes:
        body = self._view.watched(self._resource, stored, first=self._first)
        self._first = False
        return b'{"type":"' + type_.encode() + b'","object":' + body + b"}\n"


def _left(event: HistoryEvent) -> StoredObject:
    """An object that no longer matches: its last matching state, under the version of the change (as the watch cache sends it)."""
    assert event.previous is not None
    previous = event.previous
    metadata = {**previous.metadata, "resourceVersion": str(event.resource_version)}
    return StoredObject(previous.key, {**previous.data, "metadata": metadata}, event.resource_version)


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines joined to chunks that are worth a write."""
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    if size:
        yield b"".join(gathered)
