"""Which lines belong to which OOM. The cases are those of existing tools' failures, and of names made to deceive."""

from __future__ import annotations

import pytest
from tests.oomsight_agent.kernel.oom_log.logs import ooms, real_log
from tests.oomsight_agent.kernel.oom_log.made_logs import (
    AMOUNTS,
    CONTEXT,
    EXITING,
    GROUP,
    HEADER,
    KILLED,
    dump,
    numbered,
    record,
    told,
)

from oomsight_agent.kernel.kmsg_record import KmsgRecord
from oomsight_agent.kernel.oom_log.assembler import OomLog
from oomsight_agent.kernel.oom_log.model import LogOom

HOSTILE = [
    "x,pid=1,uid=0",
    "a)",
    "a,b",
    ") total-vm:9kB,",
    ",task_memcg=/x",
    "n\nl) total-vm:9",
    "\x01\x7f\x1b[2J",
    "",
    " ",
    "oom-kill:",
    "\\x41",
]


def pids(found: tuple[LogOom, ...]) -> list[list[int]]:
    return [[kill.pid for kill in oom.kills] for oom in found]


def test_fourteen_kills_within_a_second_are_fourteen_kills() -> None:
    found = told(real_log("kmsg-6.18-v1-2"))
    assert [oom.kills[0].name for oom in found] == [f"m{n}" for n in range(1, 15)]
    assert all(len(oom.kills) == 1 for oom in found)
    assert [oom.limit_cgroup for oom in found] == ["/r2-b"] * 10 + [None] * 4  # beyond ten dumps the kernel says no more
    assert [oom.is_global for oom in found] == [False] * 14


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_a_node_wide_kill_names_its_victims_pod_and_no_limit(kernel: str) -> None:
    (oom,) = told(real_log(f"kmsg-{kernel}-v2-node"))
    assert oom.is_global is True
    assert oom.limit_cgroup is None
    assert oom.task_cgroup is not None
    assert "/kubepods/burstable/pod" in oom.task_cgroup


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_a_group_is_one_oom_with_each_victim_once(kernel: str) -> None:
    (oom,) = told(real_log(f"kmsg-{kernel}-v2-group"))
    assert [kill.name for kill in oom.kills] == ["app", "worker-0", "worker-1", "worker-2"]
    assert oom.group_cgroup == oom.task_cgroup
    (node_wide,) = told(real_log(f"kmsg-{kernel}-v2-node-group"))
    assert [kill.name for kill in node_wide.kills] == ["glutton", "member"]


def test_a_context_in_fragments_reads_like_the_whole() -> None:
    records = real_log("kmsg-6.18-v1-fragmented")
    (oom,) = told(records)
    first, *rest = [n for n, one in enumerate(records) if one.text.startswith(b"oom-kill:") or one.flag == b"c"]
    joined = records[first]._replace(text=b"".join(records[n].text for n in (first, *rest)))
    whole = numbered([*records[:first], joined, *records[rest[-1] + 1 :]], records[0].seq)
    assert told(whole)[0].task_cgroup == oom.task_cgroup
    assert oom.limit_cgroup == "/r2-c"
    assert oom.task_cgroup is not None
    assert oom.task_cgroup.startswith("/r2-c/xxx")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_deceive(name: str) -> None:
    (oom,) = told(numbered([*dump(name=name), KILLED.format(pid=13, name=name)]))
    assert [(kill.pid, kill.uid, kill.total_vm_bytes) for kill in oom.kills] == [(13, 0, 18732 * 1024)]
    assert (oom.limit_cgroup, oom.task_cgroup) == ("/pod", "/pod/c")
    assert oom.kills[0].name.isprintable() or not oom.kills[0].name
    assert oom.kills[0].name == oom.tasks[0].name


@pytest.mark.parametrize("name", HOSTILE)
def test_who_triggered_it_cannot_deceive_either(name: str) -> None:
    lines = dump()
    lines[0] = lines[0].replace("app", name, 1)
    lines[1] = lines[1].replace("Comm: app", f"Comm: {name}")
    (oom,) = told(numbered([*lines, KILLED.format(pid=13, name="app")]))
    assert (oom.kills[0].pid, oom.limit_cgroup, oom.trigger_pid) == (13, "/pod", 13)


