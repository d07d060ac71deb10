"""What the agents told, by node: full reports replace, deltas merge. No I/O; the clock is passed in.

A report comes from a node, and a node may be hostile: what it can spoil is what is known of itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from oomsight_api.incident import Incident, KernelLog
from oomsight_api.report import Cgroup, Container, NodeMemory, NodeReport, Process
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.model import LastRow
from oomsight_operator.polling.incidents import NodeIncidents

MAX_CONTAINERS = 5_000
"""Far beyond what a kubelet runs (110 pods by default); deltas of a hostile agent must not fill the memory."""
MAX_EXPIRED = 10_000
"""Silent nodes of which is remembered that they spoke."""
ENDED_SECONDS = 120.0
"""So long the last row of a container that is gone is kept: the kubelet's word that tells whose it was may come after it."""
MAX_ENDED = 1_000


class RejectedReportError(ValueError):
    """A report that is not believed; the message says why. The agent is asked for a full one."""


@dataclass(slots=True)
class NodeTelemetry:
    """The newest that is known of one node."""

    node_name: str
    instance: str
    heard_at_seconds: float
    """On our own monotonic clock: when an answer with a new sample came last."""
    time_seconds: float = 0.0
    """The agent's clock, of its last sample."""
    interval_seconds: float = 0.0
    memory: NodeMemory = field(default_factory=NodeMemory)
    containers: dict[str, Container] = field(default_factory=dict)
    """By container id."""
    ended: dict[str, LastRow] = field(default_factory=dict)
    """Of containers that are gone, by container id, the one that went last at the end."""
    pods: dict[str, PodRow] = field(default_factory=dict)
    """By the uid that names the cgroup."""
    cgroups: tuple[Cgroup, ...] = ()
    """The root and what stands between it and the pods, as the last report told them; so the next two."""
    host_processes: tuple[Process, ...] | None = None
    """Processes in no container; None: not known."""
    oom_groups: tuple[str, ...] = ()
    """Cgroups without a row that die whole."""
    incidents: NodeIncidents = field(default_factory=NodeIncidents)
    """Over all instances of the agent."""
    since_seconds: float = 0.0
    """The agent's clock at the first sample of this instance, or after a silence: what came before it may not have seen."""
    kernel_log: KernelLog | None = None
    """None: the agent was not told to read it."""
    unattributed_oom_kills: int | None = None
    """As the last report told them."""
    version: int = 0
    """Rises with every change of a row, of the node's memory or of what is outside pods, so that what is computed from them can be
    kept until then."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a report changed."""

    node_name: str
    pod_uids: frozenset[str]
    """Cgroup uids of pods of which a row came, changed or went, or of which an incident tells something new."""
    new_instance: bool = False
    """The agent started anew (or is heard for the first time)."""
    incidents: tuple[Incident, ...] = ()
    """New, or told differently than before."""


