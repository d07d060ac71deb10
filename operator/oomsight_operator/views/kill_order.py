"""`GET /v1/nodes/<node>/kill-order`: whom the kernel would kill on this node, and in the pods and containers near their limits."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from oomsight_api.incident import OomScope
from oomsight_api.report import Memory
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
from oomsight_operator.views.owners import Owners
from oomsight_operator.views.sample import Sample, compact, head

MAX_NEAR = 10
NEAR_PERCENT = 50
"""From this share of its limit on a domain is told: what cannot be reclaimed, in percent."""
LISTED_NEAR = 3
"""Of each of them."""
MAX_CONTAINERS = 1000
"""Beyond what a kubelet runs, sandboxes included; of a node that tells more these are looked at, and the document says so."""

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
    if node is None:
        return head(sample)
    memory = node.memory
    known = _known(node, pods)
    domain = node_domain(memory)
    because = decided_otherwise(memory, OomScope.NODE) or (why_no_node_domain(memory) if domain is None else None)
    return {
        **head(sample),
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
        candidates=candidates_of(islice(rows, MAX_CONTAINERS), node.host_processes, page_size(node.memory)),
        groups=oom_groups(rows, node.pods.values(), node.cgroups, node.oom_groups),
        owners=Owners(node, pods),
        page_size_bytes=page_size(node.memory),
        node_total_bytes=node.memory.total_bytes,
        signed=node.memory.signed_badness,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A cgroup with a limit."""

    scope: OomScope
    cgroup: str
    memory: Memory
    domain: Domain | None
    container_id: str | None = None
    pod_uid: str | None = None

    @property
    def percent(self) -> int:
        """What of the limit is taken by memory that cannot be reclaimed."""
        if not self.memory.limit_bytes or self.memory.unreclaimable_bytes is None:
            return 0
        return self.memory.unreclaimable_bytes * 100 // self.memory.limit_bytes


def _nearest(node: NodeTelemetry) -> list[_Place]:
    near = (each for each in _places(node) if each.percent >= NEAR_PERCENT)
    return heapq.nsmallest(MAX_NEAR, near, key=lambda each: (-each.percent, each.cgroup))


def _places(node: NodeTelemetry) -> Iterator[_Place]:
    memory = node.memory
    for row in node.containers.values():
        if row.memory.limit_bytes is not None:
            domain = container_domain(row, memory)
            yield _Place(OomScope.CONTAINER, row.cgroup, row.memory, domain, container_id=row.container_id)
    for pod in node.pods.values():
        if pod.memory.limit_bytes is not None:
            yield _Place(OomScope.POD, pod.cgroup, pod.memory, pod_domain(pod, memory), pod_uid=pod.pod_uid)
    for each in node.cgroups:
        if each.memory.limit_bytes is not None:
            yield _Place(OomScope.CGROUP, each.cgroup, each.memory, cgroup_domain(each, memory))


def _near(place: _Place, node: NodeTelemetry, known: Known) -> dict[str, Any]:
    because = decided_otherwise(node.memory, place.scope)
    if because is None and place.domain is None:
        because = why_no_domain(place.memory, node.memory)
    owner = known.owners.of_container(place.container_id)
    if place.pod_uid is not None:
        owner = known.owners.of_pod(place.pod_uid)
    place_document = {
        "scope": place.scope.value,
        "cgroup": printable(place.cgroup, 512),
        **Owners.owner_document(owner),
        "limitBytes": place.memory.limit_bytes,
        "unreclaimableBytes": place.memory.unreclaimable_bytes,
        "unreclaimablePercent": place.percent,
    }
    if place.domain is None or because is not None:
        return {**place_document, "unknownBecause": because}
    return {**place_document, **order_document(place.domain, known, LISTED_NEAR)}


def _not_known(node: NodeTelemetry) -> Iterator[str]:
    if len(node.containers) > MAX_CONTAINERS:
        yield f"the agent tells {len(node.containers)} containers, of which {MAX_CONTAINERS} were looked at"
    missing = unscored(node.containers.values(), node.host_processes)
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
