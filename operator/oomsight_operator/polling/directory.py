"""Keeps the poller's targets equal to the pods of the operator's own DaemonSet."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.polling.discovery import AgentPod, find_targets
from oomsight_operator.polling.poller import Poller

log = logging.getLogger(__name__)

_AT_MOST_SECONDS = 1.0
"""So often the DaemonSet is asked for at most."""


class Requests(Protocol):
    """What the directory needs of KubeClient."""

    async def request(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]: ...


class AgentDirectory:
    """Asks for the DaemonSet's uid now and then, and whenever a pod carries one that was not seen before (it was made anew)."""

    def __init__(
        self,
        client: Requests,
        poller: Poller,
        pods: Iterable[AgentPod],
        namespace: str,
        daemonset: str,
        *,
        refresh_seconds: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._poller = poller
        self._pods = pods
        self._path = f"/apis/apps/v1/namespaces/{quote(namespace, safe='')}/daemonsets/{quote(daemonset, safe='')}"
        self._refresh_seconds = refresh_seconds
        self._monotonic = monotonic
        self._uid: str | None = None
        self._others: frozenset[str | None] = frozenset((None,))
        """DaemonSets of the same namespace that are known not to be ours."""
        self._trouble = ""
        self._wake = asyncio.Event()

    def pods_changed(self, _old: AgentPod | None, _new: AgentPod | None) -> None:
        """Listener of the store of agent pods."""
        self._wake.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        refreshed_at = float("-inf")
        while True:
            self._wake.clear()
            passed = self._monotonic() - refreshed_at
            if passed >= self._refresh_seconds or (passed >= _AT_MOST_SECONDS and self._is_strange()):
                refreshed_at = self._monotonic()
                await self._refresh()
            self._poller.set_targets(find_targets(self._pods, self._uid))
            try:
                async with asyncio.timeout(_AT_MOST_SECONDS if self._is_strange() else self._refresh_seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _is_strange(self) -> bool:
        """Whether a pod is a DaemonSet's of which nobody knows yet whether it is ours."""
        return any(pod.daemonset_uid != self._uid and pod.daemonset_uid not in self._others for pod in self._pods)

    async def _refresh(self) -> None:
        seen = {pod.daemonset_uid for pod in self._pods}
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
        if self._uid is not None:
            self._others = frozenset((seen | {None}) - {self._uid})
        self._note("" if self._uid else "the DaemonSet has no uid")

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            if trouble:
                log.warning("the agents' DaemonSet cannot be read, no new agent is found", extra={"error": trouble[:500]})
            else:
                log.info("the agents' DaemonSet is found")
        self._trouble = trouble
