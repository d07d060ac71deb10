"""The kills of one container while one look at it is judged: which tellings are the same kill, and what each adds to it.

Two tellings are the same kill when they share the incident, or a victim's ordinal in the container's counter: an agent that has
restarted may tell it from the counter alone, under another id. A kill that the kubelet told of first is the kill of the incident
that ended that run. A kill keeps the name (`Kill.identity`) of its first telling.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from oomsight_api.incident import Evidence
from oomsight_operator.judgement.kills.model import Kill, KillSource, WaitingKill
from oomsight_operator.judgement.kills.tellings import Telling, is_near
from oomsight_operator.judgement.model import ContainerHistory

MAX_COUNTED = 256
"""Names remembered beside those of incidents that are still told."""
MAX_RESTORED_ORDINALS = 64


@dataclass(slots=True)
class Book:
    """Mutable, and of one look: `kills` and `counted` go back into the history."""

    name: str
    limit_bytes: int | None
    """The limit of a run that no sample saw; None where there was none, or nobody knows."""
    history: ContainerHistory
    now_seconds: float
    kills: list[Kill] = field(default_factory=list)
    waiting: list[WaitingKill] = field(default_factory=list)
    counted: dict[str, None] = field(default_factory=dict)
    counted_to: dict[str, int] = field(default_factory=dict)
    """By run: all kills up to this ordinal are counted."""
    announced: dict[tuple[str, str, str], None] = field(default_factory=dict)

    @classmethod
    def open(
        cls, name: str, limit_bytes: int | None, previous: ContainerHistory, history: ContainerHistory, now_seconds: float
    ) -> Book:
        """Begin from what is remembered; kills that come from before a restart of the operator are known by what they say.

        `previous` is the history before the agent's row of now may have begun another run.
        """
        counted = dict.fromkeys(history.counted)
        for kill in history.kills:
            if kill.incident_id is not None and incident_name(kill.incident_id, kill.container_id) in counted:
                continue
            if kill.incident_id is not None:
                counted[incident_name(kill.incident_id, kill.container_id)] = None
            first = max(1, kill.sequence - min(max(1, kill.processes), MAX_RESTORED_ORDINALS) + 1)
            counted.update({ordinal_name(kill.container_id, ordinal): None for ordinal in range(first, kill.sequence + 1)})
        seen = {old.container_id_seen: old.oom_kills_seen for old in (previous, history)}
        counted_to = {run: ordinal for run, ordinal in seen.items() if run is not None and ordinal is not None}
        return cls(name, limit_bytes, history, now_seconds, list(history.kills), list(history.waiting), counted, counted_to)

    def limit_of(self, run: str) -> int | None:
        """The limit that was in force for a run: the spec may say another one since."""
        seen, before = self.history.limit_bytes_seen, self.history.run_before
        if run == self.history.container_id_seen and seen is not None:
            return seen
        return before[1] if before is not None and before[0] == run else self.limit_bytes

    def is_counted(self, container_id: str, ordinal: int) -> bool:
        """Whether this kill of the container's counter is a known one's."""
        if ordinal <= self.counted_to.get(container_id, 0):
            return True
        return ordinal_name(container_id, ordinal) in self.counted

    def take(self, telling: Telling) -> Kill | None:
        """Add what is told to the kill that it is of. None: it was a known one's, or waits. Else the new kill, not counted yet."""
        if telling.ended and self.has_ended(telling.container_id, besides=telling.incident.id):
            telling = replace(telling, ended=False)
        for index, kill in enumerate(self.kills):
            if kill.container_id == telling.container_id and kill.incident_id == telling.incident.id:
                self.kills[index] = completed(kill, telling, self._of_others(kill, telling))
                self.note(telling.incident.id, telling.container_id, telling.ordinals)
                return None
        if incident_name(telling.incident.id, telling.container_id) in self.counted:
            self.note(telling.incident.id, telling.container_id, telling.ordinals)
            return None
        for index, waits in enumerate(self.waiting):
            if waits.kill.container_id == telling.container_id and (
                waits.kill.incident_id == telling.incident.id or set(waits.ordinals) & set(telling.ordinals)
            ):
                fresh = self._fresh(telling)
                if telling.ordinals and not fresh:
                    del self.waiting[index]
                    self.note(telling.incident.id, telling.container_id, telling.ordinals)
                    return None
                kill = completed(waits.kill, telling, len(telling.ordinals) - len(fresh))
                ordinals = tuple(sorted({*waits.ordinals, *fresh}))
                self.waiting[index] = replace(waits, kill=kill, ordinals=ordinals)
                if telling.ended is not None:
                    del self.waiting[index]
                    self.count(kill, ordinals)
                return None
        fresh = self._fresh(telling)
        if telling.ordinals and not fresh:
            self._add_to_known(telling)
            self.note(telling.incident.id, telling.container_id, telling.ordinals)
            return None
        known = len(telling.ordinals) - len(fresh)
        kill = self._kill_of(telling, max(1, telling.processes - known))
        return replace(kill, sequence=max(fresh)) if fresh else kill

    def has_ended(self, run: str, *, besides: str | None = None) -> bool:
        """Whether a kill is known that ended the run, as one alone does: what else was killed with it were children."""
        return any(
            kill.container_id == run and kill.ended_container and kill.incident_id is not None and kill.incident_id != besides
            for kill in self.kills
        )

    def _fresh(self, telling: Telling) -> tuple[int, ...]:
        """Its ordinals that are no counted kill's."""
        return tuple(ordinal for ordinal in telling.ordinals if not self.is_counted(telling.container_id, ordinal))

    def _of_others(self, kill: Kill, telling: Telling) -> int:
        """How many of its ordinals are other kills': told from the counter alone, it may hold what was told one by one before."""
        ordinals, found = telling.ordinals, set[int]()
        for other in self.kills:
            if other is not kill and other.container_id == kill.container_id:
                first = bisect_right(ordinals, other.sequence - other.processes)
                found.update(range(first, bisect_right(ordinals, other.sequence)))
        return len(found)

    def told_by_status(self, telling: Telling) -> bool:
        """Whether the kubelet told of this kill before; it is completed then."""
        for index, kill in enumerate(self.kills):
            if kill.source is not KillSource.STATUS or kill.incident_id is not None or kill.container_id != telling.container_id:
                continue
            if not kill.ended_container or is_near(telling.time_seconds, telling.not_before_seconds, kill.time_seconds):
                self.kills[index] = completed(kill, telling)
                self.note(telling.incident.id, telling.container_id, telling.ordinals)
                return True
        return False

    def wait(self, kill: Kill, ordinals: tuple[int, ...]) -> None:
        """Nobody knows yet whether its container died of it."""
        self.waiting.append(WaitingKill(kill, self.now_seconds, ordinals))

    def count(self, kill: Kill, ordinals: Iterable[int] = ()) -> None:
        """It is a kill of its own, and news."""
        self.kills.append(kill)
        self.announced[kill.identity] = None
        if kill.incident_id is not None:
            self.note(kill.incident_id, kill.container_id, ordinals)

    def count_waiting(self, run: str) -> None:
        """What waited in this run were kills of children."""
        for waits in [waits for waits in self.waiting if waits.kill.container_id == run]:
            self.count_child(waits)

    def count_child(self, waits: WaitingKill) -> None:
        """The container outlived it, as far as anybody knows."""
        self.waiting.remove(waits)
        self.count(replace(waits.kill, container_ended=False), waits.ordinals)

    def note(self, incident_id: str, container_id: str, ordinals: Iterable[int]) -> None:
        """These are counted. What is told again is newest again: it is never forgotten while it is told."""
        names = [incident_name(incident_id, container_id), *(ordinal_name(container_id, ordinal) for ordinal in ordinals)]
        for name in names:
            self.counted.pop(name, None)
            self.counted[name] = None

    def close(self, told_names: int, max_kills: int, ended_ids: tuple[str, ...]) -> ContainerHistory:
        """What to remember of it; the same history where nothing happened, as with almost every look."""
        before = self.history
        seen, counted_to = before.container_id_seen, before.oom_kills_seen or 0
        while seen is not None and ordinal_name(seen, counted_to + 1) in self.counted:
            counted_to += 1
        kills = tuple(sorted(self.kills, key=lambda kill: kill.time_seconds)[-max_kills:])
        waiting, counted = tuple(self.waiting), tuple(self.counted)[-MAX_COUNTED - told_names :]
        kills_seen = counted_to or before.oom_kills_seen
        if (kills, waiting, counted, kills_seen, ended_ids) == (
            before.kills,
            before.waiting,
            before.counted,
            before.oom_kills_seen,
            before.ended_container_ids,
        ):
            return before
        return replace(
            before,
            kills=kills,
            waiting=waiting,
            counted=counted,
            oom_kills_seen=kills_seen,
            ended_container_ids=ended_ids,
        )

    def _kill_of(self, telling: Telling, processes: int) -> Kill:
        first, incident = telling.victims[0], telling.incident
        of_seen_run = self.history.container_id_seen == telling.container_id
        before = telling.before
        limit = before.limit_bytes if before is not None else None
        return Kill(
            time_seconds=telling.time_seconds,
            container_name=self.name,
            container_id=telling.container_id,
            source=KillSource.COUNTER if incident.evidence is Evidence.COUNTER else KillSource.KERNEL_LOG,
            limit_bytes=limit if limit is not None else self.limit_of(telling.container_id),
            peak_bytes=self.history.peak_bytes if of_seen_run else None,
            processes=processes,
            not_before_seconds=telling.not_before_seconds,
            sequence=max(telling.ordinals, default=0),
            incident_id=incident.id,
            scope=incident.scope,
            victim_pid=first.pid,
            victim_name=first.name,
            memory=incident.memory,
            before=before,
            container_ended=telling.ended,
        )

    def _add_to_known(self, telling: Telling) -> None:
        """The same kill under another id: what was not known of it is now."""
        for index, kill in enumerate(self.kills):
            if kill.container_id == telling.container_id and kill.sequence in telling.ordinals:
                self.kills[index] = replace(
                    kill,
                    scope=kill.scope if kill.scope is not None else telling.incident.scope,
                    memory=kill.memory or telling.incident.memory,
                    before=kill.before or telling.before,
                )


