"""Which Events a judgement causes, and in which words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import NOW, a_container, a_kill, a_pod, a_recommendation, an_assessment

from oomsight_api.incident import KillMemory, OomScope
from oomsight_api.names import Annotation, Cause, EventAction, EventReason, RiskLevel
from oomsight_operator.judgement.kills.model import Kill, KillCause, KillSource
from oomsight_operator.judgement.model import Assessment, ContainerKind, RecommendationStep
from oomsight_operator.publishing.events import MAX_NOTE_BYTES, ObjectEvent, Told, decide, one_line, told_by_predecessor

HOUR = 3600.0


def events_of(assessment: Assessment, told: Told | None = None) -> tuple[ObjectEvent, ...]:
    return decide(a_pod(), assessment, told or Told(RiskLevel.NONE), NOW, HOUR)[0]


def test_a_killed_container_is_told_with_its_limit_and_what_would_have_been_right() -> None:
    container = a_container(RiskLevel.HIGH, new_kills=(a_kill(),), recommendation=a_recommendation(128))
    (event, _) = events_of(an_assessment(RiskLevel.HIGH, container))
    assert (event.reason, event.action, event.type) == (EventReason.OOM_KILLED, EventAction.OBSERVE, "Warning")
    assert event.note == (
        "Container app was killed by the kernel's OOM killer at its memory limit of 64Mi (exit code 137). "
        "Recommended memory limit: 128Mi instead of 64Mi. Why: the limit of 64Mi killed it."
    )
    assert event.field_path == "spec.containers{app}"


def test_a_kill_that_no_limit_would_have_prevented_says_so_and_names_the_request() -> None:
    by_request = replace(a_recommendation(128, request_mi=96), limit_bytes=None, limit_steps=(), current_request_bytes=32 << 20)
    container = a_container(
        RiskLevel.HIGH, new_kills=(a_kill(),), recommendation=by_request, no_limit_because="the node ran out of memory"
    )
    assert events_of(an_assessment(RiskLevel.HIGH, container))[0].note.endswith(
        "No memory limit is recommended: the node ran out of memory. Recommended memory request: 96Mi instead of 32Mi."
    )


def test_a_limit_that_is_known_to_be_too_low_says_so_before_the_rest_which_may_be_cut() -> None:
    low = RecommendationStep("NotEnough", 64 << 20, 64 << 20, "not enough: it was killed at limit 64Mi and will be again")
    long = RecommendationStep("StartFromKillingLimit", None, 64 << 20, "x" * 1000)
    for limit in (64, 96):
        capped = replace(a_recommendation(limit), limit_steps=(long, low))
        (event, *_) = events_of(
            an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(a_kill(),), recommendation=capped))
        )
        assert "This is not enough: it was killed at limit 64Mi and will be again." in event.note
        assert len(event.note) <= MAX_NOTE_BYTES


def test_a_child_killed_while_its_container_goes_on_is_told_as_such() -> None:
    kill = a_kill(source=KillSource.COUNTER, sequence=3)
    (event, *_) = events_of(an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(kill,))))
    assert event.reason is EventReason.CHILD_PROCESS_OOM_KILLED
    assert "A process in container app was killed" in event.note
    assert "its status shows nothing" in event.note


def test_a_kill_without_a_known_limit_names_none() -> None:
    kill = a_kill(limit_bytes=None)
    (event, *_) = events_of(an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(kill,))))
    assert "limit" not in event.note


def note_of(kill: Kill) -> str:
    return events_of(an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(kill,))))[0].note


def test_the_cause_is_told_with_its_numbers_before_the_advice() -> None:
    sentence = "container app (process java, pid 17) was killed at its own limit 64Mi: 60Mi anonymous (kernel log); it needed more"
    kill = a_kill(scope=OomScope.CONTAINER, cause=KillCause(Cause.LIMIT_TOO_LOW, sentence))
    container = a_container(RiskLevel.HIGH, new_kills=(kill,), recommendation=a_recommendation(128))
    assert events_of(an_assessment(RiskLevel.HIGH, container))[0].note == (
        "Container app (process java, pid 17) was killed at its own limit 64Mi: 60Mi anonymous (kernel log); it needed more. "
        "Cause: LimitTooLow. Exit code 137. "
        "Recommended memory limit: 128Mi instead of 64Mi. Why: the limit of 64Mi killed it."
    )


def test_a_childs_kill_with_its_cause_says_that_the_container_goes_on() -> None:
    cause = KillCause(Cause.CHILD_PROCESS, "process worker (pid 9) of container app was killed at the container's own limit 64Mi")
    kill = a_kill(source=KillSource.KERNEL_LOG, incident_id="b-1", exit_code=None, container_ended=False, cause=cause)
    assert note_of(kill) == (
        "Process worker (pid 9) of container app was killed at the container's own limit 64Mi. Cause: ChildProcess. "
        "The container goes on without it and its status shows nothing."
    )


@pytest.mark.parametrize(
    ("scope", "memory", "words"),
    [
        (None, None, " at its memory limit of 64Mi"),
        (OomScope.CONTAINER, KillMemory(limit_bytes=32 << 20), " at its memory limit of 32Mi"),
        (OomScope.CONTAINER, KillMemory(limit_bytes=32 << 20, age_seconds=3.0), " at its memory limit of 64Mi"),
        (OomScope.POD, KillMemory(limit_bytes=96 << 20), " at its pod's memory limit of 96Mi"),
        (OomScope.POD, None, " at its pod's memory limit"),
        (OomScope.NODE, None, " because the node was out of memory"),
        (OomScope.CGROUP, None, " at the memory limit of another cgroup than its own"),
    ],
)
def test_whose_memory_ran_out_is_said_where_it_is_known(scope: OomScope | None, memory: KillMemory | None, words: str) -> None:
    kill = a_kill(scope=scope, memory=memory, victim_name="java", victim_pid=17)
    assert note_of(kill) == f"Container app, process java (pid 17), was killed by the kernel's OOM killer{words} (exit code 137)."


def test_processes_and_causes_of_a_crash_loop_stay_one_event_but_a_kill_by_the_node_is_another() -> None:
    def event(pid: int, scope: OomScope | None, incident: str) -> ObjectEvent:
        kill = a_kill(source=KillSource.KERNEL_LOG, exit_code=137, victim_pid=pid, scope=scope, incident_id=incident)
        return events_of(an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(kill,))))[0]

    first, second, by_node = event(1, OomScope.CONTAINER, "b-1"), event(2, None, "b-2"), event(3, OomScope.NODE, "b-3")
    assert first.name(a_pod()) == second.name(a_pod()) != by_node.name(a_pod())
    assert len({first.occurrence, second.occurrence, by_node.occurrence}) == 3
    assert event(7, OomScope.CONTAINER, "b-1").occurrence == first.occurrence


@given(name=st.text(max_size=64), sentence=st.text(max_size=2000), known=st.booleans())
def test_a_process_that_is_called_like_a_sentence_cannot_add_a_line_or_a_verdict(name: str, sentence: str, known: bool) -> None:
    cause = KillCause(Cause.LEAK, sentence) if known else None
    note = note_of(a_kill(victim_name=name, victim_pid=3, cause=cause))
    assert re.fullmatch(r"[ -~]*", note)
    assert len(note) <= MAX_NOTE_BYTES


def test_a_name_with_newline_braces_and_escapes_is_quoted() -> None:
    note = note_of(a_kill(victim_name='x\n) {"a":1}\u202e', victim_pid=3))
    assert note.startswith("""Container app, process "x\\n) {'a':1}\\u202e" (pid 3), was killed""")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (ContainerKind.INIT, "spec.initContainers{app}"),
        (ContainerKind.SIDECAR, "spec.initContainers{app}"),
        (ContainerKind.EPHEMERAL, "spec.ephemeralContainers{app}"),
    ],
)
def test_the_container_is_named_as_the_kubelet_names_it(kind: ContainerKind, path: str) -> None:
    (event, *_) = events_of(an_assessment(RiskLevel.LOW, a_container(RiskLevel.LOW, kind=kind, new_kills=(a_kill(),))))
    assert event.field_path == path


def test_a_kill_from_before_the_last_hour_is_no_news() -> None:
    old = a_kill(at=NOW - HOUR - 1)
    assert events_of(an_assessment(RiskLevel.LOW, a_container(RiskLevel.LOW, new_kills=(old,)))) == ()


def test_a_rise_to_medium_or_above_is_told_once_with_the_reasons() -> None:
    events, told = decide(a_pod(), an_assessment(RiskLevel.HIGH), Told(RiskLevel.LOW), NOW, HOUR)
    assert [(event.reason, event.type) for event in events] == [(EventReason.OOM_RISK_RAISED, "Warning")]
    assert events[0].note == "OOM risk rose from low to high. app: 60Mi of 64Mi cannot be reclaimed [NearLimit]"
    assert decide(a_pod(), an_assessment(RiskLevel.HIGH), told, NOW, HOUR)[0] == ()


def test_a_fall_is_told_and_low_levels_come_and_go_in_silence() -> None:
    (event,) = events_of(an_assessment(RiskLevel.NONE), Told(RiskLevel.HIGH))
    assert (event.reason, event.type, event.action) == (EventReason.OOM_RISK_LOWERED, "Normal", EventAction.ASSESS)
    assert event.note == "OOM risk fell from high to none."
    assert events_of(an_assessment(RiskLevel.LOW), Told(RiskLevel.NONE)) == ()
    assert events_of(an_assessment(RiskLevel.NONE), Told(RiskLevel.LOW)) == ()


def test_a_silent_agent_is_neither_a_rise_nor_a_fall_and_nothing_is_told_twice_when_it_returns() -> None:
    events, told = decide(a_pod(), an_assessment(RiskLevel.UNKNOWN), Told(RiskLevel.HIGH), NOW, HOUR)
    assert events == ()
    assert decide(a_pod(), an_assessment(RiskLevel.HIGH), told, NOW, HOUR)[0] == ()


def test_a_new_recommendation_without_a_kill_is_told_when_it_changes() -> None:
    container = a_container(RiskLevel.LOW, recommendation=a_recommendation(96))
    events, told = decide(a_pod(), an_assessment(RiskLevel.LOW, container), Told(RiskLevel.LOW), NOW, HOUR)
    assert [event.reason for event in events] == [EventReason.MEMORY_LIMIT_RECOMMENDED]
    assert events[0].type == "Normal"
    assert events[0].note.startswith("Container app: Recommended memory limit: 96Mi instead of 64Mi.")
    assert decide(a_pod(), an_assessment(RiskLevel.LOW, container), told, NOW, HOUR)[0] == ()


def test_a_limit_that_is_already_the_recommended_one_is_no_event() -> None:
    container = a_container(RiskLevel.LOW, recommendation=a_recommendation(64))
    assert events_of(an_assessment(RiskLevel.LOW, container)) == ()


def test_a_restarted_operator_takes_what_stands_on_the_pod_as_told() -> None:
    pod = a_pod(own_annotations={Annotation.OOM_RISK: "high", Annotation.RECOMMENDED_LIMIT: "app=128Mi"})
    assessment = an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, recommendation=a_recommendation(128)))
    assert decide(pod, assessment, told_by_predecessor(pod, assessment), NOW, HOUR)[0] == ()
    forged = a_pod(own_annotations={Annotation.OOM_RISK: "no level"})
    assert told_by_predecessor(forged, assessment).level is None
    assert told_by_predecessor(a_pod(), an_assessment(RiskLevel.LOW, previous=RiskLevel.HIGH)).level is RiskLevel.HIGH


def test_the_same_kills_of_a_crash_loop_are_one_event_and_a_new_limit_makes_another() -> None:
    def kill_event(limit_mi: int, container_id: str) -> ObjectEvent:
        kill = a_kill(container_id=container_id, limit_bytes=limit_mi << 20)
        return events_of(an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(kill,))))[0]

    first, second, other = kill_event(64, "a" * 64), kill_event(64, "b" * 64), kill_event(128, "c" * 64)
    assert first.name(a_pod()) == second.name(a_pod()) != other.name(a_pod())
    assert first.occurrence != second.occurrence
    assert first.name(a_pod()) != first.name(a_pod(uid="another pod of that name"))


@given(st.text(), st.integers(3, 1200))
def test_a_note_is_always_one_printable_line_that_fits(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line.encode()) <= limit
    assert re.fullmatch(r"[ -~]*", line)


@given(why=st.text(), container=st.text(min_size=1), pod_name=st.text(min_size=1, max_size=253))
def test_hostile_names_and_sentences_cannot_break_an_event(why: str, container: str, pod_name: str) -> None:
    recommendation = a_recommendation(128, container)
    step = recommendation.limit_steps[0]
    hostile = type(recommendation)(container, 128 << 20, None, 64 << 20, None, (type(step)("r", None, 1, why),))
    assessment = an_assessment(
        RiskLevel.HIGH, a_container(RiskLevel.HIGH, container, new_kills=(a_kill(container),), recommendation=hostile)
    )
    for event in events_of(assessment):
        assert len(event.note.encode()) <= MAX_NOTE_BYTES
        assert re.fullmatch(r"[ -~]*", event.note)
        assert len(event.name(a_pod(name=pod_name))) <= 253


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,80}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?){0,3}", fullmatch=True))
def test_an_events_name_is_a_dns_subdomain_for_every_pod_name(pod_name: str) -> None:
    event = ObjectEvent(EventReason.OOM_KILLED, EventAction.OBSERVE, "Warning", "note", "subject", "once")
    name = event.name(a_pod(name=pod_name))
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name)
    assert len(name) <= 253
