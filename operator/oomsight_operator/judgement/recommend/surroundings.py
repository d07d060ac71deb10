"""What is known beyond a pod, and a recommendation has to go on from or fit into: its workload, its namespace, the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oomsight_operator.judgement.recommend.state import State


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What a LimitRange of the namespace demands of the memory of each container."""

    name: str
    min_bytes: int | None = None
    """Of the request."""
    max_bytes: int | None = None
    """Of the limit."""
    max_ratio: float | None = None
    """Of limit to request."""


@dataclass(frozen=True, slots=True)
class QuotaRule:
    """What a ResourceQuota leaves to the namespace; negative when it was lowered below what is used."""

    name: str
    limits_left_bytes: int | None = None
    requests_left_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of one pod. None means unknown, or that there is none."""

    learned: Mapping[str, State] = field(default_factory=dict)
    """What was learned of the workload's containers, by name."""
    largest_node_bytes: int | None = None
    """Memory that the largest node can allocate to pods."""
    limit_rules: tuple[LimitRule, ...] = ()
    quotas: tuple[QuotaRule, ...] = ()
    autoscaler: str | None = None
    """HorizontalPodAutoscaler that scales the workload by its use of memory relative to the request."""


NOWHERE: Final = Surroundings()
