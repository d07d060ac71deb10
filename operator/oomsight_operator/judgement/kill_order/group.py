"""Who dies with a victim: the members of a cgroup with `memory.oom.group`.

Source: mm/memcontrol.c, mem_cgroup_get_oom_group(); mm/oom_kill.c, oom_kill_process(). cgroup v2 alone; for an OOM of the node as
well. The highest such ancestor of the victim's cgroup counts, up to the domain itself and without the root. Its members at -1000
live on, and so does init; neither is ever a candidate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from oomsight_api.report import Cgroup
from oomsight_api.report import Container as ContainerRow
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.kill_order.model import Candidate, Domain


def oom_groups(
    containers: Iterable[ContainerRow], pods: Iterable[PodRow], cgroups: Iterable[Cgroup], others: Iterable[str]
) -> frozenset[str]:
    """All cgroups that are known to die whole (v2 memory.oom.group = 1)."""
    rows: tuple[Iterable[ContainerRow | PodRow | Cgroup], ...] = (containers, pods, cgroups)
    return frozenset(row.cgroup for each in rows for row in each if row.oom_group).union(others)


def dies_with(candidates: Iterable[Candidate], victim: Candidate, groups: Collection[str], domain: Domain) -> tuple[Candidate, ...]:
    """All that die by one decision of the kernel, the victim first; of a group, as many of its members as are reported.

    `victim` is one of `candidates`, not its equal.
    """
    group = oom_group_of(victim.cgroup, groups, domain)
    if group is None:
        return (victim,)
    whole = Domain(domain.scope, group, domain.total_pages)
    return (victim, *(each for each in whole.members(candidates) if each is not victim))


def oom_group_of(cgroup: str | None, groups: Collection[str], domain: Domain) -> str | None:
    """The cgroup that dies whole when a process in `cgroup` is chosen; None: the process dies alone, as far as is known."""
    if cgroup is None or not groups:
        return None
    return next((path for path in _from_the_top(cgroup) if path in groups and domain.holds_cgroup(path)), None)


def _from_the_top(path: str) -> Iterator[str]:
    """`/a`, `/a/b`, `/a/b/c` of `/a/b/c`: without the root."""
    end = path.find("/", 1)
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)
    if path != "/":
        yield path