@pytest.mark.parametrize("cpuset", ["x,mems_allowed=0,global_oom,task_memcg=", "x,mems_allowed=0,oom_memcg=", "a,cpuset=b", ","])
def test_a_cgroups_name_cannot_deceive(cpuset: str) -> None:
    (oom,) = told(numbered([*dump(cpuset=cpuset), KILLED.format(pid=13, name="app")]))
    assert (oom.is_global, oom.limit_cgroup, oom.task_cgroup, oom.trigger_cpuset) == (False, "/pod", "/pod/c", cpuset)


def test_a_forged_record_of_user_space_says_nothing() -> None:
    forged = [record(line, facility=1) for line in [*dump(pid=1, name="init"), KILLED.format(pid=1, name="init")]]
    assert told(numbered(forged)) == ()
    assert pids(told(real_log("kmsg-6.12-v2-forged"))) == [[193]]


def test_limit_owner_victim_and_trigger_are_three() -> None:
    (first, second) = told(real_log("kmsg-6.12-v2-pod"))
    assert first.limit_cgroup == "/kubepods/burstable/podb8b74fb8-9241-40b8-9e4c-4cef646c2ce8"
    assert first.task_cgroup is not None
    assert first.task_cgroup.startswith(first.limit_cgroup + "/")
    assert (first.kills[0].name, first.trigger_name) == ("first", "second")
    assert first.trigger_cpuset is not None
    assert not first.task_cgroup.endswith(first.trigger_cpuset)
    assert second.task_cgroup is not None
    assert second.task_cgroup.endswith(first.trigger_cpuset)


def test_it_is_told_at_the_first_killed_line() -> None:
    records = real_log("kmsg-6.12-v2-group")
    log = OomLog()
    told_at = [(one.seq, [kill.pid for kill in oom.kills]) for one in records for oom in log.feed([one])]
    assert told_at == [
        (799, [180]),
        (801, [180, 177]),
        (802, [180, 177, 178]),
        (803, [180, 177, 178, 179]),
        (804, [180, 177, 178, 179]),
    ]


def test_a_kill_without_a_dump_is_not_joined_to_the_dump_of_another() -> None:
    found = told(numbered([*dump(), KILLED.format(pid=99, name="other"), KILLED.format(pid=13, name="app")]))
    assert pids(found) == [[99], [13]]
    assert [oom.limit_cgroup for oom in found] == [None, None]


def test_a_dump_serves_one_kill() -> None:
    killed = KILLED.format(pid=13, name="app")
    found = told(numbered([*dump(), killed, killed]))
    assert [oom.limit_cgroup for oom in found] == ["/pod", None]


def test_the_scope_of_a_kill_without_a_dump_is_in_its_line() -> None:
    lines = [
        KILLED.format(pid=1, name="a"),
        f"Out of memory: Killed process 2 (b) {AMOUNTS}",
        f"Out of memory (oom_kill_allocating_task): Killed process 3 (c) {AMOUNTS}",
        f"Killed process 4 (d) {AMOUNTS}",
    ]
    found = told(numbered(lines))
    assert [oom.is_global for oom in found] == [False, True, True, None]
    assert pids(found) == [[1], [2], [3], [4]]


def test_a_victim_that_exits_by_itself_is_no_kill() -> None:
    lines = [*dump(), EXITING.format(pid=13)]
    assert told(numbered(lines)) == ()
    assert pids(told(numbered([*lines, KILLED.format(pid=14, name="next")]))) == [[14]]


def test_the_group_of_a_victim_that_exits_by_itself_dies_as_one() -> None:
    lines = [
        *dump(),
        EXITING.format(pid=13),
        GROUP.format(path="/pod/c"),
        KILLED.format(pid=13, name="other"),
        KILLED.format(pid=13, name="app"),
    ]
    (oom,) = told(numbered(lines))
    assert (oom.limit_cgroup, oom.task_cgroup, oom.group_cgroup) == ("/pod", "/pod/c", "/pod/c")


def test_nobody_to_kill_is_an_oom_without_victims() -> None:
    """Told once, however often the kernel says so, until it was silent about it for ten seconds."""
    records = real_log("kmsg-6.12-v2-no-victim")
    (oom,) = told(records)
    assert (oom.seq, oom.kills, oom.is_global, oom.trigger_name) == (39465, (), False, "unkillable")
    later = [record._replace(usec=record.usec + 11_000_000) if record.seq > 39465 else record for record in records]
    assert [oom.seq for oom in told(later)] == [39465, 39560]


