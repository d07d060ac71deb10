"""A lean informer: keeps a Store equal to what the API server has, over streaming lists, pages, watches and all that breaks them.

kopf costs 1 ms and several KiB a pod and its index is quadratic; this keeps the projected value alone. It also tells what kopf does
not: objects that were deleted while the watch was broken are found by comparing uids after each new list.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Generic, Protocol

import msgspec

from oomsight_operator.inventory.store import Store, T
from oomsight_operator.inventory.wire import (
    INITIAL_EVENTS_END,
    HeaderMeta,
    RawEvent,
    decode_event,
    decode_header,
    decode_list,
    error_from_event,
)
from oomsight_operator.kube.backoff import Backoff
from oomsight_operator.kube.errors import ApiError, MalformedObjectError

log = logging.getLogger(__name__)

REFUSALS = frozenset({400, 404, 405, 406, 415, 422, 501})
"""A server that does not know streaming lists says one of these (the API server says 422 or 400)."""


class StreamClient(Protocol):
    """What the informer needs of KubeClient."""

    async def get_bytes(self, path: str, params: Mapping[str, str] | None = None, *, accept: str = ...) -> bytes: ...

    def watch(
        self, path: str, params: Mapping[str, str] | None = None, *, accept: str = ..., idle_timeout_seconds: float = ...
    ) -> AsyncGenerator[bytes, None]: ...


@dataclass(frozen=True, slots=True)
class Resource:
    """What to list and watch."""

    name: str
    """Plural, for logs and metrics."""
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    """Selectors."""
    metadata_only: bool = False
    """Ask for PartialObjectMetadata; a server that cannot gives whole objects, which project just as well."""

    def accept(self, kind: str) -> str:
        """The Accept header for `PartialObjectMetadataList` or `PartialObjectMetadata`."""
        return f"application/json;as={kind};g=meta.k8s.io;v=v1,application/json" if self.metadata_only else "application/json"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long an informer waits for what. Seconds."""

    watch_seconds: float = 300.0
    """A watch is asked to end after this, less up to a fifth, and goes on where it was."""
    idle_seconds: float = 330.0
    """A stream silent for so long is dead (the API server sends a bookmark about once a minute)."""
    initial_idle_seconds: float = 30.0
    """Silence in the middle of a streaming list: this server does not end it with a bookmark."""
    resync_seconds: float = 3600.0
    """After this a full list heals what may have been missed."""
    first_pause_seconds: float = 0.5
    most_pause_seconds: float = 30.0
    page_size: int = 500


@dataclass(slots=True)
class Stats:
    """Counters since the start, for metrics."""

    events: int = 0
    lists: int = 0
    broken_streams: int = 0
    malformed: int = 0
    missed_deletes: int = 0


