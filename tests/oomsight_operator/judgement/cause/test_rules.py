"""The judgement of one kill: always one cause, in one bounded sentence of printable ASCII, whatever is told."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.cause.build import (
    MI,
    NODE,
    OWN,
    POD,
    child_kill,
    context,
    earlier,
    held,
    incident,
    kill,
    sample,
    task,
    victim,
)

from oomsight_api.bounds import MOST
from oomsight_api.incident import Incident, KillMemory, LastSample, OomScope, Task, Trigger, Victim
from oomsight_api.names import Cause
from oomsight_api.report import Container, Memory
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.cause.rules import MAX_SENTENCE, RULES, judge_cause
from oomsight_operator.judgement.kills.model import Kill

counts = st.none() | st.integers(0, MOST)
small = st.none() | st.integers(0, 1024 * MI)
amounts = counts | small
numbers = st.floats() | st.floats(0, 1e6)
names = st.text(max_size=40) | st.sampled_from(["app", "java", "x" * 1024, "\u0441" * 64])
runs = st.sampled_from(["a" * 64, "b" * 64, ""])
pids = st.none() | st.sampled_from([1, 17, MOST])


def rows(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A struct of the report with any amounts, and `fields`."""
    sizes = {name: amounts for name in kind.__struct_fields__ if name.endswith("_bytes")}
    return st.builds(kind, **{**sizes, **fields})


memories = rows(KillMemory, age_seconds=st.none() | numbers)
samples = rows(
    LastSample, age_seconds=numbers, refaults_per_second=st.none() | numbers, floor_slope_bytes_per_second=st.none() | numbers
)
kills = st.builds(
    Kill,
    time_seconds=numbers,
    container_name=names,
    container_id=runs,
    limit_bytes=amounts,
    peak_bytes=amounts,
    exit_code=st.none() | st.sampled_from([0, 1, 137]),
    processes=st.integers(-1, MOST),
    scope=st.none() | st.sampled_from(OomScope),
    victim_pid=pids,
    victim_name=st.none() | names,
    memory=st.none() | memories,
    before=st.none() | samples,
    cause=st.none(),
    not_before_seconds=st.none(),
    incident_id=st.none(),
)
incidents = st.builds(
    Incident,
    id=st.just("i"),
    time_seconds=st.just(0.0),
    limit_cgroup=st.none() | names | st.sampled_from(["/kubepods", f"/kubepods/podx/{'a' * 64}/x", "/"]),
    limit_container_id=st.none() | runs,
    victims=st.lists(rows(Victim, container_id=runs, pid=pids, name=names, oom_score_adj=st.none() | st.integers(-1000, 1000))).map(
        tuple
    ),
    tasks=st.lists(rows(Task, pid=st.sampled_from([1, 17]), name=names), max_size=3).map(tuple),
    trigger=st.none() | st.builds(Trigger, container_name=st.none() | names),
    oom_group=st.none() | st.booleans(),
    container_survived=st.none() | st.booleans(),
    memory=st.none(),
    before=st.none(),
)
contexts = st.builds(
    KillContext,
    container_name=names,
    pod_limit_bytes=amounts,
    request_bytes=amounts,
    started_at_seconds=st.none() | numbers,
    alone_in_pod=st.none() | st.booleans(),
    pod_rows=st.dictionaries(
        names,
        st.builds(
            Container, pod_uid=st.just("u"), container_id=runs, cgroup=st.just("/"), memory=rows(Memory, unlimited=st.none())
        ),
        max_size=3,
    ),
    earlier_kills=st.lists(kills, max_size=4).map(tuple),
    window_seconds=st.none() | numbers,
    incident=st.none() | incidents,
    kernel_log_following=st.none() | st.booleans(),
)


@given(kills, contexts)
def test_whatever_is_told_there_is_one_cause_in_one_printable_bounded_sentence(killed: Kill, known: KillContext) -> None:
    judged = judge_cause(killed, known)

    assert judged.cause in Cause
    assert 0 < len(judged.sentence) <= MAX_SENTENCE
    assert all(" " <= character <= "~" for character in judged.sentence)
    assert "(missing: )" not in judged.sentence