def test_the_reaper_kills_nobody() -> None:
    lines = [*dump(), KILLED.format(pid=13, name="app"), "oom_reaper: reaped process 13 (app), now anon-rss:0kB, file-rss:0kB"]
    assert pids(told(numbered(lines))) == [[13]]


def test_a_group_ends_with_its_last_member() -> None:
    """Whom no table names, and who dies much later, is another OOM's."""
    later = record(KILLED.format(pid=77, name="late"), usec=60_000_000)
    lines: list[KmsgRecord | str] = [
        *dump(),
        KILLED.format(pid=13, name="app"),
        GROUP.format(path="/pod/c"),
        KILLED.format(pid=13, name="app"),
        later,
    ]
    assert pids(told(numbered(lines))) == [[13], [77]]


@pytest.mark.parametrize("lost", range(11))
def test_lost_records_take_no_kill_along_and_invent_no_owner(lost: int) -> None:
    """A gap before any of the lines: the kill is told, and of its dump what certainly is its."""
    records = numbered([*dump(), KILLED.format(pid=13, name="app")])
    gapped = [one._replace(seq=one.seq + 5) if n >= lost else one for n, one in enumerate(records)]
    (oom,) = told(gapped)
    assert [kill.pid for kill in oom.kills] == [13]
    assert oom.limit_cgroup == "/pod"  # the context names the pid, so it is this kill's wherever the gap was
    assert (oom.trigger_pid is None) == (0 < lost < 10)


def test_after_a_gap_no_group_line_grows_an_old_oom() -> None:
    records = numbered([*dump(), KILLED.format(pid=13, name="app"), GROUP.format(path="/other"), KILLED.format(pid=50, name="b")])
    gapped = [one._replace(seq=one.seq + 5) if n >= 11 else one for n, one in enumerate(records)]
    found = told(gapped)
    assert pids(found) == [[13], [50]]
    assert found[0].group_cgroup is None


def test_the_oom_of_another_does_not_inherit_what_an_unfinished_dump_said() -> None:
    lines = [*dump(pid=5, name="gone", limit="/a", task="/a/b"), *dump(), KILLED.format(pid=13, name="app")]
    (oom,) = told(numbered(lines))
    assert (oom.limit_cgroup, [task.pid for task in oom.tasks]) == ("/pod", [13])


def test_sysrq_makes_an_oom_of_the_node() -> None:
    lines = [
        "sysrq: Manual OOM execution",
        "kworker/0:1 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0",
        "CPU: 0 PID: 9 Comm: kworker/0:1 Not tainted 6.12.0 #1",
        "Mem-Info:",
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/a/b,task=c,pid=7,uid=5",
        f"Out of memory: Killed process 7 (c) {AMOUNTS}",
    ]
    (oom,) = told(numbered(lines))
    assert (oom.is_global, oom.task_cgroup, oom.trigger_name, oom.trigger_pid) == (True, "/a/b", "kworker/0:1", 9)


def test_what_is_kept_is_bounded() -> None:
    """Neither endless fragments nor endless groups grow the agent."""
    fragments = [
        record(CONTEXT.format(cpuset="c", limit="/p", task="/p", name="", pid=1)[:40]),
        *[record(b"x" * 900, flag=b"c")] * 500,
    ]
    log = OomLog()
    assert log.feed(numbered([HEADER, *fragments])) == ()
    group = [HEADER, KILLED.format(pid=1, name="a"), GROUP.format(path="/p" + "x" * 7000)]
    (oom,) = OomLog().feed(numbered([*group, *(KILLED.format(pid=n, name="b") for n in range(2, 5000))]))
    assert len(oom.kills) == 4096
    assert oom.group_cgroup is not None
    assert len(oom.group_cgroup) == 4096
    assert log._line.text is not None
    assert len(log._line.text) <= 17 * 1024


@pytest.mark.parametrize("stem", ["kmsg-6.18-v1-2", "kmsg-6.12-v2-group", "kmsg-6.1-v2-node-group"])
def test_batches_make_no_difference(stem: str) -> None:
    records = real_log(stem)
    assert tuple(ooms(records)) == told(records)
