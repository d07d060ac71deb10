"""How many living pods a workload has, through what stands between (ReplicaSets and their like). Follows two Stores.

Each change costs the same however many pods there are, and so does each question: a workload of a thousand pods asks it a thousand
times.
"""

from __future__ import annotations

from collections import Counter

from oomsight_operator.inventory.store import Store
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.lifecycle import has_ended
from oomsight_operator.judgement.model import Owner, Pod

_Key = tuple[str, str]
"""Namespace and uid of a controller: a reference into another namespace means nothing, but a tenant can write one."""


class Replicas:
    """Counts pods that have not ended."""

    def __init__(self, pods: Store[Pod], intermediates: Store[Intermediate]) -> None:
        self._living: Counter[_Key] = Counter()
        self._made_by: dict[_Key, set[str]] = {}
        for pod in pods:
            self._pod_changed(None, pod)
        for intermediate in intermediates:
            self._intermediate_changed(None, intermediate)
        pods.listen(self._pod_changed)
        intermediates.listen(self._intermediate_changed)

    def living(self, namespace: str, workload: Owner) -> int:
        """Pods that the workload controls itself, and those of what it made."""
        made = self._made_by.get((namespace, workload.uid), ())
        return self._living[namespace, workload.uid] + sum(self._living[namespace, uid] for uid in made)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        for pod, step in ((old, -1), (new, 1)):
            if pod is None or pod.owner is None or has_ended(pod):
                continue
            key = (pod.namespace, pod.owner.uid)
            self._living[key] += step
            if not self._living[key]:
                del self._living[key]

    def _intermediate_changed(self, old: Intermediate | None, new: Intermediate | None) -> None:
        if old is not None and old.owner is not None:
            key = (old.namespace, old.owner.uid)
            made = self._made_by.get(key, set())
            made.discard(old.uid)
            if not made:
                self._made_by.pop(key, None)
        if new is not None and new.owner is not None:
            self._made_by.setdefault((new.namespace, new.owner.uid), set()).add(new.uid)
