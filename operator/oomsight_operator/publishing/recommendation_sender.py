"""Brings what is remembered of one workload into the API: its object read, made or found, and its status written.

When that is due is `recommendation_writer.py`'s matter. Whatever comes while a request is on its way counts anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oomsight_api.kinds import MEMORY_RECOMMENDATION
from oomsight_api.parse import ParsedRecommendation, parse_recommendation
from oomsight_api.recommendation import MemoryRecommendationStatus
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing import recommendation_objects as objects
from oomsight_operator.publishing.digest import learned_of, memory_of, problems_of
from oomsight_operator.publishing.keeping import digest_interval_seconds
from oomsight_operator.publishing.recommendation_record import Record
from oomsight_operator.publishing.recommendations import same_recommendation
from oomsight_operator.publishing.retries import is_given_up
from oomsight_operator.publishing.runner import ApiClient
from oomsight_operator.publishing.settings import PublisherSettings

logger = logging.getLogger(__name__)


class RecommendationSender:
    """For one event loop."""

    def __init__(
        self,
        settings: PublisherSettings,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        on_recalled: Callable[[Record], None],
        on_gone: Callable[[Record], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._wall_clock = wall_clock
        self._on_recalled = on_recalled
        """Its object told something of the workload."""
        self._on_gone = on_gone
        """The workload is gone, and its object with it."""
        self._warned = False

    async def send(self, record: Record, client: ApiClient) -> int:
        """Write the status, making the object first where there is none. The number of requests that wrote. Raises ApiError."""
        try:
            written = await self._send(record, client)
        except ApiError as error:
            if is_given_up(error):
                record.refused_at = self._clock()
            raise
        record.refused_at = None
        return written

    async def _send(self, record: Record, client: ApiClient) -> int:
        if record.stands:
            await self._recall(record, client)
            if record.uid is not None and not (record.killed or record.flush):
                return 0  # it is judged anew with what the object told, and then says what it has to say
        if record.uid is None and not record.is_worth_an_object(self._clock()):
            return 0
        writes = await self._make(record, client) if record.uid is None else 0
        if record.uid is None:
            return writes
        status = record.status(self._wall_clock())
        is_due = self._clock() >= record.digest_due or not record.has_pods
        if same_recommendation(status, record.written) and not (record.flush or record.material or (record.moved and is_due)):
            record.killed = record.edited = False
            record.let_go(frozenset(record.leaving))
            return writes
        pending = record.begin_write()
        made = None
        try:
            status = await _with_digests(record, status)
            made = await self._write_status(record, status, client, killed=pending.killed)
        finally:
            if made is None:
                record.failed(pending)
        if made is None:
            return writes
        now = self._clock()
        record.wrote(status, pending, now)
        if pending.killed:
            record.kills_due = max(record.kills_due, now) + self._settings.workload_kill_interval_seconds
        record.digest_due = now + digest_interval_seconds(record.target.uid, record.learned, self._settings)
        return writes + made + 1

    async def _write_status(
        self, record: Record, status: MemoryRecommendationStatus, client: ApiClient, *, killed: bool
    ) -> int | None:
        """How many more writes that took. None: the workload is gone, and its object with it."""
        if await objects.write_status(client, record.namespace, record.name, record.uid or "", status):
            return 0
        record.uid = None
        if not record.has_pods and not killed:
            self._on_gone(record)
            return None
        # Somebody deleted it: make it anew with all that is known, once; a second failure is the runner's matter.
        writes = await self._make(record, client)
        if record.uid is None:
            return None
        if not await objects.write_status(client, record.namespace, record.name, record.uid, status):
            raise ApiError(409, "Conflict", f"{record.namespace}/{record.name} went while it was written")
        return writes

    async def _recall(self, record: Record, client: ApiClient) -> None:
        """Read the object of a workload that comes back."""
        document = await objects.read(client, record.namespace, record.name)
        record.stands = False
        owner = objects.owner_of(document) if document is not None else None
        if document is None or (owner is not None and owner.uid != record.target.uid):
            return
        record.last_write = self._clock()
        self._take_over(record, document)

    async def _make(self, record: Record, client: ApiClient) -> int:
        """Make the object, or go on from the one that is there. The number of writes."""
        try:
            document, writes = await objects.make(client, record.namespace, record.name, record.target)
        except objects.OtherOwnerError:
            if record.has_pods or record.last_write is None:
                raise  # the back-off ends when the predecessor's object is collected
            self._on_gone(record)  # we are the predecessor
            return 0
        except ApiError as error:
            if error.status == 404 and not self._warned:
                self._warned = True
                logger.warning("recommendations cannot be kept, is their CRD installed? %s", error.message)
            raise
        self._take_over(record, document)
        return writes

    def _take_over(self, record: Record, document: Mapping[str, Any]) -> None:
        parsed = parse_recommendation(document)
        if isinstance(parsed, ParsedRecommendation):
            adopt(record, parsed, self._wall_clock())
            if record.kept:
                self._on_recalled(record)
        else:
            logger.warning("recommendation %s/%s is not what was written: %s", record.namespace, record.name, parsed.message)
            record.uid = parsed.identity.uid if parsed.identity is not None else None


async def _with_digests(record: Record, status: MemoryRecommendationStatus) -> MemoryRecommendationStatus:
    """Others get their turn between containers: a digest of many pods that leak takes 20 ms."""
    digest_of, containers = record.digests(), []
    for each in status.containers:
        containers.append(each.model_copy(update={"digest": digest_of(each.name)}))
        await asyncio.sleep(0)
    return status.model_copy(update={"containers": tuple(containers)})


def adopt(record: Record, parsed: ParsedRecommendation, now_seconds: float) -> None:
    """Go on from the object as it stands. `now_seconds` is Unix time: what is of later is not believed."""
    containers = parsed.status.containers
    problems = problems_of(containers)
    if problems:
        # Said once of each object: what is written next makes sense.
        where = {"object": f"{record.namespace}/{record.name}"}
        logger.warning("left out of what an earlier run learned: %s", "; ".join(problems[:5]), extra=where)
    record.adopt(parsed, learned_of(containers, now_seconds), {each.name: memory_of(each) for each in containers})


@dataclass(frozen=True, slots=True)
class RecommendationWrite:
    """What waits in the queue for one workload."""

    sender: RecommendationSender
    record: Record
    kind: str = MEMORY_RECOMMENDATION.plural

    @property
    def target(self) -> str:
        """The object, for logs."""
        return f"{self.record.namespace}/{self.record.name}"

    async def perform(self, client: ApiClient) -> int:
        """Called by the runner."""
        return await self.sender.send(self.record, client)
