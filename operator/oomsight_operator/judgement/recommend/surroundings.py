"""What is known beyond a pod, and a recommendation has to go on from or fit into: its workload, its namespace, the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oomsight_operator.judgement.recommend.state import State


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of one pod. None means unknown, or that there is none."""

    learned: Mapping[str, State] = field(default_factory=dict)
    """What was learned of the workload's containers, by name."""
    largest_node_bytes: int | None = None
    """Memory that the largest node can allocate to pods."""


NOWHERE: Final = Surroundings()
