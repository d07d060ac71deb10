"""The cases that the agent remembers, and what of them has not been told yet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from oomsight_agent.incidents.build import build
from oomsight_agent.incidents.case import Case, Kill
from oomsight_agent.incidents.names import Names
from oomsight_agent.kernel.oom_log.model import LogOom
from oomsight_api.incident import Incident

REMEMBERED: Final = 512
"""Cases that were told and may yet become clearer; with their task tables 4 MiB."""
REMEMBERED_KILLS: Final = 4096
"""Of those cases together; 3 MiB. A container of thousands of processes may die whole again and again."""
_BOOT: Final = re.compile(r"[0-9a-f]{8}")


class Cases:
    """By incident id; the oldest are forgotten first."""

    def __init__(self, boot_id: str | None, names: Names) -> None:
        self.boot = "unknown"
        """First part of every id."""
        self.learn_boot(boot_id)
        self._names = names
        self._cases: dict[str, Case] = {}
        self._told: dict[str, Incident] = {}
        self._changed: dict[str, None] = {}
        self._forgotten_seq = -1

    def learn_boot(self, boot_id: str | None) -> None:
        """Which boot the log's sequence numbers belong to; a word where nobody knows."""
        found = _BOOT.match(boot_id or "")
        if found is not None and self.boot == "unknown":
            self.boot = found[0]

    def of_log(self, oom: LogOom) -> Case | None:
        """The case of this OOM, when there is one already."""
        return self._cases.get(f"{self.boot}-{oom.seq}")

    def was_forgotten(self, oom: LogOom) -> bool:
        """It comes again, but its case is gone."""
        return oom.seq <= self._forgotten_seq

    def add(self, case: Case) -> None:
        """A new one."""
        self._cases[case.id] = case
        self.touch(case.id)

    def of_kill(self, kill: Kill) -> Case | None:
        return self._cases.get(kill.case_id)

    def touch(self, case_id: str) -> None:
        """Something became known of it."""
        self._changed[case_id] = None

    def news(self, doubtful: Iterable[Kill] = ()) -> tuple[Incident, ...]:
        """Incidents that are new or otherwise than they were told, oldest first. New ones with doubtful kills are told later."""
        found = []
        later = {kill.case_id: None for kill in doubtful if kill.case_id not in self._told}
        for case_id in self._changed:
            case = self._cases.get(case_id)
            if case_id in later or case is None or not case.can_be_told:
                continue
            incident = build(case, self._names)
            if self._told.get(case_id) != incident:
                self._told[case_id] = incident
                found.append(incident)
        self._changed = later
        self._forget()
        return tuple(sorted(found, key=lambda incident: (incident.time_seconds, incident.id)))

    def _forget(self) -> None:
        """What was told, the oldest first, and before it what will never be: its lines told nothing that the counters did not.

        What waits to be told stays: in a storm there is more of it than is remembered afterwards.
        """
        too_many = len(self._cases) - REMEMBERED
        told = [self._cases[case_id] for case_id in self._told]  # in the order of learning: the wall clock may be set back
        kills = sum([len(case.kills) for case in told])
        if too_many > 0:
            for case in [case for case in self._cases.values() if not case.kills and not case.can_be_told][:too_many]:
                self._drop(case)
                too_many -= 1
        for case in told:
            if too_many <= 0 and kills <= REMEMBERED_KILLS:
                break
            self._drop(case)
            too_many -= 1
            kills -= len(case.kills)

    def _drop(self, case: Case) -> None:
        del self._cases[case.id]
        self._told.pop(case.id, None)
        if case.oom is not None:
            self._forgotten_seq = max(self._forgotten_seq, case.oom.seq)
