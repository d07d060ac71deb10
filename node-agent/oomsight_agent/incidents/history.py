"""The last samples: what a container's row said before the kill, and what rose with it."""

from __future__ import annotations

from dataclasses import dataclass

from oomsight_agent.incidents.case import Limit
from oomsight_api.incident import OomScope
from oomsight_api.report import Container, NodeReport, Pod


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows of one report."""

    time_seconds: float
    containers: dict[str, Container]
    pods: dict[str, Pod]


_NOTHING = Sample(0.0, {}, {})


class History:
    """This sample and the one before; rows are immutable, so references are kept."""

    def __init__(self) -> None:
        self.now = _NOTHING
        self.previous = _NOTHING

    def take(self, report: NodeReport) -> None:
        """The next full report."""
        containers = {row.container_id: row for row in report.containers}
        self.previous, self.now = self.now, Sample(report.time_seconds, containers, {row.pod_uid: row for row in report.pods})

    def row(self, container_id: str) -> Container | None:
        """The container's latest row."""
        return self.now.containers.get(container_id) or self.previous.containers.get(container_id)

    def before(self, container_id: str, time_seconds: float) -> Sample | None:
        """The last sample of the container before a kill of which was just learnt. None: it was in none.

        This sample may be from before or after the kill: it is taken only where the container's counter says that none was killed.
        """
        earlier, row = self.previous.containers.get(container_id), self.now.containers.get(container_id)
        if earlier is None:
            return None
        not_killed = row is not None and row.oom_kills is not None and row.oom_kills == earlier.oom_kills
        return self.now if not_killed and self.now.time_seconds <= time_seconds else self.previous

    def limit_that_rose(self, row: Container) -> Limit:
        """Whose own limit led to OOMs between the two samples; without scope where the kernel does not tell, or both rose."""
        earlier, pod_earlier = self.previous.containers.get(row.container_id), self.previous.pods.get(row.pod_uid)
        pod = self.now.pods.get(row.pod_uid)
        container_rose = _rose(earlier.limit_ooms if earlier is not None else 0, row.limit_ooms)
        pod_rose = None
        if pod is not None:
            pod_rose = _rose(pod_earlier.limit_ooms if pod_earlier is not None else 0, pod.limit_ooms)
        if container_rose and not pod_rose:
            return Limit(OomScope.CONTAINER, row.cgroup, row.pod_uid, row.container_id)
        if pod is not None and pod_rose and not container_rose:
            return Limit(OomScope.POD, pod.cgroup, row.pod_uid)
        return Limit()


def _rose(before: int | None, now: int | None) -> bool | None:
    return None if before is None or now is None else now > before
