"""The kernel's points of a process in a node-wide OOM.

Source: mm/oom_kill.c, oom_badness() from 5.9 on: `rss + swap entries + page tables, all in pages, + adj * (totalpages / 1000)`,
signed integers, with totalpages = RAM + swap. Page cache that no process maps, and tmpfs that none has mapped, never count.
"""

from __future__ import annotations

from oomsight_api.report import NodeMemory, Process

OOM_SCORE_ADJ_MIN = -1000
"""Such a process is never chosen."""
DEFAULT_PAGE_SIZE_BYTES = 4096


def total_pages(node_memory: NodeMemory) -> int | None:
    """RAM + swap in pages: the scale of a node-wide OOM. None when the node's memory or whether it has swap is unknown."""
    if node_memory.total_bytes is None or node_memory.swap_total_bytes is None:
        return None
    return (node_memory.total_bytes + node_memory.swap_total_bytes) // page_size(node_memory)


def page_size(node_memory: NodeMemory) -> int:
    """Of the node; 4 KiB where the agent did not tell."""
    size = node_memory.page_size_bytes
    return size if size is not None and size > 0 else DEFAULT_PAGE_SIZE_BYTES


def badness(process: Process, pages_total: int, page_size_bytes: int, *, clamped: bool = False) -> int | None:
    """Points in pages. None for a process that is never chosen (-1000) or of which a part is unknown: nothing is guessed.

    `clamped`: as before 5.9, where what is not above 0 becomes 1.
    """
    adj = process.oom_score_adj
    if adj is None or adj <= OOM_SCORE_ADJ_MIN or process.rss_bytes is None:
        return None
    if process.swap_bytes is None or process.page_tables_bytes is None:
        return None
    pages = (
        process.rss_bytes // page_size_bytes + process.swap_bytes // page_size_bytes + process.page_tables_bytes // page_size_bytes
    )
    points = pages + adj * (pages_total // 1000)
    return max(points, 1) if clamped else points
