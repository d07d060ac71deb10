"""Whether a container lived on after a kill: asked a moment later, when what had to go with the victim is gone."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Final

from oomsight_agent.incidents.case import Case

SURVIVAL_DELAY: Final = 0.3
"""Seconds after the kill was seen."""
GIVE_UP_SECONDS: Final = 10.0
MAX_QUESTIONS: Final = 1024


class Survival:
    """The open questions."""

    def __init__(self) -> None:
        self._open: list[tuple[float, str, Case]] = []

    def ask(self, case: Case, container_id: str, monotonic_seconds: float) -> None:
        """A kill of this container was just seen."""
        if case.survived is None and len(self._open) < MAX_QUESTIONS and all(known is not case for _, _, known in self._open[-64:]):
            self._open.append((monotonic_seconds, container_id, case))

    def questions(self) -> frozenset[str]:
        """Ids of the containers to look at."""
        return frozenset([container_id for _, container_id, _ in self._open])

    def take(self, survivors: Mapping[str, bool], living: Container[str], known: Container[str], now: float) -> list[Case]:
        """The cases that are answered now. `living`: containers of this sample; `known`: those that were ever in one."""
        answered, still_open = [], []
        for asked, container_id, case in self._open:
            if case.survived is not None:
                continue
            answer = survivors.get(container_id) if asked + SURVIVAL_DELAY <= now else None
            if container_id not in living and container_id in known:
                answer = False
            if answer is not None:
                case.survived = answer
                answered.append(case)
            elif now - asked < GIVE_UP_SECONDS:
                still_open.append((asked, container_id, case))
        self._open = still_open
        return answered

    def due_seconds(self) -> list[float]:
        """Monotonic times at which an answer counts."""
        return [asked + SURVIVAL_DELAY for asked, _, _ in self._open]
