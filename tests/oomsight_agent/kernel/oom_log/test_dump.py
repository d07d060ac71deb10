"""Which dump a kill has, where a kernel's habits, or other lines in between, could mislead."""

from __future__ import annotations

import pytest
from tests.oomsight_agent.kernel.oom_log.logs import log, ooms

POD, CONTAINER = "/pod1", "/pod1/c1"
HEADER = b"app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=3"
USAGE = b"memory: usage 8192kB, limit 8192kB, failcnt 75"
TABLE = b"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name"
AMOUNTS = b"total-vm:18732kB, anon-rss:8192kB, file-rss:1404kB, shmem-rss:0kB"
GROUP = b"Tasks in /pod1/c1 are going to be killed due to memory.oom.group set"
EXITING = b"Memory cgroup out of memory: OOM victim 13 (app) is already exiting. Skip killing the task"


def row(pid: int) -> bytes:
    return b"[%5d]     0 %5d     4683     2357      15       3        0             0 app" % (pid, pid)


def dump(*pids: int) -> list[bytes]:
    """Of 5.4 and later, up to the table."""
    return [
        HEADER,
        b"CPU: 1 PID: 13 Comm: app Not tainted 5.10.0 #1",
        USAGE,
        b"Memory cgroup stats for /pod1:",
        b"anon 8302592",
        TABLE,
        *map(row, pids),
    ]


def old_dump(*pids: int) -> list[bytes]:
    """Of 4.10 to 4.20, up to the table."""
    context = b"Task in /pod1/c1 killed as a result of limit of /pod1"
    return [
        HEADER,
        b"app cpuset=c1 mems_allowed=0",
        context,
        USAGE,
        b"Memory cgroup stats for /pod1: cache:0KB rss:8108KB",
        TABLE,
        *map(row, pids),
    ]


def context(pid: int, limit: bytes = b"/pod1", task: bytes = b"/pod1/c1") -> bytes:
    head = b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c1,mems_allowed=0,"
    return head + b"oom_memcg=%s,task_memcg=%s,task=app,pid=%d,uid=0" % (limit, task, pid)


def chosen(pid: int) -> bytes:
    return b"Memory cgroup out of memory: Kill process %d (app) score 987 or sacrifice child" % pid


def killed_up_to_5_0(pid: int) -> bytes:
    return b"Killed process %d (app) %s" % (pid, AMOUNTS)


def killed(pid: int, prefix: bytes = b"Memory cgroup out of memory") -> bytes:
    return b"%s: Killed process %d (app) %s, UID:0 pgtables:60kB oom_score_adj:3" % (prefix, pid, AMOUNTS)


def test_a_failed_allocation_elsewhere_prints_the_nodes_memory_in_between() -> None:
    lines = dump(13)
    lines[3:3] = [b"kworker/0:1: page allocation failure: order:0, mode:0x40", b"Mem-Info:", b"active_anon:500 free:100\n shmem:3"]
    (oom,) = ooms(log(*lines, context(13), killed(13)))
    assert oom.memory is not None
    assert (oom.memory.usage_bytes, oom.memory.anon_bytes, oom.memory.free_bytes) == (8192 * 1024, 8302592, None)
    assert oom.is_global is False


def test_a_dump_whose_table_lacks_the_chosen_one_is_anothers() -> None:
    (oom,) = ooms(log(*old_dump(13, 14), chosen(99), killed_up_to_5_0(99)))
    assert (oom.is_global, oom.limit_cgroup, oom.memory, oom.tasks) == (False, None, None, ())


def test_of_two_that_were_chosen_the_dump_is_the_firsts() -> None:
    """The first went by itself: without its `Killed` line, and the second without header."""
    (oom,) = ooms(log(*old_dump(13, 14), chosen(13), chosen(14), killed_up_to_5_0(14)))
    assert ([kill.pid for kill in oom.kills], oom.limit_cgroup) == ([14], None)


def test_nobody_to_kill_on_4_19_names_the_limit() -> None:
    lines = old_dump(13)
    lines[2] = b"Memory limit reached of cgroup /pod1"
    (oom,) = ooms(log(*lines, b"Out of memory and no killable processes..."))
    assert (oom.kills, oom.is_global, oom.limit_cgroup, oom.task_cgroup) == ((), False, POD, None)
    assert [task.pid for task in oom.tasks] == [13]


def test_nobody_to_kill_is_not_said_of_a_dump_that_names_its_victim() -> None:
    records = log(*dump(13), context(13), b"Out of memory and no killable processes...")
    (oom,) = ooms([*records[:-1], records[-1]._replace(seq=900)])  # what came in between is lost
    assert (oom.kills, oom.limit_cgroup, oom.is_global) == ((), None, None)


