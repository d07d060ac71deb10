"""The cgroups above the pods: the root, kubepods, the QoS classes, and whatever else stands between.

Their limits make the kernel kill as a container's does: kubepods has the node's allocatable memory for one. Read on the stat
interval, one look each: there are four to eight of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from oomsight_agent.kernel.accounting import Charges, NodeSwap, account, swap_below
from oomsight_agent.kernel.memory_files import MemoryFiles
from oomsight_agent.kernel.problem import printable_text
from oomsight_agent.kernel.read_errors import ReadErrors
from oomsight_agent.sampler.one_look import read_cgroup, read_root
from oomsight_api.report import MAX_CGROUPS, Cgroup

_KUBEPODS: Final = re.compile(r"(?:.*-)?kubepods(?:\.slice)?", re.DOTALL)
"""`kubepods`, `kubepods.slice`, `kubelet-kubepods.slice`; not a QoS class, `kubepods-burstable.slice`."""


def ancestors(paths: Collection[str]) -> list[str]:
    """Every cgroup above `paths` that is none of them, outermost first; the root, "", always. At most MAX_CGROUPS."""
    found = {""}
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    kept = sorted(found.difference(paths) | {""}, key=lambda path: (path.count("/"), path))
    return kept[:MAX_CGROUPS]


def holder_of_pods(above: Iterable[str], pods: Collection[str]) -> str | None:
    """Which of `above` holds the pods: the kubelet's kubepods; without one of that name, the outermost that all pods are in.

    After a change of the cgroup driver an empty kubepods of the other spelling may be left: the one with the most pods counts.
    """
    below = {path: sum(1 for pod in pods if pod.startswith(f"{path}/")) for path in above if path}
    named = [path for path in below if _KUBEPODS.fullmatch(path.rpartition("/")[2])]
    if named:
        return max(named, key=lambda path: (below[path], -path.count("/")))
    return next((path for path, count in below.items() if count == len(pods) and pods), None)


def read_above_pods(
    base: str,
    files: MemoryFiles,
    errors: ReadErrors,
    node: NodeSwap,
    pods: Collection[str],
    containers: Mapping[str, Charges],
) -> tuple[tuple[str, Cgroup], ...]:
    """Paths and rows, outermost first. `pods` are paths of the pods' cgroups, `containers` the charges of theirs by path."""
    above = ancestors([*pods, *containers])
    holder = holder_of_pods(above, pods)
    rows = []
    for path in above:
        read = read_cgroup(f"{base}{path}", files, errors) if path else read_root(base, files, errors)
        if read is None:
            continue
        counters, charges = read
        below = [charges for name, charges in containers.items() if name.startswith(f"{path}/")]
        swap = swap_below(below, node) if path else node
        row = Cgroup(
            cgroup=printable_text(path) or "/",
            memory=account(counters.usage_bytes, None, counters.peak_bytes, charges, swap),
            oom_group=charges.oom_group,
            holds_pods=path == holder,
        )
        rows.append((path or "/", row))
    return tuple(rows)
