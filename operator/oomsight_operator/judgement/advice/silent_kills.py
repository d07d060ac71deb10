"""SilentKills: processes were OOM-killed, and Kubernetes told nobody.

Evidence: kills within the policy's `risk.recentKillSeconds` after which the container went on, that no status of the kubelet tells
of (an `OOMKilled` with exit code 0 would). The reason ChildProcessKilled says how bad that is; this says why nobody noticed.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Advice
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.kills.model import KillSource
from oomsight_operator.judgement.risk.rule import DEFAULTS
from oomsight_operator.judgement.words import format_span, time_text


def silent_kills(context: AdviceContext) -> str | None:
    """At least one kill that is in no status."""
    subject = context.subject
    kills = [kill for kill in subject.recent_kills if not kill.ended_container and kill.source is not KillSource.STATUS]
    if not kills:
        return None
    count = sum(max(1, kill.processes) for kill in kills)
    killed = "1 process was" if count == 1 else f"{count} processes were"
    shown = "the container went on" + (" and its restart count is 0" if context.restart_count == 0 else "")
    return (
        f"{subject.label}: {killed} OOM-killed in the last {format_span(subject.policy.recent_kill_seconds)} (last at"
        f" {time_text(kills[-1].time_seconds)}) and Kubernetes shows nothing of it: {shown}. Let the main process report"
        " workers that end by signal 9, or have the container killed as a whole"
    )


RULE: Final = AdviceRule(
    Advice.SILENT_KILLS,
    silent_kills,
    when=(
        "processes of the container were OOM-killed within `risk.recentKillSeconds` (default"
        f" {format_span(DEFAULTS.recent_kill_seconds)}), it went on, and no status of the kubelet tells of it."
    ),
    meaning=(
        "The container's status comes from its main process alone: a worker that is killed changes no status, no restart count,"
        " no Event of the kubelet. What it was doing is lost, and only its logs may show it."
    ),
    todo=(
        "Let the main process log and count workers that end by signal 9, and alert on it or on oomsight's metrics and Events."
        " Where half a container is worse than none, let it be killed as a whole: on cgroup v2 the kubelet does so from 1.28 on,"
        " unless singleProcessOOMKill is set."
    ),
    of_the_past=True,
)
