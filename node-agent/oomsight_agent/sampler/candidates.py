"""Which few of many processes have to be told, so that whoever dies first is among them whatever runs out of memory. Pure.

The kernel takes the process with the most points: size + oom_score_adj * scale (mm/oom_kill.c, oom_badness), where size is rss +
swap + page tables in pages, and scale is a thousandth of the pages of whatever ran out: a container's limit, a pod's, the node.
So among equal oom_score_adj the biggest comes first at any scale, and between different ones the scale decides. The first victim
at *some* scale is a point of the upper hull of (oom_score_adj, size); the next victims are what stands below it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from oomsight_api.report import Process

MOST_TOLD: Final = 16
MOST_OF_EACH: Final = 5
"""Of one oom_score_adj: the first victim, and who follows while the memory does not suffice."""

_EXEMPT: Final = -1000


def size_pages(row: Process, page_size_bytes: int) -> int | None:
    """Rss, swap and page tables, each in whole pages, as oom_badness adds them; None when one is unknown."""
    sizes = (row.rss_bytes, row.swap_bytes, row.page_tables_bytes)
    known = [size // page_size_bytes for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def worst_first(row: Process) -> tuple[bool, int, int, int]:
    """Sorts by a node-wide OOM's order; who has no points there (exempt, or something unknown) comes last, the biggest first."""
    return (row.badness_points is None, -(row.badness_points or 0), -(row.rss_bytes or 0), row.pid)


def who_may_die_first(rows: Sequence[Process], page_size_bytes: int, most: int = MOST_TOLD) -> tuple[Process, ...]:
    """At most `most` of `rows`, sorted by `worst_first`.

    Points of the hull go first, then the biggest of every other oom_score_adj, then the second of each, and so on; last those of
    whom something is unknown, and those that cannot be killed. Should the hull alone have more than `most` points (a tenant can
    make it so), those that stand first on the node are kept.
    """
    if len(rows) < 2:
        return tuple(rows)
    by_adj: dict[int, list[tuple[int, Process]]] = defaultdict(list)
    others: list[Process] = []
    for row in rows:
        size = size_pages(row, page_size_bytes)
        if row.oom_score_adj is None or row.oom_score_adj == _EXEMPT or size is None:
            others.append(row)
        else:
            by_adj[row.oom_score_adj].append((size, row))
    ranks = {adj: sorted(group, key=_biggest_first)[:MOST_OF_EACH] for adj, group in by_adj.items()}
    hull = _hull([(adj, group[0][0]) for adj, group in ranks.items()])
    chosen = sorted((ranks[adj][0][1] for adj in hull), key=worst_first)
    for rank in range(MOST_OF_EACH):
        standing = [group[rank][1] for adj, group in ranks.items() if rank < len(group) and (rank or adj not in hull)]
        chosen += sorted(standing, key=worst_first)
    chosen += sorted(others, key=lambda row: (row.oom_score_adj == _EXEMPT, *worst_first(row)))[:MOST_OF_EACH]
    return tuple(sorted(chosen[:most], key=worst_first))


def _biggest_first(sized: tuple[int, Process]) -> tuple[int, int, int]:
    return (-sized[0], -(sized[1].rss_bytes or 0), sized[1].pid)


def _hull(points: Sequence[tuple[int, int]]) -> frozenset[int]:
    """The oom_score_adj of the points that lie highest at some scale >= 0, of one point for each oom_score_adj.

    From the greatest oom_score_adj downwards only bigger ones can win, and of three the middle one only if it lies above the
    line through the other two; one that lies on it wins nowhere alone, but is kept: whole scales may meet it exactly.
    """
    hull: list[tuple[int, int]] = []
    for adj, size in sorted(points, reverse=True):
        if hull and size < hull[-1][1]:
            continue
        while len(hull) >= 2 and _below_line(hull[-2], hull[-1], (adj, size)):
            hull.pop()
        hull.append((adj, size))
    return frozenset(adj for adj, _ in hull)


def _below_line(left: tuple[int, int], middle: tuple[int, int], right: tuple[int, int]) -> bool:
    return (middle[1] - left[1]) * (left[0] - right[0]) < (right[1] - left[1]) * (left[0] - middle[0])
