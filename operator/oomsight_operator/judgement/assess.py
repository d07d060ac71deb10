"""The judgement of one pod: QoS, scores, kills, risk, recommendation, joined into one Assessment.

What is unknown stays unknown: without a fresh row a running container's memory is unknown, and so is its level; kills that the
kubelet told of still count, since they are facts. The pod's level is its worst container's; where nothing worse than `none` is
known and one container is unknown, the pod is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from oomsight_api.names import QosClass, RiskLevel, RiskReason
from oomsight_api.selectors import container_selected
from oomsight_operator.judgement.advice.container import with_advice
from oomsight_operator.judgement.forecast.observe import forecast_of, observe_floor
from oomsight_operator.judgement.holding import hold, keep, level_of
from oomsight_operator.judgement.hysteresis import Settled, settle
from oomsight_operator.judgement.kill_causes import with_causes
from oomsight_operator.judgement.kills.ends import AgentWord
from oomsight_operator.judgement.kills.observe import Observation, observe_kills
from oomsight_operator.judgement.kills.tellings import tellings_of
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerAssessment,
    ContainerHistory,
    ContainerSpec,
    ContainerStatus,
    EffectivePolicy,
    Finding,
    NodeContext,
    Pod,
    PodHistory,
    Recommendation,
    Telemetry,
    ToldFinding,
)
from oomsight_operator.judgement.oom_score_adj import effective_request, expected_oom_score_adj, is_critical
from oomsight_operator.judgement.peaks import observe_peaks, watched_seconds
from oomsight_operator.judgement.qos import qos_class
from oomsight_operator.judgement.recommend.assessing import recommended
from oomsight_operator.judgement.recommend.surroundings import NOWHERE, Surroundings
from oomsight_operator.judgement.recommend.whole_pod import followed, together
from oomsight_operator.judgement.risk.rules import KILL_REASONS, in_order, judge
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import printable

FIRST_ROW_SECONDS = 15.0
"""Start to first row: a sample, a long poll and the kubelet's status, each of about a second, under load."""


def assess_pod(
    pod: Pod,
    telemetry: Telemetry | None,
    node: NodeContext,
    policy: EffectivePolicy,
    history: PodHistory,
    now_seconds: float,
    around: Surroundings = NOWHERE,
) -> tuple[Assessment, PodHistory]:
    """Judge a pod, and give back what to remember until next time.

    `around` is what is known beyond the pod; what was learned of its workload goes on in the assessment.
    The history is for the same pod uid: a pod re-created under the same name starts with an empty one. Containers that the policy
    leaves out are neither judged nor remembered.
    """
    pod_class = qos_class(pod)
    selected = [spec for spec in pod.containers if container_selected(policy.rules.containers, spec.name)]
    assessed: list[ContainerAssessment] = []
    remembered: dict[str, ContainerHistory] = {}
    due: list[float] = []
    asked: dict[str, Recommendation] = {}
    so_far = pod
    tellings = tellings_of(pod, telemetry, history.containers, now_seconds)
    agent = AgentWord(telemetry.heard_since_seconds, telemetry.report_time_seconds) if telemetry is not None else None
    risk = policy.rules.risk
    other_thresholds = history.risk is not None and history.risk is not risk and history.risk != risk
    for spec in selected:
        seen = Observation(
            name=spec.name,
            status=pod.statuses.get(spec.name),
            row=telemetry.rows.get(spec.name) if telemetry is not None else None,
            limit_bytes=spec.memory_limit_bytes,
            now_seconds=now_seconds,
            recent_kill_seconds=risk.recent_kill_seconds,
            tellings=tellings.get(spec.name, ()),
            agent=agent,
        )
        before = history.containers.get(spec.name, ContainerHistory())
        if other_thresholds:
            before = _without_hold(before)
        kills = observe_kills(before, seen)
        explained = with_causes(kills.history, before.kills, pod, spec, telemetry, seen.recent_kill_seconds)
        sampled = telemetry.report_time_seconds if telemetry is not None else None
        current = observe_floor(observe_peaks(explained, seen.row, sampled), seen.row, sampled)
        one, remembered[spec.name], when = _assess_container(
            pod, so_far, spec, pod_class, telemetry, node, policy, current, seen, around
        )
        if one.recommendation is not None:
            asked[spec.name] = one.recommendation
            so_far = followed(so_far, one.recommendation)
        if kills.new_kills:
            new = {kill.identity for kill in kills.new_kills}
            one = replace(one, new_kills=tuple(kill for kill in explained.kills if kill.identity in new))
        assessed.append(one)
        due += when
        due += [kills.due_seconds] if kills.due_seconds is not None and kills.due_seconds > now_seconds else []
    total = node.memory.total_bytes if node.memory is not None else None
    shaped = together(asked, pod, so_far, around, policy.rules.recommendation.target_qos, total)
    assessed = [replace(one, recommendation=shaped[one.name]) if one.name in shaped else one for one in assessed]
    level = pod_level(one.level for one in assessed)
    findings = in_order(finding for one in assessed for finding in one.findings)
    assessment = Assessment(
        pod_uid=pod.uid,
        policy=policy,
        qos_class=pod_class,
        level=level,
        reasons=tuple(dict.fromkeys(finding.reason for finding in findings)),
        containers=tuple(assessed),
        time_seconds=now_seconds,
        report_time_seconds=telemetry.report_time_seconds if telemetry is not None else None,
        previous_level=pod_level(history.containers[spec.name].level for spec in selected if spec.name in history.containers),
        reassess_at_seconds=min(due, default=None),
    )
    return assessment, PodHistory(remembered, risk)


