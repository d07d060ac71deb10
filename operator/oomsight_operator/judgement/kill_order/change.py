"""What would change who dies first: the margin to the next in line, and what would close it, in sentences.

One point of oom_score_adj weighs totalpages/1000 pages. A Burstable container's is `1000 - 1000 * request / MemTotal` (judgement/
oom_score_adj.py), so a request is the lever that its owner has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oomsight_api.incident import OomScope
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.kill_order.model import Candidate, KillOrder
from oomsight_operator.judgement.kill_order.order import points_of
from oomsight_operator.judgement.oom_score_adj import BEST_EFFORT_ADJ, LEAST_BURSTABLE_ADJ

MAX_NAMED = 5

Label = Callable[[Candidate], str]
"""How a process is called: `web/app-1 container app`, `process kubelet outside pods`. Printable ASCII."""


@dataclass(frozen=True, slots=True)
class Margin:
    """Between who dies first and the next that is not of the same container."""

    first: Candidate
    next: Candidate
    pages: int
    pages_per_adj: int

    @property
    def adj_points(self) -> int | None:
        """In whole points of oom_score_adj, rounded down; None where a point weighs nothing (below 1000 pages)."""
        return self.pages // self.pages_per_adj if self.pages_per_adj else None


def margin(order: KillOrder) -> Margin | None:
    """None where whose process is first is ambiguous, or nobody else is there."""
    if not order.ranked or not all(_is_as_one(order, order.first[0], each) for each in order.first[1:]):
        return None
    first = order.ranked[0]
    for each in order.ranked[1:]:
        if not _is_as_one(order, first.candidate, each.candidate):
            return Margin(first.candidate, each.candidate, first.points - each.points, order.domain.pages_per_adj)
    return None


def _is_as_one(order: KillOrder, one: Candidate, other: Candidate) -> bool:
    """Whether it is all the same which of the two dies: they are of one container, and it is not about that container alone."""
    if order.domain.scope is OomScope.CONTAINER:
        return False
    return one.container_id is not None and one.container_id == other.container_id


def what_would_change_it(order: KillOrder, label: Label, *, page_size_bytes: int, node_total_bytes: int | None) -> tuple[str, ...]:
    """Sentences, the margin first; one sentence where there is no margin to speak of."""
    if not order.first:
        return ("no process of which all is known can be chosen here",)
    gap = margin(order)
    if gap is not None:
        return tuple(_of(gap, order, label, page_size_bytes, node_total_bytes))
    if order.ambiguous:
        return (_ambiguous(order, label, page_size_bytes),)
    return (f"{_described(order.first[0], label, page_size_bytes)} dies first whatever happens: nothing else can be chosen",)


def _of(gap: Margin, order: KillOrder, label: Label, page_size_bytes: int, node_total_bytes: int | None) -> list[str]:
    first, following = (_described(each, label, page_size_bytes) for each in (gap.first, gap.next))
    width = human_bytes(gap.pages * page_size_bytes)
    points = f" ({gap.adj_points} points of oom_score_adj)" if gap.adj_points else ""
    said = [f"{first} dies before {following} by a margin of {width}{points}"]
    # More than the margin where a kernel before 5.9 counts as 1 what is below: it would have to come up to that first.
    growth = points_of(gap.first, order.domain) - points_of(gap.next, order.domain)
    if growth < order.domain.total_pages:
        said.append(f"it would change if {label(gap.next)} grew by more than {human_bytes(growth * page_size_bytes)}")
    else:
        whole = human_bytes(order.domain.total_pages * page_size_bytes)
        said.append(f"no growth of {label(gap.next)} can change it: there are {whole} of memory and swap in all")
    if gap.pages < gap.first.size_pages:
        said.append(f"it would change if {label(gap.first)} shrank by more than {width}")
    lever = _request(gap, label, node_total_bytes) if order.domain.scope is OomScope.NODE else None
    return [*said, lever] if lever else said


def _request(gap: Margin, label: Label, node_total_bytes: int | None) -> str | None:
    """What request would give the first one an oom_score_adj that puts it behind the next; None where no request can."""
    adj = gap.first.oom_score_adj
    if gap.first.container_id is None or gap.adj_points is None or not node_total_bytes or node_total_bytes <= 0:
        return None
    if not LEAST_BURSTABLE_ADJ < adj <= BEST_EFFORT_ADJ:
        return None
    wanted = adj - gap.adj_points - 1
    if wanted < LEAST_BURSTABLE_ADJ:
        return f"no request of a Burstable pod would put {label(gap.first)} behind it; a Guaranteed pod is at -997"
    request_bytes = -(-(BEST_EFFORT_ADJ - wanted) * node_total_bytes // 1000)
    return (
        f"it would change if {label(gap.first)} asked for at least {-(-request_bytes >> 20)}Mi of memory"
        f" (its oom_score_adj would be {wanted} when it is started anew)"
    )


def _ambiguous(order: KillOrder, label: Label, page_size_bytes: int) -> str:
    named = ", ".join(_described(each, label, page_size_bytes) for each in order.first[:MAX_NAMED])
    more = len(order.first) - MAX_NAMED
    who = f"{named} and {more} more" if more > 0 else named
    return f"ambiguous, any of these {len(order.first)} may die first: {who}; {why_equal(order, page_size_bytes)}"


def why_equal(order: KillOrder, page_size_bytes: int) -> str:
    """Why nobody can say which of the first dies first."""
    points = [points_of(each, order.domain) for each in order.first]
    spread = max(points, default=0) - min(points, default=0)
    if spread == 0:
        return "they have equal points, and the kernel takes whichever stands first or last in its list"
    if spread <= order.tolerance_pages:
        return f"their points differ by no more than {human_bytes(spread * page_size_bytes)}, less than can be known from outside"
    if order.signed:
        mapped = human_bytes(max(each.file_pages for each in order.first) * page_size_bytes)
        return f"it depends on how much of the files that they map (up to {mapped}) is still in memory when the kernel looks"
    if order.signed is None:
        return "whether this kernel's points are signed is not known; to one before 5.9 all that is not above 0 is alike"
    return "to this kernel (before 5.9) all that is not above 0 is alike, and it takes whichever stands first in its list"


def _described(candidate: Candidate, label: Label, page_size_bytes: int) -> str:
    size = human_bytes(candidate.size_pages * page_size_bytes)
    return f"{label(candidate)} (oom_score_adj {candidate.oom_score_adj}, {size})"
