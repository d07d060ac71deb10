"""Who may be chosen: the processes that an agent reports, as the kernel would add up their size.

Source: mm/oom_kill.c, oom_badness() and oom_unkillable_task(). Left out are init, whoever is at -1000, and a process of which a
part is unknown: nothing is guessed, but it is counted, so that an order can say what it does not know.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from oomsight_api.report import Container as ContainerRow
from oomsight_api.report import NodeMemory, Process
from oomsight_operator.judgement.kill_order.model import INIT_PID, OOM_SCORE_ADJ_MIN, Candidate

DEFAULT_PAGE_SIZE_BYTES = 4096


def page_size(node_memory: NodeMemory) -> int:
    """Of the node, in bytes; 4 KiB where the agent did not tell."""
    size = node_memory.page_size_bytes
    return size if size is not None and size > 0 else DEFAULT_PAGE_SIZE_BYTES


def candidates_of(
    containers: Iterable[ContainerRow], host_processes: Iterable[Process] | None, page_size_bytes: int
) -> tuple[Candidate, ...]:
    """All that can be scored, in and outside containers. `host_processes` None: those outside are unknown."""
    found = [each for row in containers for each in container_candidates(row, page_size_bytes)]
    found.extend(host_candidates(host_processes, page_size_bytes))
    return tuple(found)


def container_candidates(row: ContainerRow, page_size_bytes: int) -> tuple[Candidate, ...]:
    """The processes of one container that can be scored."""
    resident = _all_resident_bytes(row)
    found = (_candidate(process, page_size_bytes, row, _private_bytes(row, process, resident)) for process in row.processes)
    return tuple(candidate for candidate in found if candidate is not None)


def host_candidates(processes: Iterable[Process] | None, page_size_bytes: int) -> tuple[Candidate, ...]:
    """The processes outside containers that can be scored."""
    found = (_candidate(process, page_size_bytes, None, 0) for process in processes or ())
    return tuple(candidate for candidate in found if candidate is not None)


def worst_candidates(
    containers: Iterable[ContainerRow],
    host_processes: Iterable[Process] | None,
    page_size_bytes: int,
    *,
    pages_per_adj: int,
    most: int,
    signed: bool | None = True,
    tolerance_pages: int = 0,
) -> tuple[Candidate, ...]:
    """At least the `most` with the most points, and whoever may be first; `private_pages` is left at 0.

    For each report of each node: a Candidate for every process would cost ten times what scoring does.
    """
    sources: Iterable[tuple[ContainerRow | None, Iterable[Process]]] = (
        *((row, row.processes) for row in containers),
        (None, host_processes or ()),
    )
    scored: list[tuple[int, ContainerRow | None, Process]] = []
    for row, processes in sources:
        for process in processes:
            size_pages = _size_pages(process, page_size_bytes)
            if size_pages is not None and _may_be_chosen(process):
                scored.append((size_pages + (process.oom_score_adj or 0) * pages_per_adj, row, process))
    if len(scored) > most > 0:
        worst = heapq.nlargest(most, (points for points, _, _ in scored))
        without_files = max(points - _file_pages(process, page_size_bytes) for points, _, process in scored)
        least = min(worst[-1], without_files - tolerance_pages)
        if signed or least > 1:  # to an old kernel all others are alike
            scored = [each for each in scored if each[0] >= least]
    found = (_candidate(process, page_size_bytes, row, 0) for _, row, process in scored)
    return tuple(candidate for candidate in found if candidate is not None)


def unscored(containers: Iterable[ContainerRow], host_processes: Iterable[Process] | None) -> int:
    """Reported processes that may be chosen, as far as is known, and cannot be scored since a part of them is unknown."""
    processes = [process for row in containers for process in row.processes]
    processes.extend(host_processes or ())
    return sum(1 for process in processes if _may_be_chosen(process) and _size_pages(process, 1) is None)


def _may_be_chosen(process: Process) -> bool:
    adj = process.oom_score_adj
    return process.pid > INIT_PID and (adj is None or adj > OOM_SCORE_ADJ_MIN)


def _size_pages(process: Process, page_size_bytes: int) -> int | None:
    """None also where oom_score_adj is unknown: such a process has no points."""
    if process.oom_score_adj is None or process.rss_bytes is None:
        return None
    if process.swap_bytes is None or process.page_tables_bytes is None:
        return None
    return (
        process.rss_bytes // page_size_bytes + process.swap_bytes // page_size_bytes + process.page_tables_bytes // page_size_bytes
    )


def _file_pages(process: Process, page_size_bytes: int) -> int:
    """Never more than it has resident: the two are counted apart."""
    return min(process.file_bytes or 0, process.rss_bytes or 0) // page_size_bytes


def _candidate(process: Process, page_size_bytes: int, row: ContainerRow | None, private_bytes: int) -> Candidate | None:
    size_pages = _size_pages(process, page_size_bytes)
    if size_pages is None or not _may_be_chosen(process):
        return None
    assert process.oom_score_adj is not None
    assert process.rss_bytes is not None
    return Candidate(
        pid=process.pid,
        name=process.name,
        oom_score_adj=process.oom_score_adj,
        size_pages=size_pages,
        rss_bytes=process.rss_bytes,
        file_pages=_file_pages(process, page_size_bytes),
        cgroup=process.cgroup if process.cgroup is not None or row is None else row.cgroup,
        container_id=row.container_id if row is not None else None,
        container_name=row.container_name if row is not None else None,
        pod_uid=row.pod_uid if row is not None else None,
        private_pages=private_bytes // page_size_bytes,
    )


def _all_resident_bytes(row: ContainerRow) -> int | None:
    """What all of the container's processes have resident; None where one is not listed or its size unknown."""
    if row.process_count is None or row.process_count > len(row.processes):
        return None
    sizes = [process.rss_bytes for process in row.processes]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _private_bytes(row: ContainerRow, process: Process, all_resident_bytes: int | None) -> int:
    """Anonymous memory charged to the container, less all that its other processes could hold of it."""
    if all_resident_bytes is None or row.memory.anon_bytes is None or process.rss_bytes is None:
        return 0
    others = all_resident_bytes - process.rss_bytes
    return max(0, min(process.rss_bytes, row.memory.anon_bytes - others))
