"""A node whose kernel kills, an agent that watches it, and a consumer that counts what the agent tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oomsight_agent.incidents.observation import Observation, ProcessSeen
from oomsight_agent.incidents.tracker import IncidentTracker
from oomsight_agent.kernel.oom_log.model import LogKill, LogMemory, LogOom, LogTask
from oomsight_api.incident import Incident, Victim
from oomsight_api.report import Container, Memory, NodeMemory, NodeReport, Pod

BOOT_ID = "0123abcd-4567-89ab-cdef-0123456789ab"
BOOT = "0123abcd"
BOOT_TIME = 1_700_000_000.0
UID_A = "aaaaaaaa-0000-4000-8000-000000000001"
UID_B = "bbbbbbbb-0000-4000-8000-000000000002"
MIB = 1 << 20


def container_id(letter: str) -> str:
    return letter * 64


A, B, C = container_id("a"), container_id("b"), container_id("c")


@dataclass
class LivingContainer:
    pod_uid: str
    id: str
    name: str | None
    kills: int = 0
    limit_ooms: int = 0
    usage_bytes: int = 100 * MIB
    group: bool | None = None
    counts: bool = True

    @property
    def cgroup(self) -> str:
        return f"/kubepods/burstable/pod{self.pod_uid}/{self.id}"


@dataclass
class Node:
    """The kernel's side: what happened, what it counted, what its log's ring holds."""

    version: int = 2
    now: float = 1000.0
    """Monotonic."""
    containers: dict[str, LivingContainer] = field(default_factory=dict)
    pod_kills: dict[str, int] = field(default_factory=dict)
    pod_limit_ooms: dict[str, int] = field(default_factory=dict)
    vmstat: int | None = 0
    log: list[LogOom] = field(default_factory=list)
    ring_from: int = 0
    seq: int = 100
    processes: dict[int, ProcessSeen] = field(default_factory=dict)

    def start(self, id_: str, pod_uid: str = UID_A, name: str | None = "app", **more: bool | None) -> LivingContainer:
        self.containers[id_] = LivingContainer(pod_uid, id_, name, **more)  # type: ignore[arg-type]
        self.pod_kills.setdefault(pod_uid, 0)
        self.pod_limit_ooms.setdefault(pod_uid, 0)
        return self.containers[id_]

    def stop(self, id_: str) -> None:
        del self.containers[id_]

    def count(self, id_: str, times: int = 1, *, limit: str | None = None) -> None:
        """The counters of a kill in this container; `limit`: whose own limit it was."""
        container = self.containers[id_]
        container.kills += times
        self.pod_kills[container.pod_uid] += times
        self.node_counts(times)
        if limit == "container":
            container.limit_ooms += 1
        if limit == "pod":
            self.pod_limit_ooms[container.pod_uid] += 1

    def node_counts(self, times: int = 1) -> None:
        if self.vmstat is not None:
            self.vmstat += times

    def log_kill(self, id_: str | None, pid: int, name: str = "app", *, header: bool = True) -> LogOom:
        """The log's lines of a kill at the container's own limit; without header its cgroup is not told."""
        path = self.containers[id_].cgroup if id_ is not None else "/system.slice/cron.service"
        self.seq += 100
        kill = LogKill(self.seq, self.usec, pid, name, anon_rss_bytes=90 * MIB, oom_score_adj=100)
        oom = LogOom(self.seq, self.usec, is_global=False, kills=(kill,))
        if header:
            memory = LogMemory(usage_bytes=128 * MIB, limit_bytes=128 * MIB, anon_bytes=100 * MIB)
            oom = LogOom(
                self.seq,
                self.usec,
                is_global=False,
                limit_cgroup=path,
                task_cgroup=path,
                trigger_pid=pid,
                trigger_name=name,
                trigger_cpuset=path.rpartition("/")[2],
                kills=(kill,),
                memory=memory,
                tasks=(LogTask(pid, name),),
            )
        self.log.append(oom)
        return oom

    def kill(self, id_: str, pid: int, name: str = "app", *, header: bool = True, limit: str | None = "container") -> LogOom:
        """A kill with all that the kernel says of it."""
        self.count(id_, limit=limit)
        return self.log_kill(id_, pid, name, header=header)

    @property
    def usec(self) -> int:
        return int(self.now * 1e6)

    def overwrite_ring(self) -> None:
        self.ring_from = len(self.log)

    def report(self) -> NodeReport:
        v2 = self.version == 2
        return NodeReport(
            node="n1",
            instance="",
            cursor="",
            full=True,
            time_seconds=BOOT_TIME + self.now,
            interval_seconds=1,
            boot_id=BOOT_ID,
            cgroup_version=self.version,
            node_memory=NodeMemory(oom_kills=self.vmstat),
            containers=tuple(
                Container(
                    pod_uid=one.pod_uid,
                    container_id=one.id,
                    cgroup=one.cgroup,
                    pod_name="web-0" if one.name else None,
                    namespace="shop" if one.name else None,
                    container_name=one.name,
                    memory=Memory(usage_bytes=one.usage_bytes, working_set_bytes=one.usage_bytes // 2, limit_bytes=128 * MIB),
                    oom_kills=one.kills if one.counts else None,
                    limit_ooms=one.limit_ooms if v2 else None,
                    oom_group=one.group if v2 else None,
                )
                for one in self.containers.values()
            ),
            pods=tuple(
                Pod(
                    pod_uid=uid,
                    cgroup=f"/kubepods/burstable/pod{uid}",
                    oom_kills=kills if v2 else None,
                    limit_ooms=self.pod_limit_ooms[uid] if v2 else None,
                )
                for uid, kills in self.pod_kills.items()
            ),
        )


class Agent:
    """An agent's run: its tracker, and where it stands in the log."""

    def __init__(self, node: Node, *, follows_log: bool = True) -> None:
        self.node = node
        self.tracker = IncidentTracker(BOOT_ID)
        self.follows_log = follows_log
        self.told: dict[str, Incident] = {}
        self.tellings: list[Incident] = []
        self._read = node.ring_from

    def observe(
        self,
        after: float = 1.0,
        *,
        log: tuple[LogOom, ...] | None = None,
        survivors: Mapping[str, bool] | None = None,
        gone_pids: frozenset[int] | None = None,
        reads_log: bool = True,
    ) -> list[Incident]:
        """One sample `after` seconds later; `log` instead of what is new in the node's."""
        self.node.now += after
        if log is None and self.follows_log and reads_log:
            begin = max(self._read, self.node.ring_from)
            log = tuple(self.node.log[begin:])
            self._read = len(self.node.log)
        seen = Observation(
            report=self.node.report(),
            monotonic_seconds=self.node.now,
            boot_time_seconds=BOOT_TIME,
            log=log or (),
            follows_log=self.follows_log,
            processes=dict(self.node.processes),
            survivors=survivors or {},
            gone_pids=gone_pids,
        )
        news = list(self.tracker.observe(seen))
        self.tellings += news
        self.told.update({incident.id: incident for incident in news})
        return news

    def settle(self) -> None:
        """Wait until nothing is open any more."""
        for _ in range(8):
            self.observe(1.0)

    def only(self) -> Incident:
        assert len(self.told) == 1, sorted(self.told)
        return next(iter(self.told.values()))


def seen_process(pid: int, name: str, id_: str, badness: int = 100, *, init: bool | None = False) -> ProcessSeen:
    return ProcessSeen(pid, name, id_, is_container_init=init, badness_points=badness, oom_score_adj=100)


def kills_counted(*agents: Agent) -> list[tuple[str | None, int | None, str | None]]:
    """As a consumer counts: newest telling of each id, each (owner, ordinal) once. Owner, ordinal and id of those without."""
    incidents: dict[str, Incident] = {}
    for agent in agents:
        for incident in agent.tellings:
            incidents[incident.id] = incident
    kills: set[tuple[str | None, int | None, str | None]] = set()
    for incident in incidents.values():
        assert incident.victim_count == len(incident.victims)
        for index, victim in enumerate(incident.victims):
            owner = owner_of(victim)
            named = owner is not None and victim.ordinal is not None
            kills.add((owner, victim.ordinal, None if named else f"{incident.id}/{index}"))
    return sorted(kills, key=str)


def owner_of(victim: Victim) -> str | None:
    return victim.container_id or victim.pod_uid
