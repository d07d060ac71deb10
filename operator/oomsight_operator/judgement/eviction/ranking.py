"""The order in which the kubelet evicts pods when memory runs short.

Source: Kubernetes pkg/kubelet/eviction/helpers.go, rankMemoryPressure (1.34): pods without statistics, then those whose working
set is above their request, then by lower priority, then by larger working set - request. The request is that of
GetResourceRequestQuantity (pkg/api/v1/resource/helpers.go): at pod level, else the containers' aggregate, plus the RuntimeClass's
overhead unless it is 0. Whoever is critical (pkg/kubelet/types IsCriticalPod) is never evicted. One pod a round; QoS classes are
no part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from oomsight_operator.judgement.eviction.working_set import PodUse, Source
from oomsight_operator.judgement.lifecycle import has_ended
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.oom_score_adj import effective_request, is_critical


@dataclass(frozen=True, slots=True)
class Place:
    """One pod in the order. Sizes in bytes."""

    place: int
    """From 1."""
    pod: Pod
    request_bytes: int
    priority: int
    working_set_bytes: int | None = None
    source: Source | None = None
    tied: bool = False
    """Another pod has the same rank: which of both goes first, the kubelet leaves to chance."""

    @property
    def excess_bytes(self) -> int | None:
        """Working set - request; negative below the request, None without statistics."""
        return self.working_set_bytes - self.request_bytes if self.working_set_bytes is not None else None

    @property
    def exceeds_request(self) -> bool:
        return self.excess_bytes is not None and self.excess_bytes > 0


def request_for_eviction(pod: Pod) -> int:
    """Bytes that the kubelet compares a pod's working set with."""
    request = effective_request(pod)
    return request + (pod.overhead_bytes or 0) if request else 0


def eviction_order(uses: Iterable[PodUse]) -> tuple[Place, ...]:
    """All that may be evicted, first first. Pods of one rank come by namespace, name and uid, and are marked as tied."""
    ranked = sorted(
        (_ranked(use) for use in uses if not (has_ended(use.pod) or is_critical(use.pod))),
        key=lambda each: (each.rank, each.use.pod.namespace, each.use.pod.name, each.use.pod.uid),
    )
    places: list[Place] = []
    for index, each in enumerate(ranked):
        tied = index > 0 and ranked[index - 1].rank == each.rank
        if tied:
            places[-1] = replace(places[-1], tied=True)
        places.append(
            Place(
                place=index + 1,
                pod=each.use.pod,
                request_bytes=each.request_bytes,
                priority=each.use.pod.priority or 0,
                working_set_bytes=each.use.working_set_bytes,
                source=each.use.source,
                tied=tied,
            )
        )
    return tuple(places)


@dataclass(frozen=True, slots=True)
class _Ranked:
    rank: tuple[bool, bool, int, int]
    """Lower goes first."""
    request_bytes: int
    use: PodUse


def _ranked(use: PodUse) -> _Ranked:
    """orderedBy(exceedMemoryRequests, priority, memory)."""
    priority, request_bytes = use.pod.priority or 0, request_for_eviction(use.pod)
    if use.working_set_bytes is None:
        return _Ranked((False, False, priority, 0), request_bytes, use)
    excess = use.working_set_bytes - request_bytes
    return _Ranked((True, excess <= 0, priority, -excess), request_bytes, use)