def completed(kill: Kill, telling: Telling, of_others: int = 0) -> Kill:
    """The kill with what its incident tells now, less what is other kills'. What is known is never lost, its name stays, and its
    time is never later."""
    incident, first = telling.incident, telling.victims[0]
    of_status = kill.source is KillSource.STATUS
    by_log = incident.evidence is not Evidence.COUNTER
    earlier = telling.time_seconds < kill.time_seconds
    return replace(
        kill,
        time_seconds=telling.time_seconds if earlier else kill.time_seconds,
        not_before_seconds=None if by_log else _not_before(kill, telling),
        source=kill.source if of_status or not by_log else KillSource.KERNEL_LOG,
        incident_id=kill.incident_id if kill.incident_id is not None else incident.id,
        sequence=max(kill.sequence, *telling.ordinals) if telling.ordinals else kill.sequence,
        processes=max(kill.processes, telling.processes - of_others),
        scope=incident.scope if incident.scope is not None else kill.scope,
        victim_pid=first.pid if first.pid is not None else kill.victim_pid,
        victim_name=first.name if first.name is not None else kill.victim_name,
        memory=incident.memory or kill.memory,
        before=telling.before or kill.before,
        container_ended=_ended(kill, telling.ended),
    )


def _not_before(kill: Kill, telling: Telling) -> float | None:
    """A record does not keep it, so a kill read back from one has it from its incident again."""
    if kill.source is not KillSource.COUNTER or kill.not_before_seconds is not None:
        return kill.not_before_seconds
    return telling.not_before_seconds


def _ended(kill: Kill, told: bool | None) -> bool | None:
    """An end is never taken back: the container that outlived a kill by moments may have died of it all the same."""
    if kill.container_ended or (kill.exit_code is not None and told is not True):
        return kill.container_ended
    if kill.source is KillSource.STATUS and kill.exit_code == 0:
        return kill.container_ended
    return told if told is not None else kill.container_ended


def incident_name(incident_id: str, container_id: str) -> str:
    """Of all that an incident killed in one run."""
    return f"{incident_id}/{container_id}"


def ordinal_name(container_id: str, ordinal: int) -> str:
    """Of one kill of a run's counter."""
    return f"{container_id}#{ordinal}"
