"""Whom the kernel would kill first on a node, container by container.

Each container stands for its worst process, since one dead process (or, with memory.oom.group, all of them) is what its owner sees.
The order covers the containers that the agent reports: processes of the host itself are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    return _order(rows, pages_total, page_size(node_memory), clamped=False)


def pod_kill_order(
    rows: Iterable[ContainerRow], limit_bytes: int, usable_swap_bytes: int, node_memory: NodeMemory, *, clamped: bool = False
) -> tuple[KillCandidate, ...]:
    """The same of one pod's containers at the pod's own limit, which is the scale then: what oom_score_adj weighs is far less there
    than on the node. `clamped`: a kernel without 5.9's signed points."""
    size = page_size(node_memory)
    return _order(rows, (limit_bytes + usable_swap_bytes) // size, size, clamped=clamped)


def first_of(order: Sequence[KillCandidate]) -> tuple[KillCandidate, ...]:
    """Who dies first: more than one is ambiguous. Among equals old kernels take the first in their list, recent ones the last."""
    return tuple(candidate for candidate in order if candidate.points == order[0].points)


def _order(rows: Iterable[ContainerRow], pages_total: int, page_size_bytes: int, *, clamped: bool) -> tuple[KillCandidate, ...]:
    candidates: list[tuple[int, str, KillCandidate]] = []
    for row in rows:
        worst: tuple[int, KillCandidate] | None = None
        for process in row.processes:
            points = badness(process, pages_total, page_size_bytes, clamped=clamped)
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
