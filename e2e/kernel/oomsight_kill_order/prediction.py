"""What the product says before a kill: the agent's report, judged by the operator's kill order; no arithmetic of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import structs

from oomsight_agent.sampler import CgroupRow
from oomsight_api.report import Cgroup, Container, NodeReport, Pod, Process
from oomsight_kill_order.scenario import Domain
from oomsight_operator.judgement.kill_order import candidates, domain, group, order
from oomsight_operator.judgement.kill_order.model import Candidate
from oomsight_operator.judgement.kill_order.model import Domain as KernelDomain

Row = TypeVar("Row", Container, Pod, Cgroup)


class PredictionError(Exception):
    """The report does not have what a prediction needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Who dies first."""

    first: tuple[int, ...]
    """Pids; more than one: the product says that it is ambiguous."""
    dies_with: dict[int, frozenset[int]]
    """For each of `first`, all that die with it by memory.oom.group, itself included."""
    ranked: tuple[tuple[int, str, int, int], ...]
    """Pid, name, oom_score_adj and points, worst first."""
    total_pages: int
    page_size_bytes: int
    processes: tuple[Process, ...] = field(default=(), repr=False)
    """All that the report has."""

    @property
    def ambiguous(self) -> bool:
        return len(self.first) > 1

    @property
    def told_pids(self) -> frozenset[int]:
        """Of a container with many processes alike, the report has the biggest few."""
        return frozenset(process.pid for process in self.processes)

    def margin_pages(self) -> int | None:
        """By how much the first is above the second; None where there is no second."""
        return self.ranked[0][3] - self.ranked[1][3] if len(self.ranked) > 1 else None


def predict(
    report: NodeReport,
    kind: Domain,
    path: str | None,
    *,
    nested: Sequence[CgroupRow] = (),
    limit_bytes: int | None = None,
) -> Prediction:
    """Who dies first when this domain's memory runs out. Raises PredictionError.

    path: the domain's cgroup; nested: rows of cgroups that no report has, since they lie inside containers; limit_bytes: the limit
    that is about to be set.
    """
    found = _domain(report, kind, path, nested, limit_bytes)
    size = candidates.page_size(report.node_memory)
    everybody = candidates.candidates_of(report.containers, report.host_processes, size)
    ranking = order.rank(everybody, found, signed=report.node_memory.signed_badness)
    if not ranking.first:
        raise PredictionError(f"nobody can be chosen in {path or 'the node'}")
    groups = group.oom_groups(report.containers, report.pods, report.cgroups, report.oom_groups)
    return Prediction(
        first=tuple(each.pid for each in ranking.first),
        dies_with={each.pid: _pids(group.dies_with(everybody, each, groups, found)) for each in ranking.first},
        ranked=tuple(
            (each.candidate.pid, each.candidate.name, each.candidate.oom_score_adj, each.points) for each in ranking.ranked
        ),
        total_pages=found.total_pages,
        page_size_bytes=size,
        processes=(*(each for row in report.containers for each in row.processes), *(report.host_processes or ())),
    )


def _domain(
    report: NodeReport, kind: Domain, path: str | None, nested: Sequence[CgroupRow], limit_bytes: int | None
) -> KernelDomain:
    found: KernelDomain | None
    match kind:
        case Domain.NODE:
            found = domain.node_domain(report.node_memory)
        case Domain.CONTAINER:
            found = domain.container_domain(_row(report.containers, path, limit_bytes), report.node_memory)
        case Domain.POD:
            found = domain.pod_domain(_row(report.pods, path, limit_bytes), report.node_memory)
        case Domain.KUBEPODS:
            found = domain.cgroup_domain(_row(report.cgroups, path, limit_bytes), report.node_memory)
        case Domain.NESTED:
            rows = [Cgroup(cgroup=row.cgroup, memory=row.memory) for row in nested]
            found = domain.cgroup_domain(_row(rows, path, limit_bytes), report.node_memory)
    if found is None:
        raise PredictionError(f"the report gives no scale for {path or 'the node'}")
    return found


def _row(rows: Sequence[Row], path: str | None, limit_bytes: int | None) -> Row:
    """The one of this cgroup, at the limit that it is about to have."""
    for row in rows:
        if row.cgroup == path:
            return row if limit_bytes is None else structs.replace(row, memory=structs.replace(row.memory, limit_bytes=limit_bytes))
    raise PredictionError(f"{path} is not in the report")


def _pids(dying: Sequence[Candidate]) -> frozenset[int]:
    return frozenset(each.pid for each in dying)
