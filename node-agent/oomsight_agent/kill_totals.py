"""OOM kills summed over a container's restarts.

The kernel's counter lives and dies with the cgroup, and every restart of a container makes a new one; an alert on "killed
repeatedly" needs a counter that goes on. The sum lives as long as the pod is on the node, and as this agent runs."""

from __future__ import annotations

from dataclasses import dataclass

from oomsight_agent.series import PodName, Series, container_series, pod_names
from oomsight_api.report import Container, NodeReport


@dataclass(slots=True)
class _Counted:
    pod_uid: str
    series: Series
    kills: int
    row: Container


class KillTotals:
    """Takes every full report, gives the totals by series. Kills between the last sample and the end of a cgroup are not in it (the
    pod's own counter and the node's have them)."""

    def __init__(self) -> None:
        self._living: dict[str, _Counted] = {}
        self._ended: dict[tuple[str, Series], int] = {}

    def observe(self, report: NodeReport) -> None:
        """Take the next sample."""
        names: dict[str, PodName] | None = None
        living: dict[str, _Counted] = {}
        for row in report.containers:
            before = self._living.get(row.container_id)
            if before is not None and before.row is row:
                living[row.container_id] = before
                continue
            kills = row.oom_kills
            if kills is None:  # absent is not zero: keep what was known
                if before is not None:
                    living[row.container_id] = before
                continue
            if before is not None and kills < before.kills:
                self._end(before)
                before = None
            if before is not None and before.series.container:
                before.kills, before.row = kills, row
                living[row.container_id] = before
                continue
            if names is None:
                names = pod_names(report)
            living[row.container_id] = _Counted(row.pod_uid, container_series(row, names), kills, row)
        for container_id in self._living.keys() - living.keys():
            self._end(self._living[container_id])
        self._living = living
        if self._ended:
            self._forget_pods_but({row.pod_uid for row in report.containers} | {pod.pod_uid for pod in report.pods})

    def _end(self, counted: _Counted) -> None:
        key = (counted.pod_uid, counted.series)
        if counted.series.container:  # an unnamed container's series ends with it: its id never comes back
            self._ended[key] = self._ended.get(key, 0) + counted.kills

    def _forget_pods_but(self, pod_uids: set[str]) -> None:
        for key in [key for key in self._ended if key[0] not in pod_uids]:
            del self._ended[key]

    def totals(self) -> dict[Series, int]:
        """Kills by series, for every container that was counted and whose pod is on the node."""
        totals: dict[Series, int] = {}
        for counted in self._living.values():
            totals[counted.series] = totals.get(counted.series, 0) + counted.kills
        for (_, series), kills in self._ended.items():
            totals[series] = totals.get(series, 0) + kills
        return totals
