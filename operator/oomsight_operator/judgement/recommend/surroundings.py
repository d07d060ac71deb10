"""What is known beyond a pod, and a recommendation has to go on from or fit into: its workload, its namespace, the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oomsight_operator.judgement.recommend.neighbours import NOBODY, Neighbourhood
from oomsight_operator.judgement.recommend.state import State


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What one item of a LimitRange demands of memory: of each container, or of all containers of a pod together."""

    name: str
    min_bytes: int | None = None
    """Of the request."""
    max_bytes: int | None = None
    """Of the limit."""
    max_ratio: float | None = None
    """Of limit to request."""
    of_pod: bool = False
    """Type Pod: the pod's sum."""


@dataclass(frozen=True, slots=True)
class QuotaScope:
    """One scope of a ResourceQuota: which pods it counts. Those of `spec.scopes` have the operator Exists."""

    name: str
    operator: str = "Exists"
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaRule:
    """What a ResourceQuota leaves to the namespace; negative when it was lowered below what is used."""

    name: str
    limits_left_bytes: int | None = None
    requests_left_bytes: int | None = None
    scopes: tuple[QuotaScope, ...] = ()
    """It counts a pod that is in all of them."""
    demands: tuple[str, ...] = ()
    """What each container of a pod that it counts must set, such as limits.cpu: whatever of CPU and memory it bounds."""


@dataclass(frozen=True, slots=True)
class ScaledBy:
    """A HorizontalPodAutoscaler that scales the workload by its use of memory relative to the request."""

    name: str
    container: str | None = None
    """Of this container alone; None: of all together."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What a change of the workload's template sets in motion."""

    replicas: int = 1
    """Living pods of the workload that are known, the one at hand included."""
    surge: int = 0
    """Pods that a rolling update starts beside them before it ends one. Assumed: the operator does not read the strategy."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of one pod. None means unknown, or that there is none."""

    learned: Mapping[str, State] = field(default_factory=dict)
    """What was learned of the workload's containers, by name."""
    neighbours: Neighbourhood = NOBODY
    """Containers of other workloads of the namespace."""
    largest_node_bytes: int | None = None
    """Memory that the largest node can allocate to pods."""
    limit_rules: tuple[LimitRule, ...] = ()
    quotas: tuple[QuotaRule, ...] = ()
    autoscalers: tuple[ScaledBy, ...] = ()
    rollout: Rollout = Rollout()

    def autoscaler_of(self, container: str) -> str | None:
        """Name of the HorizontalPodAutoscaler that the container's request matters to."""
        return next((each.name for each in self.autoscalers if each.container in (None, container)), None)


NOWHERE: Final = Surroundings()
