"""SharedMemory: what no kill frees."""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import MI, NODE, POD, context, held, incident, kill, sample, victim

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause


def test_mostly_tmpfs_when_it_was_killed() -> None:
    judged = judge_cause(kill(memory=held(anon=100 * MI, file=400 * MI, shmem=390 * MI, kernel=12 * MI)), context())

    assert judged.cause is Cause.SHARED_MEMORY
    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 100Mi anonymous, 10Mi page cache, 390Mi shared memory, 12Mi kernel"
        " (kernel log); tmpfs files (emptyDir medium Memory, /dev/shm) or shared memory are most of it and no kill frees them:"
        " expect repeats"
    )


def test_shared_memory_that_the_killed_process_maps_is_its_own() -> None:
    killed = kill(memory=held(anon=100 * MI, file=400 * MI, shmem=390 * MI), victim_pid=17)

    judged = judge_cause(killed, context(incident=incident(victim(shmem=380 * MI))))

    assert judged.cause is Cause.SHARED_MEMORY
    assert judged.sentence.endswith("shared memory is most of it, 380Mi of that mapped by the killed process")


def test_without_the_log_the_last_sample_must_fill_half_of_the_limit() -> None:
    half = kill(before=sample(300 * MI, anon=44 * MI, file=260 * MI, shmem=256 * MI))
    less = kill(before=sample(30 * MI, anon=0, file=30 * MI, shmem=30 * MI))
    stale = kill(before=sample(300 * MI, age=1200.0, anon=44 * MI, file=260 * MI, shmem=256 * MI))

    assert judge_cause(half, context()).cause is Cause.SHARED_MEMORY
    assert judge_cause(less, context()).cause is Cause.BURST
    assert judge_cause(stale, context()).cause is Cause.UNKNOWN


def test_whosever_limit_of_the_pod_it_was_the_files_are_the_cause() -> None:
    filled = held(anon=100 * MI, file=400 * MI, shmem=390 * MI)

    assert judge_cause(kill(POD, memory=filled), context(alone_in_pod=False)).cause is Cause.SHARED_MEMORY
    assert judge_cause(kill(NODE, memory=filled), context()).cause is Cause.NODE_PRESSURE


def test_shmem_that_is_not_told_is_no_evidence() -> None:
    judged = judge_cause(kill(memory=held(file=500 * MI)), context())

    assert judged.cause is Cause.UNKNOWN
    assert "500Mi page cache and shared memory (kernel log)" in judged.sentence
