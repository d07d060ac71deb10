"""Kills that a pod's counter shows and no container's does: v2 counts descendants, and a container may come and go unseen.

A pod is read after its containers, so its counter of the sample before is compared with its containers' of now: what it had then,
they must have by now. (v1: the sampler adds the containers' kills to the pod's own, with the same outcome.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from oomsight_agent.incidents.counters import Moment
from oomsight_api.report import MAX_INCIDENTS, Pod

POD_GRACE_SECONDS: Final = 3.0
"""A line of the log names container and process; it is worth waiting for, and a line that comes later is told as another kill."""
MAX_PODS: Final = 4096


@dataclass(slots=True)
class _PodCount:
    base: int | None = None
    """The counter when the agent first saw the pod."""
    before: int | None = None
    now: int | None = None
    of_containers: int = 0
    """By how much its containers' counters have risen since."""
    loose: int = 0
    """Kills of the log that no container's counter shows."""
    told: list[int] = field(default_factory=list)
    told_count: int = 0
    since: tuple[Moment, float] | None = None
    """When a remainder was first seen, and the Unix time of the sample before."""
    pod: Pod | None = None

    def unexplained(self) -> int:
        if self.base is None or self.before is None:
            return 0
        return max(0, self.before - self.base - self.of_containers - self.loose - self.told_count)


@dataclass(frozen=True, slots=True)
class PodKills:
    """A remainder that nothing has explained."""

    pod: Pod
    ordinals: tuple[int, ...]
    not_before_seconds: float


class PodRemainder:
    """By pod uid."""

    def __init__(self) -> None:
        self._pods: dict[str, _PodCount] = {}
        self._waiting: set[str] = set()

    def container_rose(self, pod_uid: str, by: int) -> None:
        """A container's counter rose, or was first seen with kills after the pod was."""
        if pod_uid in self._pods:
            self._pods[pod_uid].of_containers += by

    def loose_kill(self, pod_uid: str, change: int) -> None:
        """The log tells of a kill in this pod that no container's counter shows (1), or now one does (-1)."""
        count = self._pods.get(pod_uid)
        if count is None:
            count = self._pods[pod_uid] = _PodCount()
            while len(self._pods) > MAX_PODS:
                self._forget(next(iter(self._pods)))
        count.loose += change

    def take(self, pods: tuple[Pod, ...], seen: Moment, previous_seconds: float, *, first: bool) -> None:
        """The pods' rows of a sample. A pod that is not in the agent's first sample was made later: its counter began at 0."""
        for row in pods:
            count = self._pods.get(row.pod_uid)
            if count is None:
                count = self._pods[row.pod_uid] = _PodCount()
            kills = row.oom_kills
            count.before, count.now = count.now, kills
            count.pod = row
            if kills is None:
                continue
            if count.base is None:
                count.base = kills if first else 0
            if (count.before is not None and kills < count.before) or kills < count.base:  # another cgroup of the same name
                count.base, count.before, count.of_containers, count.loose, count.told_count = kills, kills, 0, 0, 0
            if count.unexplained() > 0:
                if count.since is None:
                    count.since = (seen, previous_seconds)
                    self._waiting.add(row.pod_uid)
            elif count.since is not None:
                count.since = None
                self._waiting.discard(row.pod_uid)
        while len(self._pods) > MAX_PODS:
            self._forget(next(iter(self._pods)))

    def _forget(self, pod_uid: str) -> None:
        del self._pods[pod_uid]
        self._waiting.discard(pod_uid)

    def open(self) -> dict[str, int]:
        """Remainders by pod uid, due or not."""
        return {uid: found for uid in self._waiting if (found := self._pods[uid].unexplained()) > 0}

    def take_ordinal(self, pod_uid: str) -> tuple[Pod | None, int]:
        """Explain one kill of a remainder: the pod's row, and which kill of its counter it is."""
        count = self._pods[pod_uid]
        number = count.before or 0
        while number in count.told:
            number -= 1
        count.told = [*count.told[-MAX_INCIDENTS:], number]
        count.told_count += 1
        return count.pod, number

    def overdue(self, now: Moment, *, follows_log: bool) -> list[PodKills]:
        """Remainders to be told."""
        due = []
        for uid in sorted(self._waiting):
            count = self._pods[uid]
            if count.since is None or (follows_log and not count.since[0].is_over(now, grace_seconds=POD_GRACE_SECONDS)):
                continue
            found = count.unexplained()
            numbers = sorted(self.take_ordinal(uid)[1] for _ in range(min(found, MAX_INCIDENTS)))
            count.told_count += found - len(numbers)
            if numbers and count.pod is not None:
                due.append(PodKills(count.pod, tuple(numbers), count.since[1]))
            count.since = None
            self._waiting.discard(uid)
        return due

    def due_seconds(self) -> list[float]:
        """Monotonic times at which to look again."""
        return [count.since[0].monotonic_seconds + POD_GRACE_SECONDS for uid in self._waiting if (count := self._pods[uid]).since]