def pod_level(levels: Iterable[RiskLevel]) -> RiskLevel:
    """The worst; unknown where nothing worse than none is known and one is unknown, or where there is no container at all."""
    known = list(levels)
    worst = max(known, key=lambda level: level.severity, default=RiskLevel.UNKNOWN)
    return RiskLevel.UNKNOWN if worst is RiskLevel.NONE and RiskLevel.UNKNOWN in known else worst


def _assess_container(
    pod: Pod,
    so_far: Pod,
    spec: ContainerSpec,
    pod_class: QosClass,
    telemetry: Telemetry | None,
    node: NodeContext,
    policy: EffectivePolicy,
    history: ContainerHistory,
    seen: Observation,
    around: Surroundings,
) -> tuple[ContainerAssessment, ContainerHistory, list[float]]:
    """One container: its findings, its level after hysteresis, and when time alone would change it.

    `so_far` is the pod with what is recommended for the containers before this one.
    """
    rules, now = policy.rules, seen.now_seconds
    running = is_running(pod, seen.status)
    sampled = telemetry.report_time_seconds if telemetry is not None else None
    pod_row, pod_limit = telemetry.pod_row if telemetry is not None else None, pod.pod_memory_limit_bytes
    measured = seen.row if running else None
    subject = Subject(
        spec=spec,
        running=running,
        row=seen.row,
        node=node,
        policy=rules.risk,
        kills=history.kills,
        now_seconds=now,
        pod_row=pod_row,
        pod_limit_bytes=pod_limit,
        pod_request_bytes=effective_request(pod),
        never_evicted=is_critical(pod),
        qos_class=pod_class,
        raised=history.raised,
        forecast=forecast_of(history.floor, measured, sampled, spec.memory_limit_bytes, pod_row, pod_limit),
        peak_unreclaimable_bytes=history.peak_unreclaimable_bytes,
        watched_seconds=watched_seconds(history),
    )
    unknown_because = why_unknown(pod, subject, seen.status, telemetry)
    findings = judge(subject)
    if unknown_because is not None:
        findings = tuple(finding for finding in findings if finding.reason in KILL_REASONS)
    fresh_until = _unmeasured_until(history, seen, telemetry)
    standing = _standing(history.told, findings)
    if fresh_until is not None:
        # Started a moment ago: the agent will have its first row soon, and what was known of the last run stands until then.
        unknown_because, held = None, keep(findings, standing)
        judged = max(level_of(held.findings), history.level, key=lambda level: level.severity)
    else:
        measurable = unknown_because is None
        held = hold(
            findings,
            (told for told in standing if measurable or told.finding.reason in KILL_REASONS),
            now,
            rules.risk.hold_seconds,
        )
        judged = level_of(held.findings) if held.findings or measurable else RiskLevel.UNKNOWN
    shown = in_order(held.findings)
    settled = Settled(judged)
    if history.level.severity > level_of(told.finding for told in history.told).severity:
        # An earlier run of the operator published it, and on what it stood is not remembered.
        settled = settle(judged, history.level, history.lower_since_seconds, now, rules.risk.hold_seconds)
    history = with_advice(history, pod, seen.status, subject, sampled)
    expected = expected_oom_score_adj(pod, spec, node.memory.total_bytes if node.memory is not None else None)
    row = seen.row
    leaks = any(finding.reason is RiskReason.LEAK_SUSPECTED for finding in shown)
    ended = telemetry.ended.get(spec.name, ()) if telemetry is not None else ()
    state, recommendation, no_limit_because = recommended(
        around, so_far, spec, subject, pod_class, sampled, rules.recommendation, history.usual, leaks=leaks, ended=ended
    )
    assessment = ContainerAssessment(
        name=spec.name,
        kind=spec.kind,
        level=settled.level,
        findings=shown,
        row=row,
        memory_limit_bytes=subject.limit_bytes,
        memory_request_bytes=spec.memory_request_bytes,
        expected_oom_score_adj=expected,
        live_oom_score_adj_min=row.oom_score_adj_min if row is not None else None,
        live_oom_score_adj_max=row.oom_score_adj_max if row is not None else None,
        kills=history.kills,
        new_kills=(),
        recommendation=recommendation,
        no_limit_because=no_limit_because,
        learned=state,
        unknown_because=unknown_because,
        window_seconds=watched_seconds(history),
        peak_bytes=history.peak_bytes,
        forecast=subject.forecast,
        advice=history.advice,
    )
    raised = {finding.reason: finding.level for finding in findings}
    since = settled.lower_since_seconds
    if (settled.level, since, raised, held.told) == (history.level, history.lower_since_seconds, history.raised, history.told):
        remembered = history
    else:
        remembered = replace(history, level=settled.level, lower_since_seconds=since, raised=raised, told=held.told)
    due = [settled.falls_at_seconds, fresh_until, *held.falls_at_seconds]
    due += [kill.time_seconds + rules.risk.recent_kill_seconds for kill in subject.recent_kills]
    return assessment, remembered, [moment for moment in due if moment is not None and moment > now]


