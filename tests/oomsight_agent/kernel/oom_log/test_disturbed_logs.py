"""Real logs with records of others in between, in fragments, forged, read in parts, or with records missing: no OOM is invented."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oomsight_agent.kernel.oom_log.logs import NAMES, ooms, real_log, renumbered, without_numbers

from oomsight_agent.kernel.kmsg_record import KmsgRecord
from oomsight_agent.kernel.oom_log.assembler import OomLog
from oomsight_agent.kernel.oom_log.model import LogOom

every_real_log = pytest.mark.parametrize("name", NAMES)
two_logs = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)
few_examples = settings(max_examples=6)

OTHERS = st.sampled_from(
    (
        b"random: crng init done",
        b"eth0: renamed from tmp1",
        b"systemd[1]: web.service: Main process exited, code=killed, status=9/KILL",
        b"Process 12 (web) killed by the debugger",
        b"TCP: out of memory -- consider tuning tcp_mem",
        b"oom_reaper: reaped process 1 (init), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
        b"oom-kill:x[9]: segfault at 0 ip 0 sp 0 error 4",
        b"Killed process [9]: segfault at 0 ip 0 sp 0 error 4",
        b"CPU: 7 UID: 0 PID: 1 Comm: other Not tainted 6.12.0 #1",
        b"[drm] Initialized bochs-drm 1.0.0",
        b"[  1]",
        b" dump_stack_lvl+0x57/0x80",
        b"",
        b"1048576 blocks",
        b"Memory: 8162464K/8388608K available",
        b"swapper/0: page allocation failure: order:0, mode:0x40(GFP_NOWAIT), nodemask=(null),cpuset=/,mems_allowed=0",
        b"cgroup: fork rejected by pids controller in /kubepods/burstable/pod1",
    )
)
SPLITS_FROM = len(b"oom-kill:constraint=")
"""Printed in one piece; a process can have no name as long."""


def undisturbed(name: str) -> list[LogOom]:
    return without_numbers(ooms(real_log(name)))


def other(text: bytes, near: KmsgRecord) -> KmsgRecord:
    return near._replace(text=text, flag=b"-", level=6)


@every_real_log
@few_examples
@given(data=st.data())
def test_records_of_others_in_between_change_nothing(name: str, data: st.DataObject) -> None:
    records = real_log(name)
    for text in data.draw(st.lists(OTHERS, min_size=1, max_size=8)):
        at = data.draw(st.integers(0, len(records) - 1))
        records.insert(at, other(text, records[at]))
    assert without_numbers(ooms(renumbered(records))) == undisturbed(name)


@every_real_log
@few_examples
@given(data=st.data())
def test_a_context_in_fragments_reads_like_the_whole(name: str, data: st.DataObject) -> None:
    records: list[KmsgRecord] = []
    for record in real_log(name):
        if not record.text.startswith(b"oom-kill:"):
            records.append(record)
            continue
        cuts = data.draw(st.lists(st.integers(SPLITS_FROM, len(record.text)), max_size=4).map(sorted))
        for number, (start, end) in enumerate(pairwise((0, *cuts, len(record.text)))):
            records.append(record._replace(text=record.text[start:end], flag=b"c" if number else b"-", level=4 if number else 6))
            records.extend(other(text, record) for text in data.draw(st.lists(OTHERS, max_size=2)))
    assert without_numbers(ooms(renumbered(records))) == undisturbed(name)


@every_real_log
@few_examples
@given(data=st.data())
def test_forged_copies_of_the_logs_own_lines_change_nothing(name: str, data: st.DataObject) -> None:
    records = real_log(name)
    own = records.copy()
    for copied in data.draw(st.lists(st.sampled_from(own), min_size=1, max_size=8)):
        forged = copied._replace(facility=data.draw(st.integers(1, 23)), flag=data.draw(st.sampled_from((b"-", b"c", b"+"))))
        records.insert(data.draw(st.integers(0, len(records))), forged)
    assert without_numbers(ooms(renumbered(records))) == undisturbed(name)


@every_real_log
@few_examples
@given(data=st.data())
def test_a_log_read_in_any_parts_says_the_same(name: str, data: st.DataObject) -> None:
    records = real_log(name)
    cuts = data.draw(st.lists(st.integers(0, len(records)), max_size=12).map(sorted))
    log = OomLog()
    last = {oom.seq: oom for start, end in pairwise((0, *cuts, len(records))) for oom in log.feed(records[start:end])}
    assert list(last.values()) == ooms(records)


def one_after_the_other(names: list[str]) -> list[KmsgRecord]:
    """As one log, in which the second OOM comes a millisecond after the first."""
    first, second = (real_log(name) for name in names)
    start = first[-1].usec + 1000 - second[0].usec
    return renumbered([*first, *(record._replace(usec=record.usec + start) for record in second)])


@settings(max_examples=100)
@given(names=two_logs, data=st.data())
def test_lost_records_give_no_kill_to_anothers_dump(names: list[str], data: st.DataObject) -> None:
    records = one_after_the_other(names)
    whole = {kill.pid: oom for oom in ooms(records) for kill in oom.kills}
    start = data.draw(st.integers(0, len(records)))
    end = data.draw(st.integers(start, len(records)))
    kept = records[:start] + records[end:]
    found = ooms(kept)
    for oom in found:
        truths = {whole[kill.pid].seq: whole[kill.pid] for kill in oom.kills}
        assert len(truths) <= 1  # kills of two OOMs are never one
        for truth in truths.values():
            assert oom.limit_cgroup in (None, truth.limit_cgroup)
            assert oom.task_cgroup in (None, truth.task_cgroup)
            assert oom.group_cgroup in (None, truth.group_cgroup)
            assert oom.trigger_pid in (None, truth.trigger_pid)
            assert oom.is_global in (None, truth.is_global)
            assert oom.memory in (None, truth.memory)
            assert oom.tasks in ((), truth.tasks)
    told = sorted(kill.pid for oom in found for kill in oom.kills)
    assert told == sorted(pids_killed(kept))


@pytest.mark.parametrize(
    "name", ["kmsg-6.1-v2-group", "kmsg-6.12-v2-group", "kmsg-6.12-v2-group-but-one", "kmsg-6.1-v2-node-group"]
)
def test_a_groups_first_victim_is_one_kill_though_the_line_between_its_two_is_lost(name: str) -> None:
    kept = [record for record in real_log(name) if not record.text.startswith(b"Tasks in ")]
    told = sorted(kill.pid for oom in ooms(kept) for kill in oom.kills)
    assert told == sorted(pids_killed(kept))


def pids_killed(records: list[KmsgRecord]) -> set[int]:
    return {
        int(record.text.partition(b"Killed process ")[2].split(b" ")[0])
        for record in records
        if record.facility == 0 and b": Killed process " in record.text
    }


@settings(max_examples=50)
@given(names=two_logs)
def test_kills_without_header_belong_to_no_dump_before_them(names: list[str]) -> None:
    """Beyond ten dumps in five seconds the kernel prints these lines alone."""
    first = real_log(names[0])
    start = first[-1].usec + 1000
    bare = [one._replace(usec=start) for one in real_log(names[1]) if b": Killed process " in one.text or b"Tasks in " in one.text]
    found = ooms(renumbered([*first, *bare]))
    count = len(ooms(first))
    assert without_numbers(found[:count]) == undisturbed(names[0])
    assert {kill.pid for oom in found[count:] for kill in oom.kills} == pids_killed(bare)
    for oom in found[count:]:
        assert (oom.limit_cgroup, oom.task_cgroup, oom.memory, oom.tasks) == (None, None, None, ())


PIECES = st.sampled_from(
    (
        b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a",
        b",task_memcg=/a/b",
        b",task=c,pid=1,uid=0",
        b"c invoked oom-killer: gfp_mask=0xcc0, order=0",
        b"CPU: 0 PID: 1 Comm: c",
        b"Mem-Info:",
        b"active_anon:1 free:2\n shmem:3",
        b"memory: usage 1kB, limit 2kB, failcnt 3",
        b"Memory cgroup stats for /a",
        b": cache:1KB rss:2KB",
        b"anon 5",
        b"[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        b"[    1]     0     1     1     1     1     1     0 c",
        b"Memory cgroup out of memory: Kill process 1 (c) score 1 or sacrifice child",
        b"Killed process 1 (c) total-vm:1kB, anon-rss:1kB, file-rss:1kB",
        b"Out of memory: Killed process 2 (c) total-vm:1kB, anon-rss:1kB, file-rss:1kB, shmem-rss:0kB",
        b"Tasks in /a are going to be killed due to memory.oom.group set",
        b"Out of memory and no killable processes...",
        b"OOM victim 1 (c) is already exiting. Skip killing the task",
        b"Task in /a/b killed as a result of limit of /a",
        b"99999999999999999999",
    )
)
ANY_RECORDS = st.lists(
    st.builds(
        KmsgRecord,
        seq=st.integers(0, 60),
        usec=st.integers(0, 10**7),
        facility=st.sampled_from((0, 0, 0, 1)),
        level=st.integers(0, 7),
        flag=st.sampled_from((b"-", b"-", b"c", b"+")),
        caller=st.sampled_from((b"", b"caller=T1", b"caller=T2")),
        text=st.lists(PIECES | st.binary(max_size=20), min_size=1, max_size=3).map(b"".join),
    ),
    max_size=40,
)


@given(records=ANY_RECORDS, in_order=st.booleans())
def test_no_records_break_it(records: list[KmsgRecord], *, in_order: bool) -> None:
    for oom in OomLog().feed(renumbered(records) if in_order else records):
        assert len(oom.tasks) <= 10
        assert len({kill.pid for kill in oom.kills}) == len(oom.kills)
        for path in (oom.limit_cgroup, oom.task_cgroup, oom.group_cgroup, oom.trigger_cpuset, oom.trigger_name):
            assert path is None or (path.isprintable() and path.isascii())
