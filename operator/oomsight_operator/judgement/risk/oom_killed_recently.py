"""OOMKilledRecently: the container itself ended in an OOM kill within the policy's `recentKillSeconds`.

Levels: high, since what killed it once is still there; critical when it was killed three times or more in that window and the last
kill is less than an hour old (a crash loop); medium when the limit was raised since, or when neither it nor its pod had a limit
(the node was out of memory then). A fact of the past: it holds whether or not the agent speaks.
"""

from __future__ import annotations

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import Finding, Kill
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_span

LOOP_KILLS = 3
LOOP_FRESH_SECONDS = 3600


def oom_killed_recently(subject: Subject) -> Finding | None:
    """At least one kill that ended the container."""
    kills = tuple(kill for kill in subject.recent_kills if kill.ended_container)
    if not kills:
        return None
    last = kills[-1]
    times = "once" if len(kills) == 1 else f"{len(kills)} times"
    at = " without a memory limit"
    if last.limit_bytes is not None:
        at = f" at limit {human_bytes(last.limit_bytes)}"
    elif subject.pod_limit_bytes is not None:
        at = f" without a limit of its own, in a pod with limit {human_bytes(subject.pod_limit_bytes)}"
    exit_code = f", exit code {last.exit_code}" if last.exit_code is not None else ""
    sentence = f"{subject.label}: OOM-killed {times} in the last {format_span(subject.policy.recent_kill_seconds)}{at}{exit_code}"
    return Finding(RiskReason.OOM_KILLED_RECENTLY, _level(subject, kills, last), sentence)


def _level(subject: Subject, kills: tuple[Kill, ...], last: Kill) -> RiskLevel:
    current = subject.limit_bytes
    if last.limit_bytes is None and subject.pod_limit_bytes is None:
        return RiskLevel.MEDIUM
    if last.limit_bytes is not None and current is not None and current > last.limit_bytes:
        return RiskLevel.MEDIUM
    looping = len(kills) >= LOOP_KILLS and subject.now_seconds - last.time_seconds <= LOOP_FRESH_SECONDS
    return RiskLevel.CRITICAL if looping else RiskLevel.HIGH