def _without_hold(history: ContainerHistory) -> ContainerHistory:
    """Other thresholds are no number that trembles: what they give counts at once, as if nothing had been told before."""
    level = history.level if history.level is RiskLevel.UNKNOWN else RiskLevel.NONE
    return replace(history, level=level, lower_since_seconds=None, raised={}, told=())


def _standing(told: tuple[ToldFinding, ...], findings: tuple[Finding, ...]) -> tuple[ToldFinding, ...]:
    """What was told and may be held. A reason of kills is none without a kill: one that turns out a child's is not in both."""
    found = {finding.reason for finding in findings}
    return tuple(before for before in told if before.finding.reason not in KILL_REASONS or before.finding.reason in found)


def is_running(pod: Pod, status: ContainerStatus | None) -> bool:
    """Whether the container has processes, as far as the API knows."""
    return pod.phase not in {"Succeeded", "Failed"} and status is not None and status.state == "running"


def why_unknown(pod: Pod, subject: Subject, status: ContainerStatus | None, telemetry: Telemetry | None) -> str | None:
    """A sentence when nothing can be said of the container's memory; None when it is measured, or known to use none."""
    if not subject.running:
        ended = pod.phase in {"Succeeded", "Failed"} or (
            status is not None and (status.state == "terminated" or _ran_before(status))
        )
        # Without processes it uses no memory: that is known.
        return None if ended else f"{subject.label}: {_why_not_running(pod, status)}"
    agent = f"the agent of node {printable(pod.node_name or '')}"
    if telemetry is None:
        why = f"{agent} is silent" if subject.node.has_spoken else f"no report of {agent} yet"
        return f"{subject.label}: memory unknown, {why} (see the oomsight agent pod there)"
    if subject.row is None:
        return f"{subject.label}: memory unknown, {agent} has found no cgroup of it"
    if subject.memory.unreclaimable_bytes is None:
        return f"{subject.label}: memory unknown, {agent} could not read its memory.stat"
    return None


def _why_not_running(pod: Pod, status: ContainerStatus | None) -> str:
    if pod.node_name is None:
        return "its pod is not on a node yet"
    if status is None or status.state == "unknown":
        return "the kubelet has told no state of it"
    return "not started yet"


def _ran_before(status: ContainerStatus) -> bool:
    """It waits for its next start, as in a crash loop."""
    return status.state == "waiting" and (status.restart_count > 0 or status.last_terminated is not None)


def _unmeasured_until(history: ContainerHistory, seen: Observation, telemetry: Telemetry | None) -> float | None:
    """Until when a container that has just started again may lack a row before it counts as unknown; None when it does not lack
    one."""
    started = seen.status.started_at_seconds if seen.status is not None and seen.status.state == "running" else None
    if telemetry is None or seen.row is not None or started is None or history.level is RiskLevel.UNKNOWN:
        return None
    until = started + FIRST_ROW_SECONDS
    return until if started - FIRST_ROW_SECONDS <= seen.now_seconds < until else None
