"""ChildProcessKilled: a process in the container was OOM-killed and the container went on, so no status tells of it.

Evidence: an incident after which the container still had processes, or the kubelet kept calling it running; or the kubelet says
`OOMKilled` with exit code 0, which means the same. Levels: medium, since something the container does failed unseen; high from
three killed processes in the policy's `recentKillSeconds` on. A fact of the past: it holds whether or not the agent speaks.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import RiskLevel, RiskReason
from oomsight_operator.judgement.cause.account import process_name
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.oom_killed_recently import killed_where
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_span

REPEATED_KILLS = 3


def child_process_killed(subject: Subject) -> Finding | None:
    """At least one kill that did not end the container."""
    kills = tuple(kill for kill in subject.recent_kills if not kill.ended_container)
    if not kills:
        return None
    count = sum(kill.processes for kill in kills)
    who = f"{_one(kills[0])} was" if count == 1 else f"{count} child processes were"
    last = kills[-1]
    at = killed_where(subject, last) if last.limit_bytes is not None or last.scope not in (None, OomScope.CONTAINER) else ""
    span = format_span(subject.policy.recent_kill_seconds)
    sentence = f"{subject.label}: {who} OOM-killed in the last {span}{at} while the container went on"
    return Finding(RiskReason.CHILD_PROCESS_KILLED, RiskLevel.HIGH if count >= REPEATED_KILLS else RiskLevel.MEDIUM, sentence)


def _one(kill: Kill) -> str:
    """`child process java (pid 17)`, as far as it is known."""
    pid = f" (pid {kill.victim_pid})" if kill.victim_pid is not None else ""
    return f"child process {process_name(kill.victim_name)}{pid}" if kill.victim_name is not None else f"a child process{pid}"


RULE: Final = RiskRule(
    RiskReason.CHILD_PROCESS_KILLED,
    child_process_killed,
    when=(
        "a process in the container was OOM-killed within the policy's `risk.recentKillSeconds`"
        f" (default {format_span(DEFAULTS.recent_kill_seconds)}) and the container went on, or ended later with exit code 0."
    ),
    levels=(
        (RiskLevel.MEDIUM, f"one or two processes in that time (below {REPEATED_KILLS})"),
        (RiskLevel.HIGH, f"{REPEATED_KILLS} or more"),
    ),
    meaning=(
        "Part of what the container does failed: a job, a worker, a query. Kubernetes shows nothing of it: no restart, no status,"
        " no Event of the kubelet."
    ),
    todo=(
        "Look at what the main process does with a worker that died by SIGKILL, and at the size of the jobs: fewer at once, smaller"
        " ones, or a limit with room for one. Where the container should rather fail as a whole, have it killed as a group (cgroup"
        " v2, kubelet without singleProcessOOMKill)."
    ),
)
