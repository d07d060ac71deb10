"""Who dies until enough memory is free: one decision of the kernel after the other.

Source: mm/oom_kill.c, out_of_memory(). While a victim has not been reaped no second one is chosen (oom_evaluate_task() gives up),
so each step has the victim of the one before out of the way; who is left keeps its points. What a death frees lies between two
bounds: anonymous memory that no other process can hold, for certain; all that it has resident, swapped and in page tables, at most
(pages that another maps stay, and tmpfs stays in any case).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from oomsight_operator.judgement.kill_order.group import dies_with, oom_group_of
from oomsight_operator.judgement.kill_order.model import Candidate, Domain, KillOrder
from oomsight_operator.judgement.kill_order.order import leaders, rank

MAX_STEPS = 10


class End(StrEnum):
    """Why a cascade goes no further."""

    ENOUGH = "enough"
    """So much is free for certain."""
    PERHAPS_ENOUGH = "perhaps-enough"
    """So much may be free; how much of it others hold as well is not known."""
    NOBODY_LEFT = "nobody-left"
    """Not enough, and nobody is left: the node would panic, in a cgroup whoever asks for memory would fail."""
    AMBIGUOUS = "ambiguous"
    """Nobody can say who is next."""
    LONG = "long"
    """Not enough, and it goes on."""


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: a victim, and all that die with it."""

    victims: tuple[Candidate, ...]
    """The chosen one first."""
    one_of: tuple[Candidate, ...]
    """Who may have been chosen: more than one where equals of one container, or who all die together, are told as one step."""
    least_pages: int
    """Freed by this step for certain."""
    most_pages: int
    needed_for_certain: bool
    """False: the steps before may have freed enough."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """The steps in order."""

    needed_pages: int
    steps: tuple[Step, ...]
    end: End
    next_one_of: tuple[Candidate, ...] = ()
    """Where it ends as ambiguous: who may be next."""

    @property
    def least_pages(self) -> int:
        """Freed for certain by all steps."""
        return sum(step.least_pages for step in self.steps)

    @property
    def most_pages(self) -> int:
        return sum(step.most_pages for step in self.steps)


def cascade(
    candidates: Sequence[Candidate],
    domain: Domain,
    needed_pages: int,
    *,
    groups: Collection[str] = (),
    signed: bool | None = True,
    tolerance_pages: int | None = None,
    most_steps: int = MAX_STEPS,
) -> Cascade:
    """Who dies until `needed_pages` are free for certain."""
    order = rank(candidates, domain, signed=signed, tolerance_pages=tolerance_pages)
    return cascade_of(order, needed_pages, groups=groups, most_steps=most_steps)


def cascade_of(order: KillOrder, needed_pages: int, *, groups: Collection[str] = (), most_steps: int = MAX_STEPS) -> Cascade:
    """The same from an order of which all processes are kept."""
    left, domain = order.ranked, order.domain
    steps: list[Step] = []
    least = most = 0
    while least < needed_pages:
        if not left:
            return Cascade(needed_pages, tuple(steps), End.PERHAPS_ENOUGH if most >= needed_pages else End.NOBODY_LEFT)
        first = tuple(leaders(order, left))
        victims = dies_with((each.candidate for each in left), first[0], groups, domain)
        if not _are_as_one(first, victims, groups, domain):
            return Cascade(needed_pages, tuple(steps), End.AMBIGUOUS, first)
        if len(steps) >= most_steps:
            return Cascade(needed_pages, tuple(steps), End.PERHAPS_ENOUGH if most >= needed_pages else End.LONG)
        step = _step(first, victims, needed_for_certain=most < needed_pages)
        steps.append(step)
        least += step.least_pages
        most += step.most_pages
        gone = set(map(id, victims))
        left = tuple(each for each in left if id(each.candidate) not in gone)
    return Cascade(needed_pages, tuple(steps), End.ENOUGH)


def _step(first: tuple[Candidate, ...], victims: tuple[Candidate, ...], *, needed_for_certain: bool) -> Step:
    if len(victims) > 1:
        least, most = sum(each.private_pages for each in victims), sum(each.size_pages for each in victims)
    else:
        least, most = min(each.private_pages for each in first), max(each.size_pages for each in first)
    return Step(victims, first, least, most, needed_for_certain)


def _are_as_one(first: Sequence[Candidate], victims: Sequence[Candidate], groups: Collection[str], domain: Domain) -> bool:
    """Whichever of them is chosen, the same processes die, or the same container loses one."""
    dying = set(map(id, victims))
    if all(id(each) in dying for each in first):
        return True
    container = first[0].container_id
    return container is not None and all(
        each.container_id == container and oom_group_of(each.cgroup, groups, domain) is None for each in first
    )
