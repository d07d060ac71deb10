"""Whatever processes and cgroups are called: the victim is the kernel's, and the limit's owner is no stranger.

A container may name its processes (15 bytes of anything but zero) and make cgroups below its own, whose names hold all but a slash.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.oomsight_agent.kernel.oom_log.logs import log, ooms

from oomsight_agent.kernel.oom_log.model import LogOom
from oomsight_agent.kernel.problem import printable

Kernel = Callable[[bytes, bytes, bytes, bytes], list[LogOom]]
POD = b"/kubepods/burstable/pod1"
CONTAINER = POD + b"/" + b"c" * 64
PID = 13086

NAMES = (
    b")",
    b",task=x",
    b"a,pid=1,uid=0",
    b"n\nl",
    b" app",
    b"[  1]",
    b"[ pid ]   uid",
    b"7",
    b"CPU: 1 PID: 2",
    b"\xff" * 15,
    b"Killed process",
    b"Out of memory",
    b"Out of memory: ",
    b"OOM victim 1 (",
    b"Tasks in /a are",
    b"Task in /a",
    b"Mem-Info:",
    b"memory: usage 1",
    b"anon 5",
    b"invoked",
    b" invoked oom-ki",
    b"x cpuset=/",
    b"Free swap  = 0k",
    b"oom-kill:",
    b"oom-kill:constr",
    b"1 pages RAM",
    b"\\x0a",
    b"",
)
COMPONENTS = (
    b",task_memcg=",
    b",oom_memcg=",
    b",mems_allowed=",
    b",mems_allowed=0,oom_memcg=",
    b",mems_allowed=0,global_oom,task_memcg=",
    b",task=init,pid=1,uid=0",
    b" killed as a result of limit of ",
    b": cache:1KB rss:1KB",
    b"x: cache:",
    b"\n\xff",
    b" mems_allowed=0",
    b"kubepods",
    b"burstable",
    b"pod1",
    b"pod2",
)
names = st.sampled_from(NAMES) | st.binary(max_size=15).map(lambda name: name.replace(b"\0", b""))
pieces = st.sampled_from(COMPONENTS) | st.text("a,= :", min_size=1, max_size=4).map(str.encode)
components = st.lists(pieces, min_size=1, max_size=3).map(b"".join)
nested = st.lists(components, max_size=6).map(lambda parts: b"".join(b"/" + part for part in parts))


def of_6_12(name: bytes, cpuset: bytes, limit: bytes, task: bytes) -> list[LogOom]:
    return ooms(
        log(
            name + b" invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=3",
            b"CPU: 1 UID: 0 PID: %d Comm: %s Not tainted 6.12.0 #1" % (PID, name),
            b"memory: usage 8192kB, limit 8192kB, failcnt 75",
            b"Memory cgroup stats for %s:" % limit,
            b"anon 8302592",
            b"Tasks state (memory values in pages):",
            b"[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
            b"[  %d]     0 %d     4683     2357     2048      309         0    61440        0             0 %s" % (PID, PID, name),
            b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=%s,mems_allowed=0,"
            b"oom_memcg=%s,task_memcg=%s,task=%s,pid=%d,uid=0" % (cpuset, limit, task, name, PID),
            b"Memory cgroup out of memory: Killed process %d (%s) total-vm:18732kB, anon-rss:8192kB, file-rss:1404kB, "
            b"shmem-rss:0kB, UID:0 pgtables:60kB oom_score_adj:0" % (PID, name),
        )
    )


def of_4_14(name: bytes, cpuset: bytes, limit: bytes, task: bytes) -> list[LogOom]:
    return ooms(
        log(
            name + b" invoked oom-killer: gfp_mask=0x14000c0(GFP_KERNEL), nodemask=(null),  order=0, oom_score_adj=3",
            b"%s cpuset=%s mems_allowed=0" % (name, cpuset),
            b"CPU: 1 PID: %d Comm: %s Not tainted 4.14.0 #1" % (PID, name),
            b"Task in %s killed as a result of limit of %s" % (task, limit),
            b"memory: usage 8192kB, limit 8192kB, failcnt 75",
            b"Memory cgroup stats for %s: cache:0KB rss:8108KB rss_huge:0KB shmem:0KB swap:0KB" % limit,
            b"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
            b"[%5d]     0 %5d     4683     2357      15       3        0             0 %s" % (PID, PID, name),
            b"Memory cgroup out of memory: Kill process %d (%s) score 987 or sacrifice child" % (PID, name),
            b"Killed process %d (%s) total-vm:18732kB, anon-rss:8192kB, file-rss:1404kB, shmem-rss:0kB" % (PID, name),
        )
    )


every_kernel = pytest.mark.parametrize("kernel", [of_4_14, of_6_12])


@every_kernel
@pytest.mark.parametrize("name", NAMES)
def test_a_processs_name_is_a_name(kernel: Kernel, name: bytes) -> None:
    (oom,) = kernel(name, b"c" * 64, POD, CONTAINER)
    told = printable(name)
    assert [(kill.pid, kill.name, kill.anon_rss_bytes) for kill in oom.kills] == [(PID, told, 8192 * 1024)]
    assert (oom.is_global, oom.limit_cgroup, oom.task_cgroup) == (False, POD.decode(), CONTAINER.decode())
    assert (oom.trigger_pid, oom.trigger_name, oom.trigger_cpuset) == (PID, told, "c" * 64)
    assert [(task.pid, task.name, task.rss_bytes) for task in oom.tasks] == [(PID, told, 2357 * 4096)]
    assert oom.memory is not None
    assert (oom.memory.usage_bytes, oom.memory.anon_bytes) == (8192 * 1024, 8302592)


@every_kernel
@given(name=names, cpuset=components, below=nested, victim=nested)
@example(name=b"a", cpuset=b"c", below=b"/n,task_memcg=" + CONTAINER + b"/z", victim=b"")
@example(name=b"a", cpuset=b"c", below=b"/n killed as a result of limit of /kubepods", victim=b"/t")
def test_a_containers_own_cgroups_accuse_nobody_else(
    kernel: Kernel, name: bytes, cpuset: bytes, below: bytes, victim: bytes
) -> None:
    (oom,) = kernel(name, cpuset, CONTAINER + below, CONTAINER + below + victim)
    assert [kill.pid for kill in oom.kills] == [PID]
    assert oom.is_global is False
    assert oom.limit_cgroup is not None
    assert oom.task_cgroup is not None
    assert oom.trigger_cpuset == printable(cpuset)
    for told in (oom.limit_cgroup, oom.task_cgroup):
        assert told == CONTAINER.decode() or told.startswith(CONTAINER.decode() + "/")


@every_kernel
@given(name=names, cpuset=components, victim=nested)
def test_a_victims_cgroup_does_not_hide_the_pod_whose_limit_it_was(
    kernel: Kernel, name: bytes, cpuset: bytes, victim: bytes
) -> None:
    (oom,) = kernel(name, cpuset, POD, CONTAINER + victim)
    assert (oom.limit_cgroup, oom.task_cgroup) == (POD.decode(), printable(CONTAINER + victim))


@pytest.mark.parametrize("flag", ["c", "+"])
@pytest.mark.parametrize(
    "name",
    [
        b"Memory cgroup out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:1kB",
        b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=x",
    ],
)
def test_a_cgroups_name_in_a_fragment_of_its_own_is_no_line(name: bytes, flag: str) -> None:
    """Any warning may print `cpuset=` and the name; where another record comes in between, the name is a record of its own."""
    found = ooms(
        log(b"app: page allocation failure: order:0, mode:0x40,cpuset=", b"eth0: link up", (flag, name), (flag, b",mems_allowed=0"))
    )
    assert found == []
