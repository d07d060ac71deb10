"""OOMKilledRecently: the container itself ended in an OOM kill within the policy's `recentKillSeconds`.

Levels: high, since what killed it once is still there; critical when it was killed three times or more in that window and the last
kill is less than an hour old (a crash loop); medium when the limit was raised since, or when no limit of its own or its pod's was
the reason: the node was out of memory, or what it leaves to all pods. A fact of the past: it holds whether or not the agent speaks.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import Cause, RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.rounding import is_same_limit
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
    exit_code = f", exit code {last.exit_code}" if last.exit_code is not None else ""
    sentence = f"{subject.label}: OOM-killed {times} in the last {format_span(subject.policy.recent_kill_seconds)}"
    sentence += f"{killed_where(subject, last)}{exit_code}"
    return Finding(RiskReason.OOM_KILLED_RECENTLY, _level(subject, kills, last), sentence)


def killed_where(subject: Subject, kill: Kill) -> str:
    """` at limit 512Mi`: whose memory ran out, as the last words of a sentence; the limit is not blamed for the node's."""
    if kill.scope is OomScope.NODE:
        return " because the node was out of memory"
    if kill.scope is OomScope.POD:
        limit = _pod_limit(subject, kill)
        return f" at its pod's limit{f' {human_bytes(limit)}' if limit is not None else ''}"
    if kill.scope is OomScope.CGROUP:
        return " at the limit of another cgroup"
    if kill.limit_bytes is not None:
        return f" at limit {human_bytes(kill.limit_bytes)}"
    if subject.pod_limit_bytes is not None:
        return f" without a limit of its own, in a pod with limit {human_bytes(subject.pod_limit_bytes)}"
    return " without a memory limit"


def _pod_limit(subject: Subject, kill: Kill) -> int | None:
    """As the kernel's log told it at the kill, else as it is now."""
    if kill.memory is not None and kill.memory.age_seconds is None and kill.memory.limit_bytes is not None:
        return kill.memory.limit_bytes
    if subject.pod_limit_bytes is not None:
        return subject.pod_limit_bytes
    return subject.pod_row.memory.limit_bytes if subject.pod_row is not None else None


def _level(subject: Subject, kills: tuple[Kill, ...], last: Kill) -> RiskLevel:
    current = subject.limit_bytes
    by_node = last.scope is OomScope.NODE or (last.cause is not None and last.cause.cause is Cause.NODE_PRESSURE)
    if by_node or (last.limit_bytes is None and subject.pod_limit_bytes is None and last.scope is not OomScope.POD):
        return RiskLevel.MEDIUM
    if (
        last.limit_bytes is not None
        and current is not None
        and current > last.limit_bytes
        and not is_same_limit(current, last.limit_bytes)
    ):
        return RiskLevel.MEDIUM
    looping = len(kills) >= LOOP_KILLS and subject.now_seconds - last.time_seconds <= LOOP_FRESH_SECONDS
    return RiskLevel.CRITICAL if looping else RiskLevel.HIGH


RULE: Final = RiskRule(
    RiskReason.OOM_KILLED_RECENTLY,
    oom_killed_recently,
    when=(
        "the container ended in an OOM kill within the policy's `risk.recentKillSeconds` (default"
        f" {format_span(DEFAULTS.recent_kill_seconds)}); also while its agent is silent, since the kubelet tells of it, too."
    ),
    levels=(
        (RiskLevel.MEDIUM, "the limit was raised since, or no limit of its own or its pod's was the reason (the node ran out)"),
        (RiskLevel.HIGH, "in any other case"),
        (
            RiskLevel.CRITICAL,
            f"killed {LOOP_KILLS} times or more in that time, the last kill being less than {LOOP_FRESH_SECONDS // 60} min ago",
        ),
    ),
    meaning="What killed it once is still there: the same limit, the same program. The most common next event is the same kill.",
    todo=(
        "Read the cause in the pod's annotations and act on it (causes.md says how); oomsight recommends a limit and a request,"
        " with every number behind them. The level falls when the limit is raised, and goes when the kill is old."
    ),
)
