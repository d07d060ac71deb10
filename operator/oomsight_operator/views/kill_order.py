"""`GET /v1/nodes/<node>/kill-order`: whom the kernel would kill on this node, and in the pods and containers near their limits."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from oomsight_api.incident import OomScope
from oomsight_api.report import Cgroup, Container, Memory, NodeMemory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.eviction.kernel_victims import victim_key
from oomsight_operator.judgement.kill_order.candidates import candidates_of, page_size, unscored
from oomsight_operator.judgement.kill_order.domain import (
    cgroup_domain,
    container_domain,
    decided_otherwise,
    node_domain,
    pod_domain,
    why_no_domain,
    why_no_node_domain,
)
from oomsight_operator.judgement.kill_order.group import oom_groups
from oomsight_operator.judgement.kill_order.model import Domain, KillOrder
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.words import printable
from oomsight_operator.polling.telemetry import NodeTelemetry
from oomsight_operator.views.order_document import Known, order_document
from oomsight_operator.views.owners import NOBODY, Owner, Owners
from oomsight_operator.views.sample import Sample, compact, head

MAX_NEAR = 10
NEAR_PERCENT = 50
"""From this share of its limit on a domain is told: what cannot be reclaimed, in percent."""
LISTED_NEAR = 3
"""Of each of them."""
MAX_CONTAINERS = 1000
"""Beyond what a kubelet runs, sandboxes included; of a node that tells more these are looked at, and the document says so."""
MAX_PROCESSES = 8192
"""The same: an agent tells sixteen of a container, and few have as many."""

NEVER_KNOWN = (
    "sizes are as last told: a container's again when its memory moved by 2 % of its limit, all at least every five minutes",
    "a process in vfork, or one that has been killed and not yet reaped, cannot be chosen for that moment",
    "a process that swapoff or KSM marked (PF_OOM_ORIGIN) is chosen before all others",
    "an allocation bound to some cpuset or NUMA nodes takes its victim among those that use them",
)


def kill_order_document(node: NodeTelemetry | None, pods: Iterable[Pod], *, sample: Sample) -> dict[str, Any]:
    """The whole document, of bounded size.

    `node` None: its agent is silent, and `sample` says so. `pods`: those that the API places on the node.
    """
    return head(sample) if node is None else {**head(sample), **kill_orders(node, pods)}


def kill_orders(node: NodeTelemetry, pods: Iterable[Pod]) -> dict[str, Any]:
    """What follows the document's head: the same for as long as node and pods are."""
    memory = node.memory
    known = _known(node, pods)
    domain = node_domain(memory)
    because = decided_otherwise(memory, OomScope.NODE) or (why_no_node_domain(memory) if domain is None else None)
    return {
        **compact({"pageSizeBytes": page_size(memory), "signedPoints": memory.signed_badness}),
        "memory": compact(
            {
                "totalBytes": memory.total_bytes,
                "availableBytes": memory.available_bytes,
                "swapTotalBytes": memory.swap_total_bytes,
                "swapFreeBytes": memory.swap_free_bytes,
            }
        ),
        "nodeOutOfMemory": order_document(domain, known) if domain is not None and because is None else {"unknownBecause": because},
        "nearLimits": [_near(each, node, known) for each in _nearest(node)],
        "notKnown": [*_not_known(node), *NEVER_KNOWN],
    }


def first_killed(node: NodeTelemetry, order: KillOrder | None, pods: Iterable[Pod]) -> str | None:
    """Whom the kernel would kill first on the node, in a few words; None where there is no order. Processes of one container are
    one: its owner loses one whichever it is."""
    if order is None or not order.first:
        return None
    first = order.first[0]
    label = Owners(node, (pod for pod in pods if pod.cgroup_uid == first.pod_uid)).label(first)
    others = len({victim_key(each) for each in order.first}) - 1
    if not others:
        return label
    return f"{label}, or {'another' if others == 1 else f'one of {others} others'} (ambiguous)"


def _known(node: NodeTelemetry, pods: Iterable[Pod]) -> Known:
    rows = node.containers.values()
    return Known(
        candidates=candidates_of(_looked_at(node), node.host_processes, page_size(node.memory)),
        groups=oom_groups(rows, node.pods.values(), node.cgroups, node.oom_groups),
        owners=Owners(node, pods),
        page_size_bytes=page_size(node.memory),
        node_total_bytes=node.memory.total_bytes,
        signed=node.memory.signed_badness,
    )


