"""When it is too early to say anything of a pod: a start, its own or the operator's, is not to be told as unknown."""

from __future__ import annotations

from oomsight_operator.judgement.lifecycle import has_failed, has_started, is_measured
from oomsight_operator.judgement.model import Pod, Telemetry


class Patience:
    """Remembers since when pods are known. Times are of one monotonic clock, in seconds.

    `stale_seconds`: so long an agent may be silent, so long a new operator waits for it. `settle_seconds`: so long the containers
    of a pod that has just started may lack their rows, while its agent speaks.
    """

    def __init__(self, *, stale_seconds: float, settle_seconds: float, now: float) -> None:
        self._stale_seconds = stale_seconds
        self._settle_seconds = settle_seconds
        self._started = now
        self._seen: dict[str, float] = {}
        """By uid, when the pod was looked at first,"""
        self._running: dict[str, float] = {}
        """and when it was first past its init containers: from then on its apps have their time to be measured."""

    def start(self, now: float) -> None:
        """The operator has listed everything, and begins to judge."""
        self._started = now

    def wait_seconds(self, pod: Pod, telemetry: Telemetry | None, now: float) -> float | None:
        """How long to say nothing of the pod yet. None: judge it now."""
        since = (self._running if pod.phase == "Running" else self._seen).setdefault(pod.uid, now)
        if not has_started(pod):
            return self._stale_seconds  # it is marked when its status changes
        if pod.phase not in ("Pending", "Running") or has_failed(pod):
            return None
        if telemetry is not None and is_measured(pod, telemetry):
            return None
        patience = self._stale_seconds if telemetry is None else self._settle_seconds
        left = max(self._started, since) + patience - now
        return left if left > 0 else None

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._seen.pop(uid, None)
        self._running.pop(uid, None)
