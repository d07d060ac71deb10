"""Keeps the poller's targets equal to the pods of the operator's own DaemonSet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.polling.discovery import AgentPod, find_targets
from oomsight_operator.polling.poller import Poller

log = logging.getLogger(__name__)


class Requests(Protocol):
    """What the directory needs of KubeClient."""

    async def request(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]: ...


class AgentDirectory:
    """Asks for the DaemonSet's uid now and then, and whenever a pod carries another one (it was made anew)."""

    def __init__(
        self,
        client: Requests,
        poller: Poller,
        pods: Iterable[AgentPod],
        namespace: str,
        daemonset: str,
        *,
        refresh_seconds: float = 30.0,
    ) -> None:
        self._client = client
        self._poller = poller
        self._pods = pods
        self._path = f"/apis/apps/v1/namespaces/{quote(namespace, safe='')}/daemonsets/{quote(daemonset, safe='')}"
        self._refresh_seconds = refresh_seconds
        self._uid: str | None = None
        self._trouble = ""
        self._wake = asyncio.Event()

    def pods_changed(self, _old: AgentPod | None, _new: AgentPod | None) -> None:
        """Listener of the store of agent pods."""
        self._wake.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        refreshed_at = float("-inf")
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            strange = any(pod.daemonset_uid not in (None, self._uid) for pod in self._pods)
            due = loop.time() - refreshed_at >= self._refresh_seconds
            if due or (strange and loop.time() - refreshed_at >= 1.0):
                refreshed_at = loop.time()
                await self._refresh()
            self._poller.set_targets(find_targets(self._pods, self._uid))
            try:
                async with asyncio.timeout(1.0 if strange and self._uid is None else self._refresh_seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _refresh(self) -> None:
        try:
            answer = await self._client.request("GET", self._path)
        except ApiError as error:
            if error.status == 404:
                self._uid = None
            self._note(error.message if error.status else f"{error.message} ({error.reason})")
            return
        metadata = answer.get("metadata")
        uid = metadata.get("uid") if isinstance(metadata, dict) else None
        self._uid = uid if isinstance(uid, str) and uid else None
        self._note("" if self._uid else "the DaemonSet has no uid")

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            if trouble:
                log.warning("the agents' DaemonSet cannot be read, no new agent is found", extra={"error": trouble[:500]})
            else:
                log.info("the agents' DaemonSet is found")
        self._trouble = trouble