class TelemetryStore:
    """All nodes' telemetry."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeTelemetry] = {}
        self._expired: dict[str, tuple[str, float]] = {}
        """Instance and time of the last sample by node that fell silent: an agent whose sampler hangs goes on telling it."""

    def get(self, node_name: str | None) -> NodeTelemetry | None:
        return self._nodes.get(node_name) if node_name else None

    def has_spoken(self, node_name: str | None) -> bool:
        """Whether the node's agent was ever heard by this process: one that was not is late, and has not fallen silent."""
        return node_name in self._nodes or node_name in self._expired

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[NodeTelemetry]:
        return iter(self._nodes.values())

    def apply(self, expected_node: str, report: NodeReport, now_seconds: float) -> Applied:
        """Take over an answer of the agent on `expected_node`. `now_seconds` is monotonic. Raises RejectedReportError."""
        if report.node != expected_node:
            raise RejectedReportError(f"report is of node {report.node[:63]!a}, expected {expected_node}: it runs there")
        node = self._nodes.get(expected_node)
        if not report.full and (node is None or node.instance != report.instance):
            raise RejectedReportError(f"report of node {expected_node} is a delta to something else than what is known")
        if self._expired.get(expected_node) == (report.instance, report.time_seconds):
            raise RejectedReportError(f"report of node {expected_node} has the sample that was too old before: its sampler hangs")
        self._expired.pop(expected_node, None)
        new_instance = node is None or node.instance != report.instance
        if node is None:
            node = self._nodes[expected_node] = NodeTelemetry(expected_node, report.instance, now_seconds)
        changed = self._merge(node, report)
        incidents, victims = node.incidents.take(report.incidents)
        if new_instance:
            node.since_seconds = report.time_seconds
        if new_instance or report.time_seconds != node.time_seconds:
            # An agent whose sampler hangs goes on answering; that does not make its sample fresh.
            node.heard_at_seconds = now_seconds
        outside = (report.node_memory, report.cgroups, report.host_processes, report.oom_groups)
        if changed or (node.memory, node.cgroups, node.host_processes, node.oom_groups) != outside:
            node.version += 1
        _forget_ended(node, report.time_seconds)
        node.instance = report.instance
        node.time_seconds = report.time_seconds
        node.interval_seconds = report.interval_seconds
        node.memory, node.cgroups, node.host_processes, node.oom_groups = outside
        node.kernel_log = report.kernel_log
        node.unattributed_oom_kills = report.unattributed_oom_kills
        return Applied(expected_node, frozenset(changed | victims), new_instance, incidents)

    def expire(self, now_seconds: float, stale_seconds: float) -> list[str]:
        """Forget nodes whose agent has been silent for too long; their names. Their pods are unknown from now on."""
        stale = [node.node_name for node in self._nodes.values() if now_seconds - node.heard_at_seconds > stale_seconds]
        for node_name in stale:
            node = self._nodes.pop(node_name)
            self._expired[node_name] = (node.instance, node.time_seconds)
        while len(self._expired) > MAX_EXPIRED:
            del self._expired[next(iter(self._expired))]  # nodes that left for good, most likely
        return stale

    @staticmethod
    def _merge(node: NodeTelemetry, report: NodeReport) -> set[str]:
        changed: set[str] = set()
        removed_ids = set(node.containers) if report.full else set(report.removed_container_ids)
        removed_pods = set(node.pods) if report.full else set(report.removed_pod_uids)
        taken: set[str] = set()
        for row in report.containers:
            if row.container_id in taken:
                continue  # told twice: the first counts
            taken.add(row.container_id)
            removed_ids.discard(row.container_id)
            known = node.containers.get(row.container_id)
            if known == row:
                continue
            if known is None and len(node.containers) >= MAX_CONTAINERS:
                continue
            if known is not None:
                changed.add(known.pod_uid)
            node.containers[row.container_id] = row
            node.ended.pop(row.container_id, None)  # it could not be read for a while
            changed.add(row.pod_uid)
        taken.clear()
        for pod in report.pods:
            if pod.pod_uid in taken:
                continue
            taken.add(pod.pod_uid)
            removed_pods.discard(pod.pod_uid)
            if node.pods.get(pod.pod_uid) == pod or (pod.pod_uid not in node.pods and len(node.pods) >= MAX_CONTAINERS):
                continue
            node.pods[pod.pod_uid] = pod
            changed.add(pod.pod_uid)
        for container_id in removed_ids:
            gone = node.containers.pop(container_id, None)
            if gone is not None:
                changed.add(gone.pod_uid)
                node.ended[container_id] = LastRow(node.time_seconds, gone)
        for pod_uid in removed_pods:
            if node.pods.pop(pod_uid, None) is not None:
                changed.add(pod_uid)
        return changed


def _forget_ended(node: NodeTelemetry, time_seconds: float) -> None:
    """The oldest first; a clock that was set back keeps none for longer than there is room."""
    while node.ended:
        container_id, last = next(iter(node.ended.items()))
        if len(node.ended) <= MAX_ENDED and time_seconds - last.time_seconds <= ENDED_SECONDS:
            return
        del node.ended[container_id]
