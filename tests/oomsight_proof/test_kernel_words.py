"""The kernel's own words, as the harness reads them beside waitpid."""

from __future__ import annotations

from collections import Counter

import pytest

from oomsight_proof.kernel_words import Difference, Words, difference, disagreement, parse

SIZES = b"total-vm:66604kB, anon-rss:16256kB, file-rss:592kB, shmem-rss:0kB, UID:0 pgtables:72kB oom_score_adj:0"


@pytest.mark.parametrize(
    ("record", "pid"),
    [
        (b"3,530,1539695440,-;Memory cgroup out of memory: Killed process 29090 (app) " + SIZES + b"\n", 29090),
        (b"3,531,1539695440,-;Out of memory: Killed process 7 (app) " + SIZES + b"\n", 7),
        (b"3,531,1539695440,-,caller=T7;Out of memory (oom_kill_allocating_task): Killed process 7 (a) " + SIZES + b"\n", 7),
        (b"3,532,1539695440,-;Killed process 8 (app) " + SIZES + b"\n", 8),
    ],
    ids=["cgroup", "node", "allocating task", "before 5.1"],
)
def test_a_killed_line_names_its_pid(record: bytes, pid: int) -> None:
    assert parse(record) == pid


@pytest.mark.parametrize(
    "record",
    [
        b"11,530,1539695440,-;Memory cgroup out of memory: Killed process 1 (app) " + SIZES + b"\n",
        b"6,530,1539695440,-;Killed process [77]: segfault at 8 ip 0 sp 0 error 6 in cell\n",
        b"4,530,1539695440,-;Killed process 1 ( invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0\n",
        b"6,530,1539695440,-;[  77]  0  77  1  1  0  0  0 Killed process 1 (\n",
        b"6,530,1539695440,-;x: Killed process 1 (\n",
        b"nonsense",
        b"",
    ],
    ids=["user space", "a crash", "a trigger's name", "the task table", "another prefix", "no record", "empty"],
)
def test_nothing_else_does(record: bytes) -> None:
    assert parse(record) is None


def test_what_came_between_two_moments() -> None:
    before, after = Words(5, (1, 2), 0), Words(8, (1, 2, 3, 3, 4), 1)
    assert difference(before, after) == Difference(3, Counter({3: 2, 4: 1}), 1)


def test_waitpid_log_and_counter_agree_when_others_died_and_a_group_counts_its_first_twice() -> None:
    said = Difference(vmstat_kills=4, logged=Counter({10: 2, 11: 1, 99: 1}), records_lost=0)
    assert disagreement(said, {10, 11}, {10, 11, 12}) is None


def test_a_kill_that_only_waitpid_or_only_the_log_knows_is_told() -> None:
    said = Difference(vmstat_kills=1, logged=Counter({10: 1}), records_lost=0)
    assert disagreement(said, {10, 11}, {10, 11}) == "the log names 1 of ours, waitpid 2: differing are [11]"
    assert disagreement(said, set(), {10, 11}) == "the log names 1 of ours, waitpid 0: differing are [10]"


def test_a_counter_that_differs_from_the_log_is_told() -> None:
    said = Difference(vmstat_kills=2, logged=Counter({10: 1}), records_lost=0)
    assert disagreement(said, {10}, {10}) == "vmstat counted 2 kills, the log names 1"


def test_a_log_with_holes_is_no_witness_but_the_counter_is() -> None:
    said = Difference(vmstat_kills=1, logged=Counter(), records_lost=3)
    assert disagreement(said, {10}, {10}) is None
    assert disagreement(said, {10, 11}, {10, 11}) == "vmstat counted 1, waitpid 2"
