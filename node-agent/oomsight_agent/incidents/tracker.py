"""The tracker: one call an observation, and out come the incidents that are new or became clearer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from oomsight_agent.incidents.attribution import attribute, by_container, trigger_container, worst_gone
from oomsight_agent.incidents.build import last_sample, sampled_memory
from oomsight_agent.incidents.case import Case, Kill, Place, limit_of
from oomsight_agent.incidents.cases import Cases
from oomsight_agent.incidents.completeness import Completeness
from oomsight_agent.incidents.container_counters import ContainerCounters
from oomsight_agent.incidents.counter_cases import container_cases, pod_case
from oomsight_agent.incidents.counters import Moment
from oomsight_agent.incidents.history import History
from oomsight_agent.incidents.names import Names
from oomsight_agent.incidents.observation import Observation, ProcessSeen
from oomsight_agent.incidents.pod_remainder import PodRemainder
from oomsight_agent.incidents.survival import Survival
from oomsight_agent.incidents.waiting import Waiting
from oomsight_agent.kernel.oom_log.model import LogOom
from oomsight_api.incident import Attribution, Incident, OomScope

_MAX_NAMED: Final = 1024
_LOOK_AGAIN_SECONDS: Final = 0.05


class IncidentTracker:
    """Not thread-safe. It has no clock: time comes with the observations."""

    def __init__(self, boot_id: str | None = None) -> None:
        """`boot_id` None: the first report tells it."""
        self._names = Names()
        self._history = History()
        self._cases = Cases(boot_id, self._names)
        self._counters = ContainerCounters()
        self._pods = PodRemainder()
        self._waiting = Waiting()
        self._survival = Survival()
        self._completeness = Completeness()
        self._named: dict[int, None] = {}
        """Pids whose kill is told by name."""
        self._lines_of_now = 0
        """Kills with an owner that the log told in this observation."""
        self._now = Moment(-1, float("-inf"))
        self._look_again = float("-inf")

    @property
    def unattributed_oom_kills(self) -> int | None:
        """Kills that the node counted since the first observation, beyond all that were found; None where it does not tell."""
        return self._completeness.unattributed

    def questions(self) -> frozenset[str]:
        """Ids of the containers of which `Observation.survivors` (and `gone_pids`) shall tell."""
        return self._survival.questions()

    def due_seconds(self) -> float | None:
        """Monotonic time by which to observe again, even if nothing happens."""
        times = [
            *self._counters.due_seconds(),
            *self._pods.due_seconds(),
            *self._waiting.due_seconds(),
            *self._survival.due_seconds(),
            self._look_again,
        ]
        return min((due for due in times if due > self._now.monotonic_seconds), default=None)

    def observe(self, seen: Observation) -> tuple[Incident, ...]:
        """Take what was seen; the incidents that are new or otherwise than they were told, oldest first."""
        first = self._now.round < 0
        self._now = Moment(self._now.round + 1, seen.monotonic_seconds)
        if first:
            self._cases.learn_boot(seen.report.boot_id)
        self._names.remember(seen.report)
        self._history.take(seen.report)
        self._lines_of_now = 0
        for oom in seen.log:
            self._take_oom(oom, seen, since_start=not first)
        self._take_counters(seen, first=first)
        self._settle(seen)
        self._answer(seen)
        self._completeness.take(seen.report.node_memory.oom_kills, seen.monotonic_seconds)
        doubtful = self._counters.doubtful()
        self._look_again = self._now.monotonic_seconds + _LOOK_AGAIN_SECONDS if doubtful else float("-inf")
        return self._cases.news(doubtful)

    def _take_oom(self, oom: LogOom, seen: Observation, *, since_start: bool) -> None:
        case = self._cases.of_log(oom)
        if case is None:
            if self._cases.was_forgotten(oom):
                return
            case = Case(f"{self._cases.boot}-{oom.seq}", seen.boot_time_seconds + oom.usec / 1e6, since_start=since_start)
            self._cases.add(case)
        if case.oom is None or (oom.group_cgroup is not None and not case.oom_group):
            case.oom_group = oom.group_cgroup is not None or (False if oom.task_cgroup is not None else None)
            if case.oom_group and since_start:
                self._completeness.groups += 1
        if case.oom is None or case.limit.scope is None:
            case.limit = limit_of(oom)
        case.oom = oom
        if case.trigger_container_id is None:
            case.trigger_container_id = trigger_container(oom, seen.processes if since_start else {})
        self._cases.touch(case.id)
        # What the cache holds at the agent's first look lives: it was not killed before.
        processes = seen.processes if since_start else {}
        for index in range(case.kills_read, len(oom.kills)):
            kill = attribute(case.id, oom, index, processes)
            kill.since_start = since_start
            case.kills.append(kill)
            if kill.waits:
                self._waiting.add(kill, case, self._now)
            else:
                self._lines_of_now += 1
                self._place(kill, case)
        case.kills_read = max(case.kills_read, len(oom.kills))

    def _place(self, kill: Kill, case: Case) -> None:
        """It is known whose this kill of the log was, or that nobody will know."""
        kill.waits = False
        kill.place = self._whole(kill.place)
        place = kill.place or Place()
        if kill.since_start:
            self._completeness.found += 1
            if place.pod_uid is not None:
                self._pods.loose_kill(place.pod_uid, 1)
        if kill.log is not None and place.container_id is not None:
            self._remember_named(kill.log.pid)
        self._cases.touch(case.id)
        if place.container_id is None:
            return
        self._counters.add(place.container_id, kill, self._now)
        if kill.since_start and case.container_id == place.container_id:
            if kill.is_container_init:
                case.survived = False
            self._ask(case, place.container_id)
            self._remember_state(case, place.container_id)

    def _whole(self, place: Place | None) -> Place | None:
        """With the pod and the cgroup of a container of which the id alone is known."""
        if place is None or place.container_id is None or place.cgroup is not None:
            return place
        row = self._history.row(place.container_id)
        name = self._names.container(place.container_id)
        return Place(row.cgroup if row else None, name.pod_uid if name else None, place.container_id)

    def _ask(self, case: Case, container_id: str) -> None:
        self._survival.ask(case, container_id, self._now.monotonic_seconds)

    def _remember_state(self, case: Case, container_id: str) -> None:
        """What the container's last sample before the kill said."""
        sample = self._history.before(container_id, case.time_seconds)
        if case.before is not None or sample is None:
            return
        row, age = sample.containers[container_id], case.time_seconds - sample.time_seconds
        case.before = last_sample(row, age)
        if row.pod_uid in sample.pods:
            case.pod_memory = sampled_memory(sample.pods[row.pod_uid].memory, age)
        if case.limit.scope in (None, OomScope.CONTAINER):
            case.memory = sampled_memory(row.memory, age)
        elif case.limit.scope is OomScope.POD and case.limit.pod_uid == row.pod_uid:
            case.memory = case.pod_memory

    def _take_counters(self, seen: Observation, *, first: bool) -> None:
        not_before = seen.boot_time_seconds if first else self._history.previous.time_seconds
        self._pods.take(seen.report.pods, self._now, not_before, first=first)
        for row, by in self._counters.take(self._history, self._now, not_before, seen.boot_time_seconds, first=first):
            if not first:
                self._completeness.found += by
                self._pods.container_rose(row.pod_uid, by)
        self._find_owners(first=first)
        if first:
            self._matched(self._counters.match_first())
        self._matched(self._counters.match(self._now))

    def _matched(self, kills: Iterable[Kill]) -> None:
        for kill in kills:
            self._cases.touch(kill.case_id)
            case = self._cases.of_kill(kill)
            if case is not None and case.limit.scope is None and case.oom is not None and case.oom.is_global is False:
                case.limit = kill.limit or case.limit
                if case.limit.scope is OomScope.POD:
                    case.memory = case.pod_memory
            if kill.since_start:  # the counter has it as well
                self._completeness.found -= 1
                if kill.place is not None and kill.place.pod_uid is not None:
                    self._pods.loose_kill(kill.place.pod_uid, -1)

    def _find_owners(self, *, first: bool) -> None:
        """Ask the counters whose the kills without header were."""
        if not self._waiting or (not first and not self._something_is_due()):
            return
        self._give_to_owner(self._counters.unexplained(since_start=False), {}, since_start=False)
        self._give_to_owner(self._counters.unexplained(since_start=True), self._pods.open(), since_start=True)

    def _give_to_owner(self, containers: Mapping[str, int], pods: Mapping[str, int], *, since_start: bool) -> None:
        found = self._waiting.take_all_of({**containers, **pods}, self._now, since_start=since_start)
        if found is None:
            return
        owner, kills = found
        for kill, case in kills:
            kill.attributed_by = Attribution.COUNTER
            if owner in containers:
                kill.place = Place(container_id=owner)
            else:
                pod, kill.ordinal = self._pods.take_ordinal(owner)
                kill.place = Place(pod.cgroup if pod else None, owner)
            self._place(kill, case)
            if owner in pods:
                self._pods.loose_kill(owner, -1)  # its ordinal explains it

    def _something_is_due(self) -> bool:
        times = [*self._counters.due_seconds(), *self._pods.due_seconds(), *self._waiting.due_seconds()]
        return any(due <= self._now.monotonic_seconds for due in times)

    def _settle(self, seen: Observation) -> None:
        """Tell what waited long enough."""
        for counted in self._counters.overdue(self._now, follows_log=seen.follows_log):
            for case in container_cases(self._cases.boot, counted):
                self._add_counted(case)
        for remainder in self._pods.overdue(self._now, follows_log=seen.follows_log):
            for ordinal in remainder.ordinals:
                case = pod_case(self._cases.boot, remainder, ordinal, seen.report.time_seconds)
                self._completeness.found += 1
                self._add_counted(case)
        # Lines of now may be ahead of the counters, and have taken ordinals of lines that wait: the next sample gives these back.
        shown = sum(self._counters.unexplained(since_start=True).values()) + sum(self._pods.open().values()) + self._lines_of_now
        before = sum(self._counters.unexplained(since_start=False).values())
        for kill, case in self._waiting.overdue(self._now, unexplained=shown, unexplained_before=before):
            self._place(kill, case)

    def _add_counted(self, case: Case) -> None:
        self._waiting.absorb(len(case.kills), self._now, since_start=case.since_start)
        self._cases.add(case)
        if case.oom_group and case.since_start:
            self._completeness.groups += 1
        if case.since_start and case.container_id is not None:
            self._ask(case, case.container_id)

    def _answer(self, seen: Observation) -> None:
        """Who survived; and the likely name of those who were killed without one.

        A followed log names each pid itself, if late: a guess beside it would be told as two kills of one process.
        """
        living, known = self._history.now.containers, self._counters
        processes: dict[str, list[ProcessSeen]] | None = None
        for case in self._survival.take(seen.survivors, living, known, seen.monotonic_seconds):
            self._cases.touch(case.id)
            if case.oom is None and case.container_id is not None and not seen.follows_log:
                if processes is None:
                    processes = by_container(seen.processes)
                self._name_victims(case, processes.get(case.container_id, ()), seen.gone_pids)

    def _name_victims(self, case: Case, processes: Iterable[ProcessSeen], gone_pids: frozenset[int] | None) -> None:
        if case.survived and gone_pids is None:
            return
        candidates = worst_gone(processes, gone_pids if case.survived else None, self._named)
        for kill, process in zip(case.kills, candidates, strict=False):
            kill.process, kill.attributed_by = process, Attribution.PID_CACHE
            self._remember_named(process.pid)

    def _remember_named(self, pid: int) -> None:
        self._named[pid] = None
        if len(self._named) > _MAX_NAMED:
            del self._named[next(iter(self._named))]
