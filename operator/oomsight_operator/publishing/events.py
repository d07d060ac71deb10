"""Which Events a judgement causes. Pure: what was told before goes in, what is to be told comes out.

Reasons: `OOMKilled` and `ChildProcessOOMKilled` for each new kill, `OOMRiskRaised` and `OOMRiskLowered` when the pod's level
changes at or above medium, `MemoryLimitRecommended` when a container's recommended limit changes without a kill that tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from oomsight_api.incident import OomScope
from oomsight_api.names import Annotation, EventAction, EventReason, RiskLevel
from oomsight_api.quantity import format_bytes
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Assessment, ContainerAssessment, ContainerKind, Pod, Recommendation
from oomsight_operator.judgement.recommend.not_enough import NOT_ENOUGH
from oomsight_operator.judgement.words import short_hash
from oomsight_operator.publishing.budget import has_risen
from oomsight_operator.publishing.kill_words import end_text, process_text, where_text
from oomsight_operator.publishing.patches import marks_of_pod, parse_level
from oomsight_operator.publishing.whys import warnings_of

MAX_NOTE_BYTES = 1024
"""The API server refuses more (NoteLengthLimit in pkg/apis/core/validation/events.go)."""
TOLD_FROM = RiskLevel.MEDIUM
"""Changes of level below this are no Events: every pod without a limit is at low risk."""

MAX_SENTENCE = 600
"""Of a kill's cause: leaves room for the advice."""
_SCOPES_APART = frozenset({OomScope.POD, OomScope.NODE, OomScope.CGROUP})
"""Kills at somebody else's limit are no repetition of those at the container's own."""

_NO_LIMITS: Mapping[str, int] = MappingProxyType({})
_FIELD_PATHS: Mapping[ContainerKind, str] = {
    ContainerKind.APP: "spec.containers",
    ContainerKind.INIT: "spec.initContainers",
    ContainerKind.SIDECAR: "spec.initContainers",
    ContainerKind.EPHEMERAL: "spec.ephemeralContainers",
}


