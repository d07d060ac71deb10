"""The pod's own OOM counter (cgroup v2): it outlives containers, so it proves a kill in one that died between two samples.

On v1 a counter is local to its cgroup and lost with it; there the pod's counter stays at what its own processes suffered, and this
proves nothing. What containers' counters or the kubelet explain is taken off; the rest stands for a minute.
"""

from __future__ import annotations

from dataclasses import replace

from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.model import PodHistory

FRESH_SECONDS = 60.0


def observe_pod_counter(
    history: PodHistory, row: PodRow | None, explained: int, ended_by_oom: bool, now_seconds: float
) -> PodHistory:
    """Take in the counter's rise, less what is explained: by containers' counters, or by an end that was judged an OOM kill."""
    left = 0 if ended_by_oom or not rose_lately(history, now_seconds) else history.unattributed_oom_kills
    since = history.unattributed_since_seconds if left else None
    count = row.oom_kills if row is not None else None
    rise = max(0, count - history.oom_kills_seen) if count is not None and history.oom_kills_seen is not None else 0
    # A container's counter is read just before its pod's, so what explains a rise may come a sample later.
    left = 0 if ended_by_oom else max(0, left + rise - explained)
    since = (now_seconds if since is None else since) if left else None
    seen = count if count is not None else history.oom_kills_seen
    return replace(history, oom_kills_seen=seen, unattributed_oom_kills=left, unattributed_since_seconds=since)


def rose_lately(history: PodHistory, now_seconds: float) -> bool:
    """An unexplained rise of less than a minute ago."""
    since = history.unattributed_since_seconds
    return history.unattributed_oom_kills > 0 and since is not None and 0 <= now_seconds - since <= FRESH_SECONDS
