"""The plain values of the kill order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oomsight_api.incident import OomScope

OOM_SCORE_ADJ_MIN = -1000
"""Such a process is never chosen, and dies with no group."""
INIT_PID = 1
"""The node's init, in the initial pid namespace: never chosen (is_global_init)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One process that the kernel may choose."""

    pid: int
    name: str
    """A tenant's: printable ASCII by the agent's word; whoever shows it makes sure."""
    oom_score_adj: int
    """The live one."""
    size_pages: int
    """Resident + swapped + page tables, each cut to whole pages as oom_badness() adds them."""
    rss_bytes: int
    file_pages: int = 0
    """Of `size_pages`, what it has mapped of files: reclaimed first, and perhaps gone when the killer looks. 0 where unknown."""
    cgroup: str | None = None
    """None: unknown (of a process outside containers alone), and so a member of no domain but the node."""
    container_id: str | None = None
    """None: a process outside containers."""
    container_name: str | None = None
    """By the agent's word; the API's is to be preferred."""
    pod_uid: str | None = None
    """The uid that names the pod's cgroup."""
    private_pages: int = 0
    """Of them, what surely comes free when it dies: anonymous memory of its container that no other process there can hold. 0
    where that cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Whose memory ran out: which processes may be chosen, and how much one point of oom_score_adj weighs."""

    scope: OomScope
    cgroup: str | None
    """None: the node."""
    total_pages: int
    """The kernel's `totalpages`."""
    tolerance_pages: int = 0
    """By how much the killer may count less of one process than of another, of what a report says is the same (`domain.py`)."""

    @property
    def pages_per_adj(self) -> int:
        """What one point of oom_score_adj adds, in pages."""
        return self.total_pages // 1000

    def holds(self, candidate: Candidate) -> bool:
        """Whether the kernel looks at this process: it is in the cgroup or below it."""
        return self.holds_cgroup(candidate.cgroup)

    def members(self, candidates: Iterable[Candidate]) -> Iterable[Candidate]:
        """Those that the kernel looks at, quickly."""
        if self.cgroup is None or self.cgroup == "/":
            return candidates
        path, below = self.cgroup, f"{self.cgroup}/"
        return [each for each in candidates if each.cgroup is not None and (each.cgroup.startswith(below) or each.cgroup == path)]

    def holds_cgroup(self, path: str | None) -> bool:
        """The same of a cgroup's path."""
        if self.cgroup is None or self.cgroup == "/":
            return True
        return path is not None and (path == self.cgroup or path.startswith(f"{self.cgroup}/"))


@dataclass(frozen=True, slots=True)
class Ranked:
    """A process with its points (pages)."""

    candidate: Candidate
    points: int


@dataclass(frozen=True, slots=True)
class KillOrder:
    """Who dies first in a domain, and who then."""

    domain: Domain
    ranked: tuple[Ranked, ...]
    """Worst first. Equal points in the order of pids, so that the same processes give the same order."""
    first: tuple[Candidate, ...]
    """Who may die first, in the same order: more than one is ambiguous, none means that nobody can be chosen."""
    signed: bool | None = True
    """Whether the kernel's points are signed (5.9 on); None: unknown."""
    tolerance_pages: int = 0
    candidates: int = 0
    """How many were given; `ranked` may hold the worst alone."""

    @property
    def ambiguous(self) -> bool:
        """Whether nobody can say which one dies first."""
        return len(self.first) > 1