class Named(Protocol):
    """What an Event is about."""

    @property
    def name(self) -> str: ...

    @property
    def uid(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One thing to tell about a pod, or a node."""

    reason: EventReason
    action: EventAction
    type: Literal["Normal", "Warning"]
    note: str
    """One line of at most 1024 printable ASCII bytes."""
    subject: str
    """What makes two tellings one Event with a series, beside the object and the reason: nothing that differs from kill to kill,
    such as a pid."""
    occurrence: str
    """What happened, once: the same occurrence is never told twice, not even by a restarted operator."""
    field_path: str | None = None
    """The container in the pod's spec, as the kubelet names it in its Events."""
    urgent: bool = False
    """A kill: it waits for nothing."""

    def name(self, of: Named) -> str:
        """The same for the same subject in every run of the operator; at most 253 characters, a DNS subdomain."""
        digest = short_hash(of.uid, self.reason, self.subject)
        return f"{of.name[:220].rstrip('.-') or 'pod'}.{digest}"


@dataclass(frozen=True, slots=True)
class Told:
    """What the users of one pod were told last."""

    level: RiskLevel | None = None
    limits: Mapping[str, int] = field(default_factory=lambda: _NO_LIMITS)
    """Recommended limits in bytes by container name."""


def told_by_predecessor(pod: Pod, assessment: Assessment) -> Told:
    """What an earlier run of the operator told, as far as its marks on the pod show it: so that a restart repeats nothing."""
    marks = marks_of_pod(pod)
    level = parse_level(marks.annotations.get(Annotation.OOM_RISK, marks.label))
    if level is None and assessment.previous_level is not RiskLevel.UNKNOWN:
        level = assessment.previous_level
    return Told(level, _limits(assessment) if Annotation.RECOMMENDED_LIMIT in marks.annotations else {})


def decide(
    pod: Pod, assessment: Assessment, told: Told, now_seconds: float, max_age_seconds: float
) -> tuple[tuple[ObjectEvent, ...], Told]:
    """The Events of this judgement, and what has been told after them.

    A kill older than `max_age_seconds` is no news: the pod's annotations tell it.
    """
    events = [
        *_kills(assessment, now_seconds - max_age_seconds),
        *_limit_changes(assessment, told),
        *_level_change(assessment, told),
    ]
    level = told.level if assessment.level is RiskLevel.UNKNOWN else assessment.level
    limits = _limits(assessment)
    if level is told.level and all(told.limits.get(name) == limit for name, limit in limits.items()):
        return tuple(events), told
    return tuple(events), Told(level, {**told.limits, **limits} or _NO_LIMITS)


def one_line(text: str, limit: int = MAX_NOTE_BYTES) -> str:
    """`text` as one line of at most `limit` printable ASCII bytes; anything else is shown as an escape."""
    line = "".join(
        character if " " <= character <= "~" else ascii(character)[1:-1] if not character.isspace() else " "
        for character in text[: limit + 1]
    )
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def _kills(assessment: Assessment, oldest_seconds: float) -> Iterator[ObjectEvent]:
    for container in assessment.containers:
        for kill in container.new_kills:
            if kill.time_seconds >= oldest_seconds:
                yield _kill_event(container, kill)


def _kill_event(container: ContainerAssessment, kill: Kill) -> ObjectEvent:
    reason = EventReason.OOM_KILLED if kill.ended_container else EventReason.CHILD_PROCESS_OOM_KILLED
    recommended = container.recommendation.limit_bytes if container.recommendation else None
    whose = f"/{kill.scope}" if kill.scope in _SCOPES_APART else ""
    return ObjectEvent(
        reason=reason,
        action=EventAction.OBSERVE,
        type="Warning",
        note=one_line(
            f"{_kill_sentence(container, kill)} {_advice(container.recommendation, container.no_limit_because)}".rstrip()
        ),
        subject=f"{container.name}/{kill.limit_bytes}/{recommended}{whose}",
        occurrence="/".join(kill.identity),
        field_path=_field_path(container),
        urgent=True,
    )


def _kill_sentence(container: ContainerAssessment, kill: Kill) -> str:
    """Who was killed, at whose limit, and why; then what became of the container."""
    process = process_text(kill.victim_name, kill.victim_pid)
    goes_on = "" if kill.ended_container else "The container goes on without it and its status shows nothing."
    if kill.cause is not None and kill.cause.sentence:
        sentence = one_line(kill.cause.sentence, MAX_SENTENCE).rstrip(". ")
        after = f"Exit code {kill.exit_code}." if kill.ended_container and kill.exit_code is not None else goes_on
        return f"{sentence[:1].upper()}{sentence[1:]}. Cause: {kill.cause.cause.value}. {after}".rstrip()
    where = where_text(kill)
    if kill.ended_container:
        who = f", {process}," if process else ""
        ending = f" ({end_text(kill)})" if kill.exit_code is not None else ""
        return f"Container {container.name}{who} was killed by the kernel's OOM killer{where}{ending}."
    who = f"{process[:1].upper()}{process[1:]}" if process else "A process"
    return f"{who} in container {container.name} was killed by the kernel's OOM killer{where}. {goes_on}"


def _limit_changes(assessment: Assessment, told: Told) -> Iterator[ObjectEvent]:
    for container in assessment.containers:
        recommendation = container.recommendation
        if recommendation is None or recommendation.limit_bytes is None or container.new_kills:
            continue
        limit = recommendation.limit_bytes
        if limit in (told.limits.get(container.name), recommendation.current_limit_bytes):
            continue
        yield ObjectEvent(
            reason=EventReason.MEMORY_LIMIT_RECOMMENDED,
            action=EventAction.RECOMMEND,
            type="Normal",
            note=one_line(f"Container {container.name}: {_advice(recommendation)}"),
            subject=f"{container.name}/{limit}",
            occurrence=f"{limit}",
            field_path=_field_path(container),
        )


def _level_change(assessment: Assessment, told: Told) -> Iterator[ObjectEvent]:
    level, before = assessment.level, told.level
    if level is RiskLevel.UNKNOWN:
        return  # silence is told by the annotations and by an alert on agents, not by an Event per pod
    if has_risen(before, level) and level.severity >= TOLD_FROM.severity:
        since = f" from {before.value}" if before is not None else ""
        yield _level_event(
            assessment, EventReason.OOM_RISK_RAISED, "Warning", f"OOM risk rose{since} to {level.value}. {_because(assessment)}"
        )
    elif before is not None and before.severity >= TOLD_FROM.severity and level.severity < before.severity:
        text = f"OOM risk fell from {before.value} to {level.value}. {_because(assessment)}"
        yield _level_event(assessment, EventReason.OOM_RISK_LOWERED, "Normal", text)


def _level_event(assessment: Assessment, reason: EventReason, kind: Literal["Normal", "Warning"], text: str) -> ObjectEvent:
    return ObjectEvent(
        reason=reason,
        action=EventAction.ASSESS,
        type=kind,
        note=one_line(text.rstrip()),
        subject=assessment.level.value,
        occurrence=f"{assessment.time_seconds:.3f}",
    )


def _because(assessment: Assessment) -> str:
    """The sentences of what holds now, worst first."""
    findings = [finding for container in assessment.containers for finding in container.findings]
    findings.sort(key=lambda finding: -finding.level.severity)
    return "; ".join(f"{finding.sentence.rstrip('. ')} [{finding.reason.value}]" for finding in findings[:3])


def _advice(found: Recommendation | None, no_limit_because: str = "") -> str:
    """The recommended limit, or why there is none, and first of all whether it is known to be too low: a note may be cut."""
    if found is None or found.limit_bytes is None:
        none = f"No memory limit is recommended: {no_limit_because}." if no_limit_because else ""
        return f"{none} {_request_advice(found)}".strip()
    current = found.current_limit_bytes
    warnings = warnings_of(found)
    told = "".join(
        f" This is {step.why}." if step.rule == NOT_ENOUGH else f" {step.why[:1].upper()}{step.why[1:]}." for step in warnings
    )
    if found.limit_bytes == current:
        return f"The limit of {format_bytes(current)} is the recommended one.{told}"
    instead = f" instead of {format_bytes(current)}" if current is not None else ""
    whys = "; ".join(step.why for step in found.limit_steps if step not in warnings)
    return f"Recommended memory limit: {format_bytes(found.limit_bytes)}{instead}.{told}" + (f" Why: {whys}." if whys else "")


def _request_advice(found: Recommendation | None) -> str:
    if found is None or found.request_bytes is None or found.request_bytes == found.current_request_bytes:
        return ""
    current = found.current_request_bytes
    instead = f" instead of {format_bytes(current)}" if current is not None else ""
    return f"Recommended memory request: {format_bytes(found.request_bytes)}{instead}."


def _limits(assessment: Assessment) -> dict[str, int]:
    return {
        container.name: container.recommendation.limit_bytes
        for container in assessment.containers
        if container.recommendation is not None and container.recommendation.limit_bytes is not None
    }


def _field_path(container: ContainerAssessment) -> str:
    return f"{_FIELD_PATHS[container.kind]}{{{container.name}}}"
