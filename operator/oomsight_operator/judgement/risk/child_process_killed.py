"""ChildProcessKilled: a process in the container was OOM-killed and the container went on, so no status tells of it.

Evidence: the kernel's counter rose while the kubelet kept calling the container running; or the kubelet says `OOMKilled` with exit
code 0, which means the same. Levels: medium, since something the container does failed unseen; high from three killed processes
in the policy's `recentKillSeconds` on. A fact of the past: it holds whether or not the agent speaks.
"""

from __future__ import annotations

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_span

REPEATED_KILLS = 3


def child_process_killed(subject: Subject) -> Finding | None:
    """At least one kill that did not end the container."""
    kills = tuple(kill for kill in subject.recent_kills if not kill.ended_container)
    if not kills:
        return None
    count = sum(kill.processes for kill in kills)
    who = "a child process was" if count == 1 else f"{count} child processes were"
    at = f" at limit {human_bytes(kills[-1].limit_bytes)}" if kills[-1].limit_bytes is not None else ""
    span = format_span(subject.policy.recent_kill_seconds)
    sentence = f"{subject.label}: {who} OOM-killed in the last {span}{at} while the container went on"
    return Finding(RiskReason.CHILD_PROCESS_KILLED, RiskLevel.HIGH if count >= REPEATED_KILLS else RiskLevel.MEDIUM, sentence)