def _looked_at(node: NodeTelemetry) -> Iterator[Container]:
    """As many containers as there is room for with all of their processes."""
    room = MAX_PROCESSES
    for row in islice(node.containers.values(), MAX_CONTAINERS):
        room -= len(row.processes)
        if room < 0:
            return
        yield row


@dataclass(frozen=True, slots=True)
class _Place:
    """A cgroup with a limit."""

    scope: OomScope
    row: Container | PodRow | Cgroup

    @property
    def memory(self) -> Memory:
        return self.row.memory

    @property
    def percent(self) -> int:
        """What of the limit is taken by memory that cannot be reclaimed."""
        if not self.memory.limit_bytes or self.memory.unreclaimable_bytes is None:
            return 0
        return self.memory.unreclaimable_bytes * 100 // self.memory.limit_bytes

    def domain(self, node_memory: NodeMemory) -> Domain | None:
        """None where its scale is unknown."""
        if isinstance(self.row, Container):
            return container_domain(self.row, node_memory)
        return pod_domain(self.row, node_memory) if isinstance(self.row, PodRow) else cgroup_domain(self.row, node_memory)

    def owner(self, owners: Owners) -> Owner:
        """Whose it is; nobody's of a cgroup above the pods."""
        if isinstance(self.row, Container):
            return owners.of_container(self.row.container_id)
        return owners.of_pod(self.row.pod_uid) if isinstance(self.row, PodRow) else NOBODY


def _nearest(node: NodeTelemetry) -> list[_Place]:
    near = (each for each in _places(node) if each.percent >= NEAR_PERCENT)
    return heapq.nsmallest(MAX_NEAR, near, key=lambda each: (-each.percent, each.row.cgroup))


def _places(node: NodeTelemetry) -> Iterator[_Place]:
    of_scope: tuple[tuple[OomScope, Iterable[Container | PodRow | Cgroup]], ...] = (
        (OomScope.CONTAINER, node.containers.values()),
        (OomScope.POD, node.pods.values()),
        (OomScope.CGROUP, node.cgroups),
    )
    return (_Place(scope, row) for scope, rows in of_scope for row in rows if row.memory.limit_bytes is not None)


def _near(place: _Place, node: NodeTelemetry, known: Known) -> dict[str, Any]:
    domain, because = place.domain(node.memory), decided_otherwise(node.memory, place.scope)
    if because is None and domain is None:
        because = why_no_domain(place.memory, node.memory)
    place_document = {
        "scope": place.scope.value,
        "cgroup": printable(place.row.cgroup, 512),
        **Owners.owner_document(place.owner(known.owners)),
        "limitBytes": place.memory.limit_bytes,
        "unreclaimableBytes": place.memory.unreclaimable_bytes,
        "unreclaimablePercent": place.percent,
    }
    if domain is None or because is not None:
        return {**place_document, "unknownBecause": because}
    return {**place_document, **order_document(domain, known, LISTED_NEAR)}


def _not_known(node: NodeTelemetry) -> Iterator[str]:
    looked_at = sum(1 for _ in _looked_at(node))
    if len(node.containers) > looked_at:
        yield f"the agent tells {len(node.containers)} containers, of which {looked_at} were looked at"
    missing = unscored(_looked_at(node), node.host_processes)
    if missing:
        yield f"{missing} of the processes that the agent told cannot be scored: a part of their size or oom_score_adj is unknown"
    if node.host_processes is None:
        yield "processes outside pods are unknown: they take part, and the agent has not told them"
    if node.memory.signed_badness is None:
        yield "whether this kernel's points are signed (5.9 on) is unknown: where that matters it is said to be ambiguous"
    elif not node.memory.signed_badness:
        yield "this kernel's points are not signed (before 5.9); one before 5.1 may kill a child of the process that is named"
    if node.memory.panic_on_oom is None or node.memory.oom_kill_allocating_task is None:
        yield "vm.panic_on_oom or vm.oom_kill_allocating_task is unknown: where one is set the kernel does not go by points"
