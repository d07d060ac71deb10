"""Lists the policies at the start, and now and then: what kopf's watch misses (deletes behind a 410) is found here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from oomsight_api.kinds import CLUSTER_MEMORY_POLICY, MEMORY_POLICY, Kind
from oomsight_api.names import API_VERSION
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.kube.backoff import Backoff
from oomsight_operator.kube.errors import ApiError

log = logging.getLogger(__name__)

PAGE_SIZE = 500


class Requests(Protocol):
    """What is needed of KubeClient."""

    async def request(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]: ...


class PolicyWatch:
    """Reconciles a PolicyStore with the API."""

    def __init__(self, client: Requests, store: PolicyStore, *, resync_seconds: float = 60.0) -> None:
        self._client = client
        self._store = store
        self._resync_seconds = resync_seconds
        self._backoff = Backoff(0.5, 15.0)
        self._trouble = False

    async def first(self) -> None:
        """Wait until the policies could be listed. Without the CRDs that takes until somebody installs them."""
        while not await self._reconcile():  # noqa: ASYNC110 - the pause between attempts
            await asyncio.sleep(self._backoff.next_seconds())

    async def run(self) -> None:
        """Reconcile for ever; what is known stays while the API cannot be asked."""
        while True:
            await asyncio.sleep(self._resync_seconds)
            await self._reconcile()

    async def _reconcile(self) -> bool:
        before = self._store.events
        try:
            policies = [
                *await list_objects(self._client, MEMORY_POLICY),
                *await list_objects(self._client, CLUSTER_MEMORY_POLICY),
            ]
        except ApiError as error:
            if not self._trouble:
                hint = "; are the CustomResourceDefinitions of oomsight installed?" if error.status == 404 else ""
                log.warning("policies cannot be listed", extra={"error": f"{error.message}{hint}"[:500]})
            self._trouble = True
            return False
        if self._trouble:
            log.info("policies can be listed again")
        self._trouble = False
        return self._store.reconcile(policies, before)


async def list_objects(client: Requests, kind: Kind) -> list[dict[str, Any]]:
    """All objects of a kind. Raises ApiError."""
    return [item async for page in list_pages(client, kind) for item in page]


async def list_pages(client: Requests, kind: Kind) -> AsyncIterator[list[dict[str, Any]]]:
    """The objects of a kind, each with its apiVersion and kind (lists may leave them out). Raises ApiError."""
    token = ""
    while True:
        page = await client.request("GET", kind.path(), params={"limit": str(PAGE_SIZE), **({"continue": token} if token else {})})
        items = page.get("items")
        told = items if isinstance(items, list) else []
        yield [{"apiVersion": API_VERSION, **item, "kind": kind.kind} for item in told if isinstance(item, dict)]
        metadata = page.get("metadata")
        next_token = metadata.get("continue") if isinstance(metadata, dict) else None
        if not isinstance(next_token, str) or not next_token:
            return
        token = next_token
