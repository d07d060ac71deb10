"""The first part of each sentence: who, where, what, and what was seen before. Absent is never 0, and names deceive nobody."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.cause.build import (
    MI,
    NODE,
    OTHER,
    RUN,
    child_kill,
    context,
    held,
    incident,
    kill,
    sample,
    victim,
)

from oomsight_api.incident import KillMemory
from oomsight_operator.judgement.cause.account import account, container_name, process_name, span
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.cause.rules import judge_cause


def test_absent_kinds_are_left_out_and_known_zeros_of_the_main_kinds_are_told() -> None:
    assert account(kill(memory=held(anon=500 * MI)), context()).endswith("512Mi: 500Mi anonymous (kernel log)")
    assert account(kill(memory=held(usage=None, anon=0, file=0, shmem=0, kernel=0, swap=0)), context()).endswith(
        "512Mi: 0 anonymous, 0 page cache, 0 kernel (kernel log)"
    )
    assert account(kill(memory=held(swap=30 * MI, kernel=4 * MI)), context()).endswith(
        "512Mi: 4Mi kernel, 30Mi swapped out (kernel log)"
    )


def test_usage_alone_is_no_split() -> None:
    assert account(kill(memory=held()), context()).endswith("512Mi, and what it held is not known")


def test_without_the_log_the_numbers_are_of_the_last_sample_and_say_so() -> None:
    aged = kill(memory=held(age=7.0, anon=300 * MI, file=20 * MI, shmem=5 * MI))
    before = kill(before=sample(anon=300 * MI, file=20 * MI, shmem=5 * MI, age=7.0, working_set=310 * MI))

    split = "512Mi: 300Mi anonymous, 15Mi page cache, 5Mi shared memory (last sample 7 s before)"
    assert account(aged, context()).endswith(split)
    assert account(before, context()).endswith(f"{split}; kubectl top showed 310Mi then")


def test_the_log_wins_over_the_last_sample() -> None:
    both = kill(memory=held(anon=500 * MI), before=sample(anon=10 * MI))

    assert account(both, context()).endswith("512Mi: 500Mi anonymous (kernel log)")


def test_what_is_of_no_kind_is_told_where_it_matters() -> None:
    """Only where all kinds are known at the kill: else the rest is what was not told."""
    rest = {"anon": 400 * MI, "file": 0, "shmem": 0, "kernel": 12 * MI}

    assert "12Mi kernel, 100Mi other (kernel log)" in account(kill(memory=held(**rest)), context())
    assert "other" not in account(kill(memory=held(usage=430 * MI, **rest)), context())
    assert "other" not in account(kill(memory=held(anon=400 * MI, kernel=12 * MI)), context())
    assert "other" not in account(kill(memory=held(age=3.0, **rest)), context())


def test_shmem_above_the_cache_makes_no_negative_cache() -> None:
    """Two counters that are read one after the other."""
    assert "0 page cache, 9Mi shared memory" in account(kill(memory=held(file=8 * MI, shmem=9 * MI)), context())


def test_the_limit_in_force_is_the_logs_then_the_kills() -> None:
    assert "limit 256Mi:" in account(kill(memory=held(limit=256 * MI, anon=1)), context())
    assert "limit 512Mi:" in account(kill(memory=held(limit=None, anon=1)), context())
    assert "own limit:" in account(kill(limit=None, memory=held(limit=None, anon=1)), context())


def test_a_cgroup_inside_the_container() -> None:
    inside = incident(victim(), limit_cgroup=f"/kubepods/burstable/podx/{RUN}/build")

    told = account(child_kill(OTHER, memory=held(64 * MI, 64 * MI, anon=60 * MI)), context(incident=inside))

    assert told == (
        "process worker (pid 17) of container app was killed at the limit 64Mi of a cgroup inside it: that cgroup held 60Mi"
        " anonymous (kernel log)"
    )


@pytest.mark.parametrize(
    ("processes", "ended", "who"),
    [
        (1, True, "container app (process worker, pid 17) was killed"),
        (5, True, "container app (process worker, pid 17 and 4 more) was killed"),
        (1, False, "process worker (pid 17) of container app was killed"),
        (5, False, "process worker (pid 17) and 4 more of container app were killed"),
    ],
)
def test_who_was_killed(processes: int, ended: bool, who: str) -> None:
    told = kill if ended else child_kill

    assert account(told(victim_pid=17, victim_name="worker", processes=processes), context()).startswith(who)


def test_counted_processes_without_a_name() -> None:
    assert account(kill(processes=14), context()).startswith("container app (14 processes) was killed")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("java", "java"),
        ("kworker/0:1", "kworker/0:1"),
        ("a,pid=1,uid=0", '"a,pid=1,uid=0"'),
        ("n\\x0al) total-vm:9", '"n\\x0al) total-vm:9"'),  # as the agent tells it: escaped already
        ("n\nl", '"n\\nl"'),
        ('x" was killed', '"x\' was killed"'),
        ("", '""'),
        ("\u0441\u043e", '"\\u0441\\u043e"'),
    ],
)
def test_a_process_name_cannot_pose_as_the_sentence(name: str, shown: str) -> None:
    assert process_name(name) == shown


def test_names_are_bounded() -> None:
    assert len(process_name("\u0441" * 1024)) <= 42
    assert container_name("x" * 200) == "x" * 60 + "..."
    assert "\n" not in account(kill(), KillContext("app\nnode"))


def test_ages_that_no_clock_gives() -> None:
    assert span(-3.0) == "less than 1 s"
    assert span(1.9) == "1 s"
    assert span(float("nan")) == "an unknown time"
    assert span(1e300) == "36500 days"
    killed = kill(memory=KillMemory(age_seconds=float("nan"), anon_bytes=MI), before=sample(age=float("nan"), working_set=MI))
    assert account(killed, context()).endswith(
        "1Mi anonymous (last sample an unknown time before); kubectl top showed 1Mi an unknown time before"
    )


def test_the_victims_own_size_is_told_where_nothing_is_known_of_its_cgroup() -> None:
    died = incident(victim(17, "java", anon=900 * MI, file_rss_bytes=MI))
    alone = judge_cause(kill(NODE, victim_pid=17, victim_name="java"), context(incident=died))
    first = judge_cause(kill(NODE, victim_pid=17, processes=3), context(incident=died))

    assert "ran out of memory: the killed process held 901Mi resident (kernel log); its own limit" in alone.sentence
    assert "the first killed process held 901Mi resident" in first.sentence
