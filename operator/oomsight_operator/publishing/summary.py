"""The `summary` annotation: verdict, why, what would have been right, and what to type next.

Lines of at most 138 bytes of printable ASCII: `kubectl describe` cuts each line there. Pure rendering.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from oomsight_api.names import RiskLevel
from oomsight_api.quantity import format_bytes
from oomsight_operator.judgement.model import Assessment, ContainerAssessment, Pod, Recommendation, Shape
from oomsight_operator.judgement.oom_score_adj import explain_difference
from oomsight_operator.judgement.recommend.limit import HEAP_UNKNOWN, UNPROVEN
from oomsight_operator.judgement.words import format_span, printable, time_text
from oomsight_operator.publishing.events import one_line
from oomsight_operator.publishing.kill_words import latest_kill
from oomsight_operator.publishing.whys import IN_THE_WAY, why_words

LINE_BYTES = 138
MAX_LINES = 24
MAX_SENTENCE = 600
MAX_CAUSE = 500
MAX_WHY = 360
"""Of a recommendation: where it is longer, its warnings come first, and it is cut, never the confidence after it."""
MAX_ADVICE = 3
"""Of a pod; each takes two or three lines."""

_SAFE_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
"""What may stand in a command that a person pastes: owner references and labels are written by tenants."""
_COMMAND_KINDS = {"Deployment": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset"}


def summary_lines(pod: Pod, assessment: Assessment) -> tuple[str, ...]:
    """At most 24 lines; what comes first matters most."""
    lines: list[str] = []
    for sentence in _sentences(assessment):
        lines += textwrap.wrap(
            sentence,
            LINE_BYTES,
            subsequent_indent="  ",
            break_on_hyphens=False,
        )
    command = next_command(pod, assessment)
    room = MAX_LINES - (1 if command else 0)
    if len(lines) > room:
        lines = [*lines[: room - 1], "(more in the annotation oomsight.dev/report)"]
    return (*lines, command) if command else tuple(lines)


def next_command(pod: Pod, assessment: Assessment) -> str:
    """`Next: ...` with one command that fits a line and is safe to paste; empty when there is nothing to do."""
    if not _SAFE_NAME.fullmatch(pod.namespace) or not _SAFE_NAME.fullmatch(pod.name):
        return ""
    here = f"kubectl -n {pod.namespace}"
    commands: list[str] = []
    for container in _worst_first(assessment):
        if _is_blocked(container.recommendation):
            break  # what a calmer container could be given distracts from the one that needs somebody
        resources = _resources_arguments(container.recommendation)
        workload = workload_argument(pod)
        if resources and workload and _SAFE_NAME.fullmatch(container.name):
            commands.append(f"{here} set resources {workload} -c {container.name} {resources}")
    if any(container.recommendation is not None for container in assessment.containers):
        commands.append(f"{here} get memrec -o yaml")
    elif assessment.level is RiskLevel.UNKNOWN and pod.node_name and _SAFE_NAME.fullmatch(pod.node_name):
        commands.append(f"kubectl get pods -A -o wide --field-selector spec.nodeName={pod.node_name}")
    elif assessment.level.severity >= RiskLevel.MEDIUM.severity:
        commands.append(f"{here} get pod {pod.name} -o jsonpath='{{.metadata.annotations.oomsight\\.dev/report}}'")
    fitting = (f"Next: {command}" for command in commands)
    return next((line for line in fitting if len(line) <= LINE_BYTES), "")


def workload_argument(pod: Pod) -> str | None:
    """`deployment/web`, where the pod's owner is one whose resources kubectl can set; None otherwise."""
    owner = pod.owner
    if owner is None or owner.api_version != "apps/v1":
        return None
    kind, name = owner.kind, owner.name
    template_hash = pod.labels.get("pod-template-hash", "")
    if kind == "ReplicaSet" and template_hash and name.endswith(f"-{template_hash}"):
        kind, name = "Deployment", name.removesuffix(f"-{template_hash}")
    return f"{_COMMAND_KINDS[kind]}/{name}" if kind in _COMMAND_KINDS and _SAFE_NAME.fullmatch(name) else None


def _sentences(assessment: Assessment) -> Iterable[str]:
    """In the order of their weight, printable."""
    ranked = _worst_first(assessment)
    yield from (printable(sentence, MAX_SENTENCE) for sentence in _verdict_and_findings(assessment, ranked))
    yield from _last_kill(assessment)
    yield from (printable(sentence, MAX_SENTENCE) for sentence in _notes_and_recommendations(ranked))
    yield from (printable(sentence, MAX_SENTENCE) for sentence in _advice(ranked))


def _verdict_and_findings(assessment: Assessment, ranked: Sequence[ContainerAssessment]) -> Iterable[str]:
    yield _verdict(assessment)
    for container in ranked:
        yield from (f"- {finding.sentence} [{finding.reason.value}, {finding.level.value}]" for finding in container.findings)


