"""`oomsight-operator check`: whether every agent's node is known to the operator. It is what `helm test` runs.

Asks as any user may: the operator's API of nodes through the API server, and the agents' DaemonSet for how many there should be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.runner import ApiClient

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
PATIENCE_SECONDS = 60
"""An operator that was just started lists the cluster and asks each agent first."""
MAX_NAMED_NODES = 10

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reporting:
    """How many nodes should report, and what is known of which."""

    expected: int
    known: int
    silent: tuple[str, ...]
    """Nodes of which nothing is known, each with the reason."""

    @property
    def complete(self) -> bool:
        """Nodes without an agent (agent.nodeSelector) are unknown by choice, so that the number decides."""
        return self.expected > 0 and self.known >= self.expected

    def words(self) -> str:
        """For a person."""
        counted = f"{self.known} of {self.expected} nodes with an agent are known"
        if self.complete:
            return counted
        if self.expected == 0:
            return "the DaemonSet oomsight-agent has no node to run on: see agent.nodeSelector and agent.tolerations"
        more = len(self.silent) - MAX_NAMED_NODES
        named = "; ".join((*self.silent[:MAX_NAMED_NODES], *([f"and {more} more"] if more > 0 else [])))
        return f"{counted}; nothing is known of {named}" if named else counted


async def check(
    client: ApiClient, namespace: str, service: str, daemonset: str, *, sleep: Sleep = asyncio.sleep
) -> tuple[bool, str]:
    """Whether all report, asked for at most a minute until they do, and the words for it."""
    where = quote(namespace, safe="")
    told = ""
    for attempt in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if attempt:
            await sleep(POLL_SECONDS)
        try:
            agents = await client.request("GET", f"/apis/apps/v1/namespaces/{where}/daemonsets/{quote(daemonset, safe='')}")
            nodes = await client.request("GET", f"/api/v1/namespaces/{where}/services/{quote(service, safe='')}:api/proxy/v1/nodes")
        except ApiError as error:
            told = str(error)
            if error.status in (401, 403):
                break
            continue
        found = reporting(agents, nodes)
        told = found.words()
        if found.complete:
            return True, told
    return False, told


def reporting(agents: Mapping[str, Any], nodes: Mapping[str, Any]) -> Reporting:
    """From a DaemonSet and the answer of /v1/nodes."""
    status = agents.get("status")
    expected = status.get("desiredNumberScheduled") if isinstance(status, Mapping) else None
    listed = nodes.get("nodes")
    rows = [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []
    silent = tuple(f"{row.get('node')} ({row['unknownBecause']})" for row in rows if row.get("unknownBecause"))
    known = sum(1 for row in rows if row.get("sampleTime") and not row.get("unknownBecause"))
    return Reporting(expected if isinstance(expected, int) else 0, known, silent)
