"""Kernel logs that the tests write themselves, line by line."""

from __future__ import annotations

from collections.abc import Iterable

from oomsight_agent.kernel.kmsg_record import KmsgRecord
from oomsight_agent.kernel.oom_log.assembler import OomLog
from oomsight_agent.kernel.oom_log.model import LogOom

HEADER = "app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=3"
CPU = "CPU: 1 UID: 0 PID: {pid} Comm: app Not tainted 6.12.0 #1"
USAGE = "memory: usage 8192kB, limit 8192kB, failcnt 133"
TABLE = "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name"
ROW = "[{pid:7d}]     0 {pid:5d}     4683     2399     2048      351         0    61440        0             3 {name}"
CONTEXT = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={cpuset},mems_allowed=0,"
    "oom_memcg={limit},task_memcg={task},task={name},pid={pid},uid=0"
)
AMOUNTS = "total-vm:18732kB, anon-rss:8192kB, file-rss:1404kB, shmem-rss:4kB, UID:0 pgtables:60kB oom_score_adj:3"
KILLED = "Memory cgroup out of memory: Killed process {pid} ({name}) " + AMOUNTS
EXITING = "Memory cgroup out of memory: OOM victim {pid} (app) is already exiting. Skip killing the task"
GROUP = "Tasks in {path} are going to be killed due to memory.oom.group set"


def record(text: str | bytes, *, usec: int = 0, flag: bytes = b"-", facility: int = 0, caller: bytes = b"") -> KmsgRecord:
    data = text.encode() if isinstance(text, str) else text
    return KmsgRecord(seq=0, usec=usec, facility=facility, level=6, flag=flag, caller=caller, text=data)


def numbered(records: Iterable[KmsgRecord | str], first: int = 100) -> list[KmsgRecord]:
    """As the kernel numbers them, without a gap; microseconds likewise where they have none."""
    made = [record(item) if isinstance(item, str) else item for item in records]
    return [one._replace(seq=first + n, usec=one.usec or 1000 + n) for n, one in enumerate(made)]


def told(records: Iterable[KmsgRecord]) -> tuple[LogOom, ...]:
    """What is told when they come all at once."""
    return OomLog().feed(records)


def dump(pid: int = 13, name: str = "app", limit: str = "/pod", task: str = "/pod/c", cpuset: str = "c") -> list[str]:
    """Header to context of an OOM of a cgroup."""
    return [
        HEADER,
        CPU.format(pid=pid),
        USAGE,
        f"Memory cgroup stats for {limit}:",
        "anon 8302592",
        "file 4096",
        "Tasks state (memory values in pages):",
        TABLE,
        ROW.format(pid=pid, name=name),
        CONTEXT.format(cpuset=cpuset, limit=limit, task=task, name=name, pid=pid),
    ]