def _last_kill(assessment: Assessment) -> Iterable[str]:
    """Why it was killed. The sentence is printable already, and a backslash in it the agent's escape of a name: it stays single."""
    last = latest_kill(assessment.containers)
    if last is not None and last.cause is not None and last.cause.sentence:
        yield one_line(f"- {time_text(last.time_seconds)}: {last.cause.sentence}", MAX_CAUSE) + f" [{last.cause.cause.value}]"


def _notes_and_recommendations(ranked: Sequence[ContainerAssessment]) -> Iterable[str]:
    for container in ranked:
        if container.unknown_because is not None:
            yield f"- {container.unknown_because}"
        difference = explain_difference(
            container.expected_oom_score_adj, container.live_oom_score_adj_min, container.live_oom_score_adj_max
        )
        if difference is not None:
            yield f"- {container.name}: {difference}"
    for container in ranked:
        if container.recommendation is not None:
            yield _recommendation(container, container.recommendation)
        if container.no_limit_because:
            yield f"No limit is recommended for {container.name}: {container.no_limit_because}."


def _advice(ranked: Sequence[ContainerAssessment]) -> Iterable[str]:
    """Last, since it is what can wait."""
    given = [each for container in ranked for each in container.advice]
    yield from (f"Advice: {each.sentence} [{each.advice.value}]" for each in given[:MAX_ADVICE])
    if len(given) > MAX_ADVICE:
        yield f"Advice: {len(given) - MAX_ADVICE} more in the annotation oomsight.dev/report"


def _worst_first(assessment: Assessment) -> list[ContainerAssessment]:
    return sorted(assessment.containers, key=lambda container: -container.level.severity)


def _verdict(assessment: Assessment) -> str:
    when = "no sample of its node"
    if assessment.report_time_seconds is not None:
        when = f"sampled {time_text(assessment.report_time_seconds)}"
    return f"OOM risk {assessment.level.value}. QoS class {assessment.qos_class.value}, {assessment.policy.ref}, {when}."


def _recommendation(container: ContainerAssessment, found: Recommendation) -> str:
    parts = []
    if found.limit_bytes is not None:
        parts.append(f"limit {format_bytes(found.limit_bytes)} (now {_or_unset(found.current_limit_bytes)})")
    if found.request_bytes is not None:
        parts.append(f"request {format_bytes(found.request_bytes)} (now {_or_unset(found.current_request_bytes)})")
    parts += _shape_parts(found.shape)
    watched = f"; watched for {format_span(container.window_seconds)}" if container.window_seconds else ""
    watched += f". Confidence {found.confidence.value}" + (f": {found.confidence_why}" if found.confidence_why else "")
    what = f"Recommended for {container.name}: {', '.join(parts)}. Why: "
    room = MAX_SENTENCE - len(what) - len(watched)
    return f"{what}{one_line(why_words(found, MAX_WHY), room)}{watched}"


def _shape_parts(shape: Shape | None) -> Iterable[str]:
    """What changes for the pod besides its memory."""
    if shape is None:
        return
    if shape.qos_class_after is not shape.qos_class_before:
        yield f"QoS class {shape.qos_class_before.value} -> {shape.qos_class_after.value}"
    before, after = shape.oom_score_adj_before, shape.oom_score_adj_after
    if before is not None and after is not None and before != after:
        yield f"oom_score_adj {before} -> {after}"


def _resources_arguments(found: Recommendation | None) -> str:
    """What to set; empty where that would change nothing, be refused, or lead to the next kill."""
    if found is None or _is_blocked(found):
        return ""
    rules = {step.rule for step in found.limit_steps}
    if HEAP_UNKNOWN in rules and _lowers(found):
        return ""  # the heap may shrink with the limit: nothing to paste before somebody looked
    limit, request = None if UNPROVEN in rules else found.limit_bytes, found.request_bytes
    if limit in (None, found.current_limit_bytes) and request in (None, found.current_request_bytes):
        return ""
    wanted = (("limits", limit), ("requests", request))
    return " ".join(f"--{what}=memory={format_bytes(amount)}" for what, amount in wanted if amount is not None)


def _is_blocked(found: Recommendation | None) -> bool:
    """Whether somebody has to do something else first."""
    return found is not None and any(step.rule in IN_THE_WAY for step in (*found.limit_steps, *found.request_steps))


def _lowers(found: Recommendation) -> bool:
    """Whether less limit is recommended than there is; any is less than none."""
    current, limit = found.current_limit_bytes, found.limit_bytes
    return limit is not None and (current is None or limit < current)


def _or_unset(amount_bytes: int | None) -> str:
    return format_bytes(amount_bytes) if amount_bytes is not None else "unset"
