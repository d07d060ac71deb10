"""What a MemoryRecommendation remembers of kills: each once, with what is known of it, whatever is learned of it later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import CONTAINER_ID, MI, NOW, a_kill

from oomsight_api.incident import KillMemory, OomScope
from oomsight_api.names import Cause
from oomsight_api.recommendation import KillEvidence, KillOutcome, KillRecord, KillScope
from oomsight_operator.judgement.kills.model import Kill, KillCause, KillSource
from oomsight_operator.publishing.kill_records import (
    ContainerMemory,
    explained,
    kill_hash,
    kill_of,
    merge_memories,
    record_hash,
    record_of,
    remember,
)

BOOT = "3b0c5a2e-1111-4222-8333-444455556666"
EXPLAINED = a_kill(
    source=KillSource.KERNEL_LOG,
    exit_code=137,
    sequence=3,
    incident_id=f"{BOOT}-1234",
    scope=OomScope.POD,
    container_ended=True,
    victim_pid=4711,
    victim_name="java",
    cause=KillCause(Cause.POD_LIMIT, "container app (process java, pid 4711) was killed at the limit 96Mi of its pod"),
)


def told(memory: ContainerMemory, *kills: Kill) -> ContainerMemory:
    return remember(memory, kills, "web-0", "uid-1")


def test_a_record_tells_what_the_kernel_told_and_why() -> None:
    record = record_of(EXPLAINED, "web-0", "uid-1")
    assert (record.source, record.scope, record.outcome) == (KillEvidence.KERNEL_LOG, KillScope.POD, KillOutcome.CONTAINER_ENDED)
    assert (record.process, record.pid, record.incident, record.sequence) == ("java", 4711, f"{BOOT}-1234", 3)
    assert (record.cause, record.cause_sentence) == (Cause.POD_LIMIT, EXPLAINED.cause.sentence if EXPLAINED.cause else None)


def test_a_kill_read_back_is_the_kill_that_was_written() -> None:
    assert kill_of(record_of(EXPLAINED, "web-0", "uid-1"), "app") == EXPLAINED


def test_a_kill_of_which_more_is_learned_is_told_anew_and_not_counted_again() -> None:
    first = a_kill(source=KillSource.COUNTER, incident_id=f"{BOOT}-c-3", sequence=3)
    clearer = replace(first, source=KillSource.KERNEL_LOG, scope=OomScope.NODE, victim_name="java", memory=KillMemory())
    before = told(ContainerMemory(), first)
    after = told(before, clearer)
    assert after.oom_kills == 1
    assert [(kill.scope, kill.process) for kill in after.kills] == [(KillScope.NODE, "java")]
    assert explained(after) > explained(before)
    assert told(after, clearer) is after


@pytest.mark.parametrize("incident_first", [True, False])
def test_the_second_witness_of_a_kill_that_stands_in_no_record_any_more_is_no_second_kill(incident_first: bool) -> None:
    by_kernel = a_kill(source=KillSource.KERNEL_LOG, incident_id=f"{BOOT}-9", container_ended=True)
    by_kubelet = a_kill(source=KillSource.STATUS)
    first, second = (by_kernel, by_kubelet) if incident_first else (replace(by_kubelet, incident_id=f"{BOOT}-9"), by_kernel)
    memory = replace(told(ContainerMemory(), first), kills=())
    after = told(memory, second)
    assert (after.oom_kills, after.kills) == (1, ())
    assert told(after, second) is after
    assert told(after, first).oom_kills == 1


def test_a_kill_of_a_child_that_a_restarted_agent_knows_from_the_counter_alone_is_no_second_one() -> None:
    by_log = a_kill(source=KillSource.KERNEL_LOG, incident_id=f"{BOOT}-9", sequence=3, container_ended=False)
    by_counter = a_kill(source=KillSource.COUNTER, incident_id=f"{BOOT}-c-3", sequence=3, container_ended=False)
    memory = replace(told(ContainerMemory(), by_log), kills=())
    assert told(memory, by_counter).oom_kills == 1
    assert told(memory, replace(by_counter, sequence=4, incident_id=f"{BOOT}-c-4")).oom_kills == 2


def test_a_kill_that_did_not_end_the_container_after_all_leaves_the_end_to_another() -> None:
    child = a_kill(source=KillSource.KERNEL_LOG, incident_id=f"{BOOT}-1", container_ended=True)
    corrected = replace(child, container_ended=False)
    ended = a_kill(source=KillSource.KERNEL_LOG, incident_id=f"{BOOT}-2", container_ended=True)
    memory = told(told(told(ContainerMemory(), child), corrected), corrected, ended)
    assert memory.oom_kills == 2


def test_a_kill_that_this_process_saw_told_by_another_witness_than_the_object_says_counts_once() -> None:
    standing = told(ContainerMemory(), a_kill(), a_kill(container_id="f" * 64))
    own = told(
        ContainerMemory(),
        a_kill(source=KillSource.KERNEL_LOG, incident_id=f"{BOOT}-9", container_ended=True, processes=3),
        a_kill(container_id="e" * 64),
    )
    merged = merge_memories(standing, own)
    assert merged.oom_kills == 3
    assert [(kill.container_id[0], kill.source) for kill in merged.kills] == [
        ("f", KillEvidence.STATUS),
        ("c", KillEvidence.KERNEL_LOG),
        ("e", KillEvidence.STATUS),
    ]
    assert merge_memories(merged, own) == merged


def test_processes_that_are_found_later_to_have_died_with_it_are_counted() -> None:
    first = a_kill(source=KillSource.KERNEL_LOG, incident_id=f"{BOOT}-9", processes=1)
    after = told(told(ContainerMemory(), first), replace(first, processes=4))
    assert (after.oom_kills, after.kills[0].processes) == (4, 4)


def test_one_oom_that_killed_in_two_containers_is_a_kill_of_each() -> None:
    kills = [a_kill(source=KillSource.KERNEL_LOG, incident_id=f"{BOOT}-9", container_id=run * 64) for run in "ab"]
    assert kill_hash(kills[0]) != kill_hash(kills[1])


def test_a_record_of_an_earlier_version_keeps_its_name() -> None:
    record = KillRecord(
        time="2026-03-01T10:00:00Z", pod="web-0", container_id=CONTAINER_ID, source=KillEvidence.COUNTER, sequence=3, limit="64Mi"
    )
    assert record_hash(record) == kill_hash(a_kill(source=KillSource.COUNTER, sequence=3))
    kill = kill_of(record, "app")
    assert kill is not None
    assert (kill.limit_bytes, kill.scope, kill.cause, kill.container_ended) == (64 * MI, None, None, None)


@given(name=st.text(max_size=80), incident=st.text(max_size=600), sentence=st.text(max_size=900), run=st.text(max_size=200))
def test_whatever_nodes_and_tenants_write_a_record_is_one_printable_line_each_and_keeps_its_name(
    name: str, incident: str, sentence: str, run: str
) -> None:
    kill = replace(
        EXPLAINED, victim_name=name, incident_id=incident, container_id=run, cause=KillCause(Cause.UNKNOWN, sentence), victim_pid=-7
    )
    record = record_of(kill, "web-0", "uid-1")
    assert KillRecord.model_validate(record.to_wire()) == record
    texts = (record.process, record.incident, record.cause_sentence, record.container_id)
    assert all(text is not None and text.isascii() and (text.isprintable() or not text) for text in texts)
    assert record_hash(record) == kill_hash(kill)
    read = kill_of(record, "app")
    assert read is not None
    assert record_of(read, "web-0", "uid-1") == record


@pytest.mark.parametrize("time", [NOW, float("inf"), -1e300, float("nan")])
def test_a_kill_at_no_time_is_counted_once_as_well(time: float) -> None:
    memory = told(ContainerMemory(), replace(EXPLAINED, time_seconds=time))
    assert told(memory, replace(EXPLAINED, time_seconds=time)) is memory
    assert memory.oom_kills == 1


def test_what_both_runs_of_the_operator_saw_is_counted_once() -> None:
    first, second, third = (a_kill(container_id=f"{n:064x}", at=NOW + n) for n in range(3))
    merged = merge_memories(told(ContainerMemory(), first, second), told(ContainerMemory(), second, third))
    assert merged.oom_kills == 3
    assert [kill.container_id for kill in merged.kills] == [f"{n:064x}" for n in range(3)]


def test_the_processes_of_a_kill_that_both_runs_saw_are_counted_once() -> None:
    memory = told(ContainerMemory(), a_kill(source=KillSource.COUNTER, processes=3, sequence=3))
    assert merge_memories(memory, memory).oom_kills == 3
