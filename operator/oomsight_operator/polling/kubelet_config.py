"""Asks each kubelet for its eviction thresholds, through the API server's proxy, seldom and slowly. Only when told to.

`GET /api/v1/nodes/NODE/proxy/configz` needs the right `get nodes/proxy`, which opens far more than that (logs, metrics, and on many
clusters running commands in containers): so it is off unless somebody sets `--read-kubelet-config`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from oomsight_operator.judgement.eviction.kubelet_config import MAX_CONFIG_BYTES, KubeletConfigError, parse_kubelet_config
from oomsight_operator.judgement.eviction.settings import EvictionSettings, assumed
from oomsight_operator.judgement.node import Node
from oomsight_operator.judgement.words import printable
from oomsight_operator.kube.errors import ApiError

log = logging.getLogger(__name__)

NOT_ASKED = assumed("kubelets are not asked (--read-kubelet-config, operator.readKubeletConfig in the chart)")
NOT_YET = assumed("this kubelet's configuration has not been read yet")
REFUSALS = 3
"""So many nodes in a row that answer 403 stand for all: a single one may be a kubelet's own answer, and what a node can spoil is
what is known of itself."""
FORBIDDEN = "the API server refuses nodes/proxy (403): is operator.readKubeletConfig set in the chart?"


@dataclass(frozen=True, slots=True)
class ConfigTiming:
    """Seconds."""

    pause_seconds: float = 0.5
    """Between two requests: 5,000 nodes take 42 minutes."""
    again_seconds: float = 6 * 3600.0
    """After this a node is asked anew; a kubelet that registers anew, or with another version, is asked at once."""
    retry_seconds: float = 600.0
    """After a failure."""
    forbidden_seconds: float = 3600.0
    """After a 403."""
    idle_seconds: float = 10.0
    """Between two looks for a node that is due."""


class ConfigClient(Protocol):
    """What is needed of KubeClient."""

    async def get_bytes(self, path: str, *, most_bytes: int | None = None) -> bytes: ...


@dataclass(slots=True)
class _Known:
    identity: tuple[str, str | None]
    """The Node's uid and its kubelet's version."""
    settings: EvictionSettings
    due_seconds: float


class KubeletConfigs:
    """Settings by node. `run` until cancelled; without it (not told to) all are assumed."""

    def __init__(
        self,
        client: ConfigClient,
        nodes: Iterable[Node],
        *,
        enabled: bool,
        timing: ConfigTiming | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._nodes = nodes
        self._enabled = enabled
        self._timing = timing or ConfigTiming()
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._refused: set[str] = set()
        """Nodes that answered 403 since one was read."""
        self._forbidden_until_seconds: float | None = None

    def of(self, node_name: str) -> EvictionSettings:
        """What is known of the node's kubelet; assumed with the reason otherwise."""
        if not self._enabled:
            return NOT_ASKED
        known = self._known.get(node_name)
        return known.settings if known is not None else NOT_YET

    async def run(self) -> None:
        """Ask whoever is due, one after the other."""
        while True:
            node = self._next_due()
            if node is not None:
                await self._ask(node)
            await asyncio.sleep(self._timing.pause_seconds if node is not None else self._timing.idle_seconds)

    def _next_due(self) -> Node | None:
        """Whoever waits longest, those never asked first: nodes that time out come due again before all others had their turn."""
        now = self._monotonic()
        if self._forbidden_until_seconds is not None and now < self._forbidden_until_seconds:
            return None
        nodes = {node.name: node for node in self._nodes}
        for name in self._known.keys() - nodes.keys():
            del self._known[name]
        node = min(nodes.values(), key=self._due_seconds, default=None)
        return node if node is not None and self._due_seconds(node) <= now else None

    def _due_seconds(self, node: Node) -> float:
        known = self._known.get(node.name)
        return known.due_seconds if known is not None and known.identity == _identity(node) else float("-inf")

    async def _ask(self, node: Node) -> None:
        path = f"/api/v1/nodes/{quote(node.name, safe='')}/proxy/configz"
        try:
            settings = parse_kubelet_config(await self._client.get_bytes(path, most_bytes=MAX_CONFIG_BYTES))
        except (ApiError, KubeletConfigError) as error:
            self._failed(node, error)
            return
        self._forbidden_until_seconds = None
        self._refused.clear()
        self._keep(node, settings, self._timing.again_seconds)

    def _failed(self, node: Node, error: ApiError | KubeletConfigError) -> None:
        known = self._known.get(node.name)
        before = known.settings if known is not None and known.identity == _identity(node) else NOT_YET
        if isinstance(error, ApiError) and error.status == 403:
            settings = before if before.assumed_because is None else assumed(FORBIDDEN)
            self._keep(node, settings, self._timing.forbidden_seconds)
            self._refused.add(node.name)
            nodes = list(self._nodes)
            if len(self._refused) >= min(REFUSALS, len(nodes)):
                self._forbidden(nodes)
            return
        if before.assumed_because is None and isinstance(error, ApiError):
            self._keep(node, before, self._timing.retry_seconds)  # what was read stays true until the kubelet is told otherwise
            return
        why = f"this kubelet's configuration cannot be read: {printable(str(error), 200)}"
        if before.assumed_because != why:
            log.info("a kubelet's eviction thresholds are assumed", extra={"node": node.name, "error": str(error)[:300]})
        self._keep(node, assumed(why), self._timing.retry_seconds)

    def _forbidden(self, nodes: Iterable[Node]) -> None:
        if self._forbidden_until_seconds is None:
            log.warning("kubelets' eviction thresholds are assumed", extra={"error": FORBIDDEN})
        self._forbidden_until_seconds = self._monotonic() + self._timing.forbidden_seconds
        for each in nodes:
            known = self._known.get(each.name)
            if known is None or known.identity != _identity(each) or known.settings.assumed_because is not None:
                self._keep(each, assumed(FORBIDDEN), self._timing.forbidden_seconds)

    def _keep(self, node: Node, settings: EvictionSettings, seconds: float) -> None:
        self._known[node.name] = _Known(_identity(node), settings, self._monotonic() + seconds)


def _identity(node: Node) -> tuple[str, str | None]:
    return (node.uid, node.kubelet_version)
