"""The Event on a node whose memory ran out: whom the kernel killed, how little was left, and who had the most.

One Event per OOM: its name comes from the incident's id alone, so no restart tells it twice. Without a policy that asks for Events
on some pod of the node nothing is written; what comes before the pods were judged waits for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from oomsight_api.incident import Incident, Victim
from oomsight_api.names import EventAction, EventReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.account import process_name
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.node_health.condition import NodeCondition, Status
from oomsight_operator.judgement.words import printable, time_text
from oomsight_operator.publishing.events import ObjectEvent, one_line
from oomsight_operator.publishing.kill_words import process_text

MAX_VICTIMS = 4
MAX_TASKS = 4
MAX_HELD = 16
"""Incidents of a node that wait for its first pod under a policy."""

PodName = tuple[str, str]
"""Namespace and name."""


ConditionsOf = Callable[[str], Iterable[NodeCondition]]
"""The conditions of a node's memory now, by its name; none where they are not known."""


def node_event(
    node_name: str, incident: Incident, pods: Mapping[str, PodName], conditions: Iterable[NodeCondition] = ()
) -> ObjectEvent:
    """`pods`: those under a policy by the uid of their cgroup, for victims of which the agent knows no name. `conditions`: the
    node's, of which those that hold are named."""
    memory = incident.memory
    left = ""
    if memory is not None and memory.free_bytes is not None:
        of = f" of {human_bytes(memory.limit_bytes)}" if memory.limit_bytes is not None else ""
        left = f" ({human_bytes(memory.free_bytes)} free{of})"
    victims = [_victim(victim, pods) for victim in incident.victims[:MAX_VICTIMS]]
    count = max(incident.victim_count, len(incident.victims))
    more = f" and {count - len(victims)} more" if victims and count > len(victims) else ""
    killed = f"the kernel killed {'; '.join(victims)}{more}" if victims else _nobody(count)
    biggest = ", ".join(
        f"{process_name(task.name)} (pid {task.pid}) {human_bytes(task.rss_bytes + (task.swap_bytes or 0))}"
        for task in incident.tasks[:MAX_TASKS]
        if task.rss_bytes is not None
    )
    most = f" Biggest processes then: {biggest}." if biggest else ""
    holding = ", ".join(each.type.value for each in conditions if each.status is Status.TRUE)
    now = f" Conditions of the node now: {holding} (GET /v1/nodes/{printable(node_name)}/health explains)." if holding else ""
    note = f"Node {printable(node_name)} ran out of memory at {time_text(incident.time_seconds)}{left}: {killed}.{now}{most}"
    return ObjectEvent(
        reason=EventReason.NODE_OUT_OF_MEMORY,
        action=EventAction.OBSERVE,
        type="Warning",
        note=one_line(note),
        subject=incident.id,
        occurrence=incident.id,
        urgent=True,
    )


class NodeIncidents:
    """Which incidents of nodes may be told: those of nodes with a pod whose policy asks for Events."""

    def __init__(self, tell: Callable[[str, ObjectEvent], None], *, max_age_seconds: float) -> None:
        self.conditions_of: ConditionsOf = lambda _: ()
        self._tell = tell
        self._max_age_seconds = max_age_seconds
        self._pods: dict[str, dict[str, PodName]] = {}
        """By node, then by the uid of the pod's cgroup."""
        self._places: dict[str, tuple[str, str]] = {}
        """Node and cgroup uid by pod uid."""
        self._held: dict[str, list[Incident]] = {}

    def __len__(self) -> int:
        """Incidents that wait."""
        return sum(map(len, self._held.values()))

    def incident(self, node_name: str, incident: Incident, now_seconds: float) -> None:
        """A node-wide OOM, told for the first time."""
        if now_seconds - incident.time_seconds > self._max_age_seconds:
            return  # no news
        pods = self._pods.get(node_name)
        if pods:
            self._tell(node_name, node_event(node_name, incident, pods, self.conditions_of(node_name)))
            return
        # Nodes come and go, and one without a pod under a policy never asks for what waits.
        self._held.setdefault(node_name, []).append(incident)
        for name, held in tuple(self._held.items()):
            fresh = [each for each in held if now_seconds - each.time_seconds <= self._max_age_seconds][-MAX_HELD:]
            if fresh:
                self._held[name] = fresh
            else:
                del self._held[name]

    def pod_judged(self, pod: Pod, *, events: bool, now_seconds: float) -> None:
        """A pod under a policy; `events`: whether that asks for Events."""
        node_name = pod.node_name if events else None
        place = (node_name, pod.cgroup_uid) if node_name else None
        if self._places.get(pod.uid) == place:
            return
        self.forget(pod.uid)
        if place is None or node_name is None:
            return
        self._places[pod.uid] = place
        self._pods.setdefault(node_name, {})[pod.cgroup_uid] = (pod.namespace, pod.name)
        for incident in self._held.pop(node_name, ()):
            self.incident(node_name, incident, now_seconds)

    def forget(self, pod_uid: str) -> None:
        """The pod is gone, or under no policy any more."""
        node_name, cgroup_uid = self._places.pop(pod_uid, ("", ""))
        pods = self._pods.get(node_name)
        if pods is not None:
            pods.pop(cgroup_uid, None)
            if not pods:
                del self._pods[node_name]


def _victim(victim: Victim, pods: Mapping[str, PodName]) -> str:
    """`process java (pid 17) of container app in pod shop/web-0 (1.2Gi resident, oom_score_adj 985)`."""
    namespace, pod_name = victim.namespace, victim.pod_name
    if pod_name is None and victim.pod_uid is not None:
        namespace, pod_name = pods.get(victim.pod_uid, (None, None))
    what = process_text(victim.name, victim.pid) or "a process"
    container = f" of container {_short(victim.container_name)}" if victim.container_name else ""
    pod = f" in pod {_short(namespace or '?')}/{_short(pod_name)}" if pod_name else ""
    if not pod:
        pod = f" in a pod with uid {_short(victim.pod_uid)}" if victim.pod_uid else " of no pod" if victim.cgroup else ""
    sizes = (victim.anon_rss_bytes, victim.file_rss_bytes, victim.shmem_rss_bytes)
    resident = sum(size for size in sizes if size is not None)
    facts = [f"{human_bytes(resident)} resident"] if any(size is not None for size in sizes) else []
    facts += [f"oom_score_adj {victim.oom_score_adj}"] if victim.oom_score_adj is not None else []
    return f"{what}{container}{pod}{_in_parentheses(facts)}"


def _in_parentheses(facts: Iterable[str]) -> str:
    joined = ", ".join(facts)
    return f" ({joined})" if joined else ""


def _nobody(count: int) -> str:
    if not count:
        return "the kernel found no process that it may kill"
    return f"{count} processes were killed, whose is not known"


def _short(text: str) -> str:
    return printable(text, 80)
