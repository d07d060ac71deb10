"""Whom the kernel would kill first on a node, container by container.

Each container stands for its worst process, since one dead process (or, with memory.oom.group, all of them) is what its owner sees.
The order covers the containers that the agent reports: processes of the host itself are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from oomsight_api.report import Container as ContainerRow
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.badness import badness, page_size, total_pages
from oomsight_operator.judgement.model import KillCandidate


def kill_order(rows: Iterable[ContainerRow], node_memory: NodeMemory) -> tuple[KillCandidate, ...]:
    """Containers, worst first; ties by container id, so that the same report gives the same order.

    A container none of whose processes can be scored (unknown sizes, or all at -1000) is left out rather than guessed; without the
    node's memory and swap the order is empty, and also where the kernel would not look at points: with vm.panic_on_oom it kills
    nobody, with vm.oom_kill_allocating_task whoever asked last. `container_name` is the agent's; rows without one carry "".
    """
    pages_total = total_pages(node_memory)
    if pages_total is None or node_memory.panic_on_oom or node_memory.oom_kill_allocating_task:
        return ()
    page_size_bytes = page_size(node_memory)
    candidates: list[tuple[int, str, KillCandidate]] = []
    for row in rows:
        worst: tuple[int, KillCandidate] | None = None
        for process in row.processes:
            points = badness(process, pages_total, page_size_bytes)
            if points is None or (worst is not None and points <= worst[0]):
                continue
            candidate = KillCandidate(
                pod_uid=row.pod_uid,
                container_name=row.container_name or "",
                points=points,
                pid=process.pid,
                process_name=process.name,
                oom_score_adj=process.oom_score_adj,
                rss_bytes=process.rss_bytes,
                container_id=row.container_id,
            )
            worst = (points, candidate)
        if worst is not None:
            candidates.append((-worst[0], row.container_id, worst[1]))
    candidates.sort(key=lambda entry: entry[:2])
    return tuple(candidate for _, _, candidate in candidates)
