"""What the recommender remembers of every workload, for the engine: one state a container, shared by all replicas. Bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from oomsight_operator.judgement.model import Assessment
from oomsight_operator.judgement.recommend.merging import merged
from oomsight_operator.judgement.recommend.state import NOTHING, State

IDLE_SECONDS: Final = 3 * 86400.0
"""A workload without judged pods for so long is forgotten: a CronJob that runs daily is not. Its MemoryRecommendation keeps it."""
MOST_IDLE: Final = 20_000
"""Workloads above which one that was not judged for `PATIENCE_SECONDS` is forgotten at once."""
PATIENCE_SECONDS: Final = 3600.0
"""Every living pod is judged several times within it."""
_NOTHING: Final[Mapping[str, State]] = {}


class Learned:
    """By the key of the workload. For one event loop."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[float, Mapping[str, State]]] = {}
        """With when it was judged last; that longest ago first."""

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: str) -> Mapping[str, State]:
        """By container name; empty for an unknown workload."""
        found = self._states.get(key)
        return found[1] if found is not None else _NOTHING

    def restore(self, states: Mapping[str, Mapping[str, State]], now_seconds: float) -> None:
        """Take over what an earlier run learned."""
        for key, containers in states.items():
            self._states[key] = (now_seconds, containers)

    def recall(self, key: str, states: Mapping[str, State], now_seconds: float) -> None:
        """Add what else is known of a workload; what its pods taught since stays."""
        before = self._states.pop(key, (0.0, _NOTHING))[1]
        both = {name: merged(before.get(name, NOTHING), state) for name, state in states.items()}
        self._states[key] = (now_seconds, {**before, **both})

    def take(self, key: str, assessment: Assessment, now_seconds: float) -> None:
        """Remember what a judgement of one of its pods learned."""
        before = self._states.pop(key, (0.0, _NOTHING))[1]
        after = {container.name: container.learned for container in assessment.containers if container.learned is not None}
        if any(before.get(name) is not state for name, state in after.items()):
            before = {**before, **after}
        self._states[key] = (now_seconds, before)
        self._forget(now_seconds)

    def _forget(self, now_seconds: float) -> None:
        while True:
            key, (judged, _) = next(iter(self._states.items()))
            idle = now_seconds - judged
            if idle < IDLE_SECONDS and not (len(self._states) > MOST_IDLE and idle >= PATIENCE_SECONDS):
                return
            del self._states[key]
