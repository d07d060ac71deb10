"""The annotations that a pod should carry, as `kubectl describe pod` shows them best.

Pure rendering. Short scalars stay on one line of describe (key + value + 2 at most 140 characters), `summary` has lines of at
most 138 bytes, `report` is JSON for machines. Everything is printable ASCII, since `-o jsonpath` prints control bytes as they
are. Which pods are annotated at all is the publisher's decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oomsight_api.names import Annotation
from oomsight_api.quantity import format_bytes, human_bytes
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Assessment, ContainerAssessment, Pod
from oomsight_operator.judgement.oom_score_adj import explain_difference
from oomsight_operator.judgement.words import format_percent, printable, time_text
from oomsight_operator.publishing.events import one_line
from oomsight_operator.publishing.kill_words import end_text, latest_kill, limit_text, process_text
from oomsight_operator.publishing.report_annotation import report_json
from oomsight_operator.publishing.summary import summary_lines

DESCRIBE_LINE = 140
"""Longer `key: value` pairs are moved below their key by kubectl describe, and cut at 138 bytes."""


def render(pod: Pod, assessment: Assessment) -> dict[str, str]:
    """All annotations that apply, by full key. A key that is missing has nothing to say and is to be removed from the pod."""
    values = {
        Annotation.POLICY: str(assessment.policy.ref),
        Annotation.QOS_CLASS: assessment.qos_class.value,
        Annotation.OOM_SCORE_ADJ: oom_score_adj(assessment.containers),
        Annotation.OOM_RISK: assessment.level.value,
        Annotation.OOM_RISK_REASONS: ",".join(reason.value for reason in assessment.reasons),
        Annotation.MEMORY: memory(assessment.containers, pod.pod_memory_limit_bytes, assessment.report_time_seconds),
        Annotation.LAST_OOM_KILL: last_oom_kill(assessment.containers),
        Annotation.RECOMMENDED_LIMIT: recommended_limits(assessment.containers),
        Annotation.RECOMMENDED_REQUEST: recommended_requests(assessment.containers),
        Annotation.SUMMARY: "\n".join(summary_lines(pod, assessment)),
        Annotation.REPORT: report_json(pod, assessment),
    }
    clean = {Annotation.LAST_OOM_KILL, Annotation.SUMMARY, Annotation.REPORT}
    return {key.value: value if key in clean else printable(value, room_for(key)) for key, value in values.items() if value}


def room_for(key: Annotation) -> int:
    """How many characters a value may have to stay beside its key in describe."""
    return DESCRIBE_LINE - len(key.value) - 2


def oom_score_adj(containers: Sequence[ContainerAssessment]) -> str:
    """The live values: `985`, `app=985 sidecar=3`, `3..985` where processes differ, `0 (expected -997)` where the kubelet would
    differ."""
    known = [(container.name, _adj(container)) for container in containers if container.live_oom_score_adj_min is not None]
    if len(known) == 1 and len(containers) == 1:
        return known[0][1]
    return join_within((f"{name}={value}" for name, value in known), " ", room_for(Annotation.OOM_SCORE_ADJ))


def memory(
    containers: Sequence[ContainerAssessment], pod_limit_bytes: int | None = None, sampled_at_seconds: float | None = None
) -> str:
    """Worst container first, then when: `app: 470Mi unreclaimable of 512Mi (91 %), usage 512Mi, kubectl top 355Mi (at <time>)`."""
    ordered = sorted(containers, key=lambda container: (-container.level.severity, -_share(container)))
    parts = [part for part in (_memory_of(container, pod_limit_bytes) for container in ordered) if part]
    at = f" (at {time_text(sampled_at_seconds)})" if parts and sampled_at_seconds is not None else ""
    room = room_for(Annotation.MEMORY)
    timed = join_within(parts, "; ", room - len(at)) + at
    return timed if len(timed) <= room else join_within(parts, "; ", room)  # the summary tells the time as well


def last_oom_kill(containers: Sequence[ContainerAssessment]) -> str:
    """`2026-03-01T10:00:00Z app, limit 512Mi, exit code 137, process java (pid 17), LimitTooLow (kernel-log)`.

    The time first, so that it sorts; then the container, whose memory ran out, how it ended, who died, why, and in parentheses what
    proves it: status, counter or kernel-log. What is unknown is left out; so is, where the names are long, the process, then the
    end.
    """
    latest = latest_kill(containers)
    return _kill(latest, room_for(Annotation.LAST_OOM_KILL)) if latest is not None else ""


def recommended_limits(containers: Sequence[ContainerAssessment]) -> str:
    """`app=640Mi sidecar=96Mi`: exact quantities, as they would stand in a manifest."""
    return _quantities(
        [(one.name, one.recommendation.limit_bytes) for one in containers if one.recommendation is not None],
        room_for(Annotation.RECOMMENDED_LIMIT),
    )


def recommended_requests(containers: Sequence[ContainerAssessment]) -> str:
    """As `recommended_limits`."""
    return _quantities(
        [(one.name, one.recommendation.request_bytes) for one in containers if one.recommendation is not None],
        room_for(Annotation.RECOMMENDED_REQUEST),
    )


def join_within(parts: Iterable[str], separator: str, room: int) -> str:
    """As many parts as fit, then ` +N more`: a value is never cut within a number, unless its first part alone is too long."""
    every = list(parts)
    joined = separator.join(every)
    shown = len(every)
    while len(joined) > room and shown > 1:
        shown -= 1
        joined = f"{separator.join(every[:shown])} +{len(every) - shown} more"
    return joined


def _quantities(amounts: Sequence[tuple[str, int | None]], room: int) -> str:
    return join_within((f"{name}={format_bytes(amount)}" for name, amount in amounts if amount is not None), " ", room)


def _adj(container: ContainerAssessment) -> str:
    low, high = container.live_oom_score_adj_min, container.live_oom_score_adj_max
    live = f"{low}" if high is None or low == high else f"{low}..{high}"
    expected = container.expected_oom_score_adj
    return live if expected is None or explain_difference(expected, low, high) is None else f"{live} (expected {expected})"


def _memory_of(container: ContainerAssessment, pod_limit_bytes: int | None) -> str:
    row = container.row
    if row is None or row.memory.unreclaimable_bytes is None:
        return f"{container.name}: unknown" if container.unknown_because is not None else ""
    known, limit = row.memory, container.memory_limit_bytes
    of_limit = ", no limit" if pod_limit_bytes is None else f", pod limit {human_bytes(pod_limit_bytes)}"
    if limit is not None:
        of_limit = f" of {human_bytes(limit)} ({format_percent(row.memory.unreclaimable_bytes, limit)})"
    usage = f", usage {human_bytes(known.usage_bytes)}" if known.usage_bytes is not None else ""
    top = f", kubectl top {human_bytes(known.working_set_bytes)}" if known.working_set_bytes is not None else ""
    return f"{container.name}: {human_bytes(row.memory.unreclaimable_bytes)} unreclaimable{of_limit}{usage}{top}"


def _share(container: ContainerAssessment) -> float:
    """Unreclaimable as share of the limit; containers without either come last."""
    amount = container.row.memory.unreclaimable_bytes if container.row is not None else None
    return amount / container.memory_limit_bytes if amount is not None and container.memory_limit_bytes else -1.0


def _kill(kill: Kill, room: int) -> str:
    proof = f" ({kill.source.value})" if kill.cause is None else f", {kill.cause.cause.value} ({kill.source.value})"
    start = f"{time_text(kill.time_seconds)} {printable(kill.container_name, 63)}"
    process = process_text(kill.victim_name, kill.victim_pid)
    for facts in ((limit_text(kill), end_text(kill), process), (limit_text(kill), end_text(kill)), (limit_text(kill),), ()):
        text = ", ".join((start, *(fact for fact in facts if fact))) + proof
        if len(text) <= room:
            return text
    return one_line(text, room)
