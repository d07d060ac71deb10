"""`oomsight-operator cleanup`: takes everything away that oomsight wrote: marks on pods, MemoryRecommendations, its Lease.

Idempotent; run it after the operator is gone, or it writes anew (`retirement` stops one). Events expire by themselves within the
hour; policies belong to the admins who made them, but for the one that the chart made.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

from oomsight_api.kinds import CLUSTER_MEMORY_POLICY, MEMORY_RECOMMENDATION
from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.patches import NO_MARKS, is_other_uid, marks_of_object, merge_patch
from oomsight_operator.publishing.runner import ApiClient

logger = logging.getLogger(__name__)

PAGE_SIZE = 100
"""Whole pods, of which some take 100 KiB: the Job of `helm uninstall` has little memory."""
CONCURRENCY = 8
ATTEMPTS = 6
MAX_NAMED_ERRORS = 20

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class CleanupResult:
    """What was done, and what stayed."""

    pods_seen: int = 0
    pods_cleaned: int = 0
    recommendations_deleted: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    """The first 20, each naming its object."""

    @property
    def exit_code(self) -> int:
        """0 when nothing of ours is left, 1 when something stayed."""
        return 1 if self.failed else 0

    def summary(self) -> str:
        """One line for a person."""
        stayed = f"; {self.failed} could not be cleaned" if self.failed else "; nothing of oomsight is left on them"
        return f"{self.progress()}{stayed}"

    def progress(self) -> str:
        """What was done so far."""
        seen = f"{self.pods_seen} pods seen, {self.pods_cleaned} cleaned"
        return f"{seen}, {self.recommendations_deleted} MemoryRecommendations deleted"

    def fail(self, what: str, error: ApiError) -> None:
        """Count a failure, and name it if there were not too many."""
        self.failed += 1
        if len(self.errors) < MAX_NAMED_ERRORS:
            self.errors.append(f"{what}: {error.message}")
            logger.error("not cleaned: %s: %s", what, error.message)


async def cleanup(
    client: ApiClient,
    lease: tuple[str, str] | None = None,
    *,
    policy: str | None = None,
    concurrency: int = CONCURRENCY,
    sleep: Sleep = asyncio.sleep,
) -> CleanupResult:
    """Clean the whole cluster, and delete the `lease` (namespace and name) by which operators took turns.

    `policy` names a ClusterMemoryPolicy to delete as well.
    Raises nothing that the API answers: failures are counted and named in the result.
    """
    cleaner = _Cleaner(client, concurrency, sleep)
    await cleaner.each("/api/v1/pods", cleaner.clean_pod, "pods")
    await cleaner.each(MEMORY_RECOMMENDATION.path(), cleaner.delete_recommendation, "MemoryRecommendations")
    if policy is not None:
        await cleaner.delete_policy(policy)
    if lease is not None:
        await cleaner.delete_lease(*lease)
    logger.info("cleanup ended: %s", cleaner.result.summary())
    return cleaner.result


class _Cleaner:
    def __init__(self, client: ApiClient, concurrency: int, sleep: Sleep) -> None:
        self._client = client
        self._concurrency = concurrency
        self._sleep = sleep
        self.result = CleanupResult()

    async def clean_pod(self, pod: Mapping[str, Any]) -> None:
        """Take our annotations and our label away, whatever version wrote them."""
        result = self.result
        result.pods_seen += 1
        metadata = _metadata(pod)
        patch = merge_patch(str(metadata.get("uid", "")), NO_MARKS, marks_of_object(pod))
        if patch is not None:
            namespace, name = str(metadata.get("namespace", "")), str(metadata.get("name", ""))
            path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"
            done = await self._attempt(
                lambda: self._client.request("PATCH", path, body=patch, content_type=MERGE_PATCH), f"pod {namespace}/{name}"
            )
            result.pods_cleaned += done

    async def delete_recommendation(self, document: Mapping[str, Any]) -> None:
        """Delete one MemoryRecommendation."""
        metadata = _metadata(document)
        namespace, name = str(metadata.get("namespace", "")), str(metadata.get("name", ""))
        path = MEMORY_RECOMMENDATION.path(namespace, name)
        done = await self._attempt(lambda: self._client.request("DELETE", path), f"MemoryRecommendation {namespace}/{name}")
        self.result.recommendations_deleted += done

    async def delete_policy(self, name: str) -> None:
        """Delete one ClusterMemoryPolicy. None is left where none ever was."""
        path = CLUSTER_MEMORY_POLICY.path(None, name)
        await self._attempt(lambda: self._client.request("DELETE", path), f"ClusterMemoryPolicy {name}")

    async def delete_lease(self, namespace: str, name: str) -> None:
        """Delete the operators' Lease. None is left where none ever ran."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases/{quote(name, safe='')}"
        await self._attempt(lambda: self._client.request("DELETE", path), f"Lease {namespace}/{name}")

    async def each(self, path: str, handle: Callable[[Mapping[str, Any]], Awaitable[None]], what: str) -> None:
        """Hand every object of a list to `handle`, a few at a time; one page is held in memory."""
        try:
            async for page in self._pages(path):
                waiting = deque(page)

                async def work(waiting: deque[Mapping[str, Any]] = waiting) -> None:
                    while waiting:
                        await handle(waiting.popleft())

                await asyncio.gather(*(work() for _ in range(min(self._concurrency, len(page)))))
                logger.info("cleaning %s: %s", what, self.result.progress())
        except ApiError as error:
            if error.status != 404:  # a kind that is not installed has nothing to clean
                self.result.fail(f"the list of {what}", error)

    async def _pages(self, path: str) -> AsyncIterator[list[Mapping[str, Any]]]:
        """Pages of a list. When a continue token expires the list begins anew: what is clean already costs nothing."""
        token = ""
        restarts = 0
        while True:
            params = {"limit": str(PAGE_SIZE), **({"continue": token} if token else {})}
            try:
                answer = await self._retrying(partial(self._client.request, "GET", path, params=params))
            except ApiError as error:
                if error.status == 410 and token and restarts < ATTEMPTS:
                    token, restarts = "", restarts + 1
                    continue
                raise
            items = answer.get("items")
            yield [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
            token = str(_metadata(answer).get("continue") or "")
            if not token:
                return

    async def _attempt(self, send: Callable[[], Awaitable[object]], what: str) -> bool:
        """Whether it was done. An object that is gone needs no cleaning and counts as neither."""
        try:
            await self._retrying(send)
        except ApiError as error:
            if error.status not in (404, 410) and not is_other_uid(error):
                self.result.fail(what, error)
            return False
        return True

    async def _retrying(self, send: Callable[[], Awaitable[Any]]) -> Any:
        """Try a few times what may succeed later. Raises the last ApiError."""
        for attempt in range(ATTEMPTS):
            try:
                return await send()
            except ApiError as error:
                retriable = error.transient or (error.status == 409 and not is_other_uid(error))
                if not retriable or attempt == ATTEMPTS - 1:
                    raise
                await self._sleep(max(error.retry_after_seconds or 0.0, 0.25 * 2**attempt))
        raise AssertionError("the last attempt returns or raises")


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}
