"""The incidents that a node's agent told, by id: what was told again replaces what was told before. No I/O, no clock.

Ids are stable over restarts of the agent, so this outlives its instances. An agent may be hostile: a pod has a bound in number, a
node one in number and one in bytes, and the oldest go first. Kills are judged within a second of their telling, and remembered by
the judgement; what is kept here is for what becomes clearer later, and for pods that the API shows late.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from oomsight_api.incident import Incident

MAX_PER_POD = 64
MAX_PER_NODE = 2048
MAX_BYTES = 4 * 1024 * 1024
"""Of a node's incidents together, as JSON: what an agent keeps itself (a usual one with its task table has 3 KiB)."""

_encoder = msgspec.json.Encoder()


class NodeIncidents:
    """Those of one node that have a victim in a pod."""

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[Incident, int]] = {}
        """With its size in bytes."""
        self._by_pod: dict[str, set[str]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def take(self, incidents: Iterable[Incident]) -> tuple[tuple[Incident, ...], set[str]]:
        """Those that are new or were told differently before, and the cgroup uids of the pods that they concern."""
        news: list[Incident] = []
        pods: set[str] = set()
        for incident in incidents:
            known = self._by_id.get(incident.id)
            if known is not None and known[0] == incident:
                continue
            news.append(incident)
            before = pods_of(known[0]) if known is not None else frozenset()
            if known is not None:
                self._drop(incident.id)
            now = pods_of(incident)
            pods |= before | now
            if now:
                size = len(_encoder.encode(incident))
                self._by_id[incident.id] = (incident, size)
                self._bytes += size
            for pod_uid in now:
                self._by_pod.setdefault(pod_uid, set()).add(incident.id)
        self._keep_bounds(pods)
        return tuple(news), pods

    def of_pod(self, cgroup_uid: str) -> tuple[Incident, ...]:
        """Those with a victim in the pod, oldest first."""
        told = (self._by_id[incident_id][0] for incident_id in self._by_pod.get(cgroup_uid, ()))
        return tuple(sorted(told, key=_age))

    def _keep_bounds(self, pods: Iterable[str]) -> None:
        for pod_uid in pods:
            ids = self._by_pod.get(pod_uid, set())
            for incident in self.of_pod(pod_uid)[: max(0, len(ids) - MAX_PER_POD)]:
                self._leave(pod_uid, incident.id)
        if len(self._by_id) <= MAX_PER_NODE and self._bytes <= MAX_BYTES:
            return
        for incident in sorted((incident for incident, _ in self._by_id.values()), key=_age):
            if len(self._by_id) <= MAX_PER_NODE and self._bytes <= MAX_BYTES:
                break
            self._drop(incident.id)

    def _leave(self, pod_uid: str, incident_id: str) -> None:
        """Forget it for one pod; for good when it is nobody's any more."""
        self._by_pod[pod_uid].discard(incident_id)
        if not any(incident_id in self._by_pod.get(other, ()) for other in pods_of(self._by_id[incident_id][0])):
            self._drop(incident_id)

    def _drop(self, incident_id: str) -> None:
        incident, size = self._by_id.pop(incident_id)
        self._bytes -= size
        for pod_uid in pods_of(incident):
            ids = self._by_pod.get(pod_uid)
            if ids is not None:
                ids.discard(incident_id)
                if not ids:
                    del self._by_pod[pod_uid]


def pods_of(incident: Incident) -> frozenset[str]:
    """Cgroup uids of the pods of its victims."""
    return frozenset(victim.pod_uid for victim in incident.victims if victim.pod_uid)


def _age(incident: Incident) -> tuple[float, str]:
    return (incident.time_seconds, incident.id)