def test_a_group_of_4_19_has_lines_without_prefix() -> None:
    lines = [*old_dump(13, 14, 15), chosen(13), killed_up_to_5_0(13), GROUP, *map(killed_up_to_5_0, (13, 14, 15))]
    (oom,) = ooms(log(*lines))
    assert [kill.pid for kill in oom.kills] == [13, 14, 15]
    assert (oom.limit_cgroup, oom.group_cgroup, oom.is_global) == (POD, CONTAINER, False)


def test_who_is_not_in_the_groups_table_dies_of_another_oom() -> None:
    lines = [*dump(13, 14), context(13), killed(13), GROUP, killed(14), killed(13), killed(99)]
    first, second = ooms(log(*lines))
    assert [kill.pid for kill in first.kills] == [13, 14]
    assert ([kill.pid for kill in second.kills], second.limit_cgroup, second.group_cgroup) == ([99], None, None)


def test_who_dies_for_the_node_is_no_member_of_a_containers_group() -> None:
    lines = [*dump(13, 14), context(13), killed(13), GROUP, killed(14, b"Out of memory")]
    first, second = ooms(log(*lines))
    assert (first.is_global, [kill.pid for kill in first.kills]) == (False, [13])
    assert (second.is_global, [kill.pid for kill in second.kills]) == (True, [14])


@pytest.mark.parametrize("going", [13, 15])
def test_a_group_goes_on_behind_a_member_that_has_gone_already(going: int) -> None:
    """As 6.1 and 6.12 log it where the first victim, or another, is quicker than its killer."""
    exiting = EXITING.replace(b"13", b"%d" % going)
    rest = [killed(pid) for pid in (15, 16) if pid != going]
    (oom,) = ooms(log(*dump(13, 14, 15, 16), context(13), killed(13), GROUP, killed(14), exiting, *rest))
    assert [kill.pid for kill in oom.kills] == [pid for pid in (13, 14, 15, 16) if pid != going or pid == 13]


def test_a_victim_of_another_oom_that_has_gone_already_ends_a_group() -> None:
    lines = [*dump(13, 14), context(13), killed(13), GROUP, EXITING.replace(b"13", b"99"), killed(14)]
    assert [[kill.pid for kill in oom.kills] for oom in ooms(log(*lines))] == [[13], [14]]


def test_a_group_dies_without_the_one_that_was_exiting() -> None:
    (oom,) = ooms(log(*dump(13, 14, 15), context(13), EXITING, GROUP, killed(14), killed(15)))
    assert [kill.pid for kill in oom.kills] == [14, 15]
    assert (oom.limit_cgroup, oom.task_cgroup, oom.group_cgroup) == (POD, CONTAINER, CONTAINER)


@pytest.mark.parametrize("between", [(), (GROUP,)])
def test_after_one_that_was_exiting_the_next_without_header_has_no_dump(between: tuple[bytes, ...]) -> None:
    (oom,) = ooms(log(*dump(13, 14), context(13), EXITING, *between, killed(99)))
    assert ([kill.pid for kill in oom.kills], oom.limit_cgroup, oom.tasks) == ([99], None, ())


def test_a_context_whose_header_is_lost_has_no_other_dump() -> None:
    records = log(*dump(13), context(13), context(14, b"/pod2", b"/pod2/c2"), killed(14))
    lost = [record._replace(seq=record.seq + 50) if number >= len(records) - 2 else record for number, record in enumerate(records)]
    (oom,) = ooms(lost)
    assert (oom.limit_cgroup, oom.task_cgroup) == ("/pod2", "/pod2/c2")
    assert (oom.memory, oom.tasks, oom.trigger_name) == (None, (), None)


def test_a_group_does_not_go_on_behind_a_gap() -> None:
    """A pod's table names the processes of all its containers: what is lost may be the header of another one's OOM."""
    records = log(*dump(13, 14, 15), context(13), killed(13), GROUP, killed(14), killed(15))
    lost = [*records[:-1], records[-1]._replace(seq=900)]
    assert [[kill.pid for kill in oom.kills] for oom in ooms(lost)] == [[13, 14], [15]]


def test_the_trigger_is_whom_the_header_names() -> None:
    lines = dump(13)
    lines.insert(1, b"CPU: 0 PID: 1 Comm: other Tainted: G W 5.10.0 #1")
    (oom,) = ooms(log(*lines, context(13), killed(13)))
    assert (oom.trigger_pid, oom.trigger_name, oom.trigger_cpuset) == (13, "app", "c1")