class Informer(Generic[T]):
    """Runs one list and watch for ever. `project` returns None for objects of no interest and raises MalformedObjectError."""

    def __init__(
        self,
        client: StreamClient,
        resource: Resource,
        project: Callable[[msgspec.Raw], T | None],
        store: Store[T],
        *,
        timing: Timing | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.resource = resource
        self.store = store
        self.stats = Stats()
        self.synced = asyncio.Event()
        """Set once the first full list is in the store."""
        self._client = client
        self._project = project
        self._timing = timing or Timing()
        self._monotonic = monotonic
        self._backoff = Backoff(self._timing.first_pause_seconds, self._timing.most_pause_seconds)
        self._streaming_lists = True
        self._version: str | None = None
        self._listed_at_seconds = 0.0
        self._heard_at_seconds = monotonic()
        self._garbage_in_a_row = 0
        self._unfinished_lists = 0
        self._broken = False

    @property
    def silence_seconds(self) -> float:
        """Since when nothing came from the API server, and no attempt failed either: then this informer hangs."""
        return self._monotonic() - self._heard_at_seconds

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                if self._version is None or self._monotonic() - self._listed_at_seconds > self._timing.resync_seconds:
                    await self._sync()
                else:
                    await self._watch(self._version)
            except (ApiError, MalformedObjectError) as error:
                self._heard()  # an API server that is away is no reason to restart us
                self._note_broken(error)
                wait = error.retry_after_seconds if isinstance(error, ApiError) else None
                await asyncio.sleep(self._backoff.next_seconds(wait))

    async def _sync(self) -> None:
        if self._streaming_lists:
            await self._streaming_list()
        else:
            await self._paged_list()

    # --- the full list -------------------------------------------------------------------------------------------------

    async def _paged_list(self) -> None:
        """LIST in pages; a continue token that expires in between (410) begins anew, the third time unpaged."""
        for attempt in range(3):
            try:
                listed, version = await self._pages(paged=attempt < 2)
            except ApiError as error:
                if error.status != 410 or attempt == 2:
                    raise
                continue
            await self._replace(listed, version)
            return

    async def _pages(self, *, paged: bool) -> tuple[dict[str, T], str]:
        listed: dict[str, T] = {}
        token = ""
        while True:
            params = dict(self.resource.params)
            if paged:
                params["limit"] = str(self._timing.page_size)
            if token:
                params["continue"] = token
            body = await self._client.get_bytes(
                self.resource.path, params, accept=self.resource.accept("PartialObjectMetadataList")
            )
            self._heard()
            page = decode_list(body)
            for raw in page.items or ():
                self._take(raw, listed)
            token = page.metadata.continue_
            if not token:
                return listed, page.metadata.resource_version
            await asyncio.sleep(0)

    async def _streaming_list(self) -> None:
        """WatchList (KEP-3157): the list as events, up to the bookmark that ends it; the watch then starts from there.

        Nothing reaches the store before the end, so that a stream which breaks half way leaves the store as it was.
        """
        params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        listed: dict[str, T] = {}
        done = False
        try:
            async with aclosing(self._open(params, self._timing.initial_idle_seconds)) as lines:
                async for line in lines:
                    event = self._decode(line)
                    if event.type == "BOOKMARK" and self._ends_list(event):
                        await self._replace(listed, decode_header(event.object).resource_version)
                        done = True
                        break
                    self._stage(event, listed)
                    if len(listed) % 200 == 0:
                        await asyncio.sleep(0)
        except ApiError as error:
            if error.status in REFUSALS:
                self._give_up_streaming(f"refused: {error.message}")
                return
            if error.reason != "IdleTimeout":
                raise
        if not done:
            self._unfinished_lists += 1
            if self._unfinished_lists >= 2:
                self._give_up_streaming("the stream did not end the list with a bookmark")
            raise ApiError(0, "Timeout", f"the streaming list of {self.resource.name} did not end")

    def _give_up_streaming(self, why: str) -> None:
        self._streaming_lists = False
        log.info("no streaming lists here, listing in pages", extra={"resource": self.resource.name, "why": why[:300]})

    @staticmethod
    def _ends_list(event: RawEvent) -> bool:
        return (decode_header(event.object).annotations or {}).get(INITIAL_EVENTS_END) == "true"

    async def _replace(self, listed: dict[str, T], version: str) -> None:
        """Make the store equal to a fresh list: deletes first, so that a recreated name is never there twice."""
        gone = self.store.gone_from(listed)
        for uid in gone:
            self.store.delete(uid)
        self.stats.missed_deletes += len(gone)
        for count, item in enumerate(listed.values()):
            self.store.upsert(item)
            if count % 500 == 499:
                await asyncio.sleep(0)
        self.stats.lists += 1
        self._version = version
        # Up to a tenth earlier, so that informers started together do not resync together.
        self._listed_at_seconds = self._monotonic() - random.random() * self._timing.resync_seconds / 10  # noqa: S311
        self._progress()
        self.synced.set()

    # --- the watch -----------------------------------------------------------------------------------------------------

    async def _watch(self, version: str) -> None:
        """Follow changes until the server ends the stream."""
        began = self._monotonic()
        heard = 0
        try:
            async with aclosing(self._open({"resourceVersion": version}, self._timing.idle_seconds)) as lines:
                async for line in lines:
                    self._apply(self._decode(line))
                    heard += 1
                    self._progress()
                    if heard % 200 == 0:
                        await asyncio.sleep(0)
        except ApiError as error:
            if error.status == 410:
                self._version = None
            if error.reason != "IdleTimeout":
                raise
        if heard == 0 and self._monotonic() - began < 1.0:
            raise ApiError(0, "ConnectionError", f"the watch of {self.resource.name} was closed at once")
        self._heard()

    async def _open(self, params: Mapping[str, str], idle_seconds: float) -> AsyncGenerator[bytes, None]:
        seconds = self._timing.watch_seconds * (1 - random.random() / 5)  # noqa: S311
        everything = {**self.resource.params, **params, "allowWatchBookmarks": "true", "timeoutSeconds": str(max(1, int(seconds)))}
        stream = self._client.watch(
            self.resource.path, everything, accept=self.resource.accept("PartialObjectMetadata"), idle_timeout_seconds=idle_seconds
        )
        async with aclosing(stream):
            async for line in stream:
                self._heard()
                yield line

    def _decode(self, line: bytes) -> RawEvent:
        try:
            event = decode_event(line)
        except MalformedObjectError:
            # The stream cannot be trusted from here: it is opened again where it was, and after the third time listed anew.
            self.stats.malformed += 1
            self._garbage_in_a_row += 1
            if self._garbage_in_a_row >= 3:
                self._version = None
            raise
        if event.type == "ERROR":
            raise error_from_event(event.object)
        return event

    def _apply(self, event: RawEvent) -> None:
        self.stats.events += 1
        if event.type in ("ADDED", "MODIFIED"):
            version = self._take(event.object, None)
        else:
            header = self._header(event.object)
            version = header.resource_version if header is not None else ""
            if event.type == "DELETED" and header is not None:
                self.store.delete(header.uid)
        if version:
            self._version = version

    def _stage(self, event: RawEvent, listed: dict[str, T]) -> None:
        self.stats.events += 1
        if event.type in ("ADDED", "MODIFIED"):
            self._take(event.object, listed)
        elif event.type == "DELETED" and (header := self._header(event.object)) is not None:
            listed.pop(header.uid, None)

    def _take(self, raw: msgspec.Raw, listed: dict[str, T] | None) -> str:
        """Project an object into the list being made, or into the store; a malformed one is counted and its old value kept.

        Returns its resource version, empty when even that is malformed.
        """
        item, version = self._projected(raw)
        if item is not None and listed is None:
            self.store.upsert(item)
        elif item is not None and listed is not None:
            known = self.store.get(item.uid)
            same = known is not None and known.resource_version and known.resource_version == item.resource_version
            listed[item.uid] = known if known is not None and same else item
        return version

    def _projected(self, raw: msgspec.Raw) -> tuple[T | None, str]:
        try:
            item = self._project(raw)
        except MalformedObjectError as error:
            self.stats.malformed += 1
            header = self._header(raw)
            where = {"namespace": header.namespace, "object": header.name} if header is not None else {}
            log.warning("malformed object skipped", extra={"resource": self.resource.name, **where, "error": str(error)[:300]})
            return (self.store.get(header.uid), header.resource_version) if header is not None else (None, "")
        if item is not None:
            return item, item.resource_version
        header = self._header(raw)
        return None, header.resource_version if header is not None else ""

    def _header(self, raw: msgspec.Raw) -> HeaderMeta | None:
        try:
            return decode_header(raw)
        except MalformedObjectError:
            self.stats.malformed += 1
            return None

    # --- health --------------------------------------------------------------------------------------------------------

    def _heard(self) -> None:
        self._heard_at_seconds = self._monotonic()

    def _progress(self) -> None:
        self._backoff.reset()
        self._garbage_in_a_row = 0
        if self._broken:
            self._broken = False
            log.info("the API server answers again", extra={"resource": self.resource.name})

    def _note_broken(self, error: Exception) -> None:
        self.stats.broken_streams += 1
        expired = isinstance(error, ApiError) and error.status == 410
        if not self._broken and not expired:
            self._broken = True
            log.warning("list and watch broken, trying again", extra={"resource": self.resource.name, "error": str(error)[:500]})
