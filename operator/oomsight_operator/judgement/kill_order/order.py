"""The order itself: oom_badness() in the kernel's integers, and who of those with the most points may be the one.

Source: mm/oom_kill.c. `points = rss + swap entries + page tables (pages) + oom_score_adj * (totalpages / 1000)`. From 5.9 on points
are signed; before, what is not above 0 counts as 1, so that all processes at -997 are alike. Among equals old kernels keep the
first in their list, recent ones the last scanned: neither order can be seen from outside, so equals are ambiguous. So is whoever is
first only as long as the files that processes map are in memory, or only once they are not.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from oomsight_operator.judgement.kill_order.model import Candidate, Domain, KillOrder, Ranked


def points_of(candidate: Candidate, domain: Domain) -> int:
    """oom_badness() of 5.9 and later, in pages."""
    return candidate.size_pages + candidate.oom_score_adj * domain.pages_per_adj


def rank(
    candidates: Iterable[Candidate],
    domain: Domain,
    *,
    signed: bool | None = True,
    tolerance_pages: int | None = None,
    most: int | None = None,
) -> KillOrder:
    """The domain's processes, worst first; with `most` no more than so many of them are kept (`first` always holds all).

    `signed` None: of which kind the kernel is, is unknown; both are asked, and where they disagree it is ambiguous. Points are then
    those of a new kernel. `tolerance_pages`: points that differ by no more may be in either order; None: the domain's.
    """
    tolerance_pages = domain.tolerance_pages if tolerance_pages is None else tolerance_pages
    unit = domain.pages_per_adj
    scored = [(each.size_pages + each.oom_score_adj * unit, each) for each in domain.members(candidates)]
    clamped = scored if signed else [(max(points, 1), each) for points, each in scored]
    # Clamping only draws points together: whom a new kernel may take first, an old one may, too.
    first = _may_be_first(clamped, tolerance_pages, signed=bool(signed))
    if signed is False:
        scored = clamped
    worst = sorted(scored, key=_worst_first) if most is None else heapq.nsmallest(most, scored, key=_worst_first)
    return KillOrder(
        domain=domain,
        ranked=tuple(Ranked(each, points) for points, each in worst),
        first=tuple(each for _, each in sorted(first, key=_worst_first)),
        signed=signed,
        tolerance_pages=tolerance_pages,
        candidates=len(scored),
    )


def first_containers(order: KillOrder) -> tuple[Candidate, ...]:
    """Of containers alone, whose process dies first, one process each: more than one is ambiguous. Processes outside containers may
    die before them (`before_containers`)."""
    firsts = [each for each in order.first if each.container_id is not None]
    if not firsts:
        firsts = list(leaders(order, (each for each in order.ranked if each.candidate.container_id is not None)))
    by_container: dict[str | None, Candidate] = {}
    for each in firsts:
        by_container.setdefault(each.container_id, each)
    return tuple(by_container.values())


def leaders(order: KillOrder, ranked: Iterable[Ranked]) -> Iterator[Candidate]:
    """Who may be first of some of the order's processes, which are given worst first."""
    scored = [(each.points if order.signed else max(each.points, 1), each.candidate) for each in ranked]
    return (each for _, each in _may_be_first(scored, order.tolerance_pages, signed=bool(order.signed)))


def before_containers(order: KillOrder) -> tuple[Candidate, ...]:
    """Processes outside containers that die before any container's, worst first."""
    if any(each.container_id is not None for each in order.first):
        return ()
    before = []
    for each in order.ranked:
        if each.candidate.container_id is not None:
            break
        before.append(each.candidate)
    return tuple(before)


def _may_be_first(scored: list[tuple[int, Candidate]], tolerance_pages: int, *, signed: bool) -> list[tuple[int, Candidate]]:
    """With all of the files that they map still in memory, or with none: such pages are reclaimed before the kernel kills."""
    least = max((points for points, _ in scored), default=0) - tolerance_pages
    without = [points - each.file_pages if signed else max(points - each.file_pages, 1) for points, each in scored]
    least_without = max(without, default=0) - tolerance_pages
    return [each for each, fewer in zip(scored, without, strict=True) if each[0] >= least or fewer >= least_without]


def _worst_first(scored: tuple[int, Candidate]) -> tuple[int, int, str, str]:
    points, candidate = scored
    return (-points, candidate.pid, candidate.container_id or "", candidate.name)