@given(kills, contexts)
def test_it_is_a_function_of_what_is_told(killed: Kill, known: KillContext) -> None:
    assert judge_cause(killed, known) == judge_cause(killed, known)


def test_the_longest_that_happens_is_not_cut() -> None:
    """A container with the longest name that Kubernetes allows, a process with the longest that the kernel does, all kinds."""
    name = "c" * 63
    full = held(1023 * MI, 1023 * MI, anon=701 * MI, file=203 * MI, shmem=101 * MI, kernel=111 * MI, swap=333 * MI)
    for killed, ran in (
        (kill(memory=full, before=sample(1001 * MI, 59.0, slope=50_000.0, working_set=1011 * MI)), 30_000.0),
        (kill(memory=full, before=sample(1001 * MI, 59.0, slope=0.0, working_set=1011 * MI)), 30_000.0),
        (kill(memory=full, before=sample(101 * MI, 59.0, slope=0.0, working_set=1011 * MI)), 30_000.0),
        (kill(memory=full), 30.0),
        (child_kill(None, memory=full, victim_name="abcdefghijklmno", processes=31), 30_000.0),
    ):
        known = KillContext(
            name, started_at_seconds=killed.time_seconds - ran, earlier_kills=earlier(*range(100, 131)), window_seconds=86400.0
        )
        assert not judge_cause(killed, known).sentence.endswith("..."), killed


def test_first_whose_memory_then_what_filled_it_then_how() -> None:
    """One kill for which all of them hold, one condition less at a time."""
    tmpfs = held(anon=100 * MI, file=400 * MI, shmem=390 * MI)
    cache = held(anon=100 * MI, file=400 * MI, shmem=0)
    anon = held(anon=480 * MI, file=8 * MI, shmem=0)
    steady, growing = sample(480 * MI, slope=0.0), sample(480 * MI, slope=100_000.0)
    grew = incident(victim(anon=400 * MI), tasks=(task(17, "worker", 400 * MI),))

    def cause(scope: OomScope | None, memory: KillMemory | None, before: LastSample | None, **more: Any) -> Cause:
        told = child_kill(scope, memory=memory, before=before)
        return judge_cause(told, context(alone_in_pod=False, **more)).cause

    assert cause(NODE, tmpfs, growing, ran=4.0, incident=grew) is Cause.NODE_PRESSURE
    assert cause(POD, tmpfs, growing, ran=4.0, incident=grew) is Cause.SHARED_MEMORY
    assert cause(POD, anon, growing, ran=4.0, incident=grew) is Cause.POD_LIMIT
    assert cause(OWN, anon, growing, ran=4.0, incident=grew) is Cause.CHILD_PROCESS
    assert cause(OWN, cache, growing, ran=4.0) is Cause.PAGE_CACHE_THRASH
    assert cause(OWN, anon, growing, ran=4.0) is Cause.STARTUP
    assert cause(OWN, anon, growing, ran=4000.0) is Cause.LEAK
    assert cause(OWN, anon, sample(48 * MI), ran=4000.0) is Cause.BURST
    assert cause(OWN, anon, steady, ran=4000.0) is Cause.LIMIT_TOO_LOW
    assert cause(OWN, anon, None, ran=4000.0) is Cause.UNKNOWN


def test_the_order_is_the_tables() -> None:
    assert [rule.cause for rule in RULES] == [
        Cause.NODE_PRESSURE,
        Cause.SHARED_MEMORY,
        Cause.POD_LIMIT,
        Cause.CHILD_PROCESS,
        Cause.PAGE_CACHE_THRASH,
        Cause.STARTUP,
        Cause.LEAK,
        Cause.BURST,
        Cause.LIMIT_TOO_LOW,
        Cause.UNKNOWN,
    ]


def test_nothing_known_at_all() -> None:
    judged = judge_cause(kill(None, limit=None), KillContext("app"))

    assert judged.cause is Cause.UNKNOWN
    assert "0" not in judged.sentence
