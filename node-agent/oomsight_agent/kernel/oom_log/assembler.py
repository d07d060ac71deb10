"""From records to OOMs: lines of one dump are gathered until a `Killed process` line says who died, and that is told at once.

The kernel does one OOM at a time (oom_lock), so the lines of two never mix; records of others stand between them at any place, and
a line may come in fragments (flag `c`). Beyond ten dumps in five seconds the kernel leaves out the dump and prints the `Killed`
line alone; such a line must not be joined to an earlier dump, so a dump is taken for a kill only if it names its pid. Members of
a group follow the line `Tasks in X are going to be killed`, the first victim a second time among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from oomsight_agent.kernel.kmsg_record import KERNEL_FACILITY, KmsgRecord
from oomsight_agent.kernel.oom_log.context import Context, context_pid, parse_context, parse_old_context
from oomsight_agent.kernel.oom_log.kill_line import Killed, parse_chosen, parse_killed
from oomsight_agent.kernel.oom_log.memory import MemoryLines
from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_agent.kernel.oom_log.task_table import TaskTable
from oomsight_agent.kernel.oom_log.units import bounded_name, bounded_path

GROUP_SECONDS: Final = 1.0
"""The members of a group die in one go; what comes so much later than the one before, without a header, is another OOM."""
MOST_FRAGMENTS_BYTES: Final = 16 * 1024
MOST_GROUP_KILLS: Final = 4096

_INVOKED: Final = b" invoked oom-killer: "
_CPU: Final = re.compile(rb"CPU: \d{1,6} (?:UID: \d{1,10} )?PID: (\d{1,10}) Comm: ")
_OLD_CPUSET: Final = re.compile(rb".{0,15} cpuset=(.*) mems_allowed=[0-9,-]*\Z", re.DOTALL)
_STATS: Final = b"Memory cgroup stats for "
_GROUP: Final = re.compile(rb"Tasks in (.*) are going to be killed due to memory\.oom\.group set\Z", re.DOTALL)
_NONE_KILLABLE: Final = re.compile(
    rb"(?:Memory cgroup out|Out) of memory(?: and no killable processes|: no killable processes|.{0,40} and no killable)"
)
_DECIDES: Final = re.compile(rb"\Aoom-kill:constraint=|\A.{0,15} invoked oom-killer: ", re.DOTALL)
_PAGES: Final = re.compile(rb"(\d{1,15}) pages (RAM|reserved)\Z")


class _Dump:
    """What one header and the lines after it said."""

    __slots__ = (
        "chosen",
        "context",
        "cpuset",
        "group",
        "mem_info_next",
        "memory",
        "old_context",
        "stats_cgroup",
        "tasks",
        "trigger_name",
        "trigger_pid",
    )

    def __init__(self, trigger_name: bytes | None, page_size_bytes: int) -> None:
        self.trigger_name = trigger_name
        self.trigger_pid: int | None = None
        self.cpuset: bytes | None = None
        self.memory = MemoryLines()
        self.tasks = TaskTable(page_size_bytes)
        self.stats_cgroup: bytes | None = None
        self.context: bytes | None = None
        """The `oom-kill:` line, as far as it has come."""
        self.old_context: Context | None = None
        self.chosen: tuple[bool, int] | None = None
        self.group: bytes | None = None
        """The group that dies although its first victim was already exiting."""
        self.mem_info_next = False


class OomLog:
    """Feed it every record, in order; it keeps one dump at most."""

    def __init__(self, page_size_bytes: int = 4096) -> None:
        self._page = page_size_bytes
        self._next_seq: int | None = None
        self._dump: _Dump | None = None
        self._chosen: tuple[bool, int] | None = None
        self._open: bytearray | None = None
        """A line that may have further fragments."""
        self._caller = b""
        """Who printed it."""
        self._finish: Callable[[bytes], None] = self._ignore
        self._last: LogOom | None = None
        self._last_usec = 0
        """Time of its last `Killed process` line."""
        self._last_pids: set[int] = set()
        """Tasks of the last OOM's table: whom its group can have."""

    def feed(self, records: Iterable[KmsgRecord]) -> tuple[LogOom, ...]:
        """OOMs that are new, or have a further victim, in the log's order; of one that grew several times only the last state."""
        told: dict[int, LogOom] = {}
        for record in records:
            if record.seq != self._next_seq and self._next_seq is not None:
                self._gap()
            self._next_seq = record.seq + 1
            if record.facility != KERNEL_FACILITY:
                continue
            oom = self._take(record)
            if oom is not None:
                told[oom.seq] = oom
        return tuple(told.values())

    def _gap(self) -> None:
        """Lines are missing: a dump is kept only if it says by itself whose it is."""
        self._close()
        if self._dump is not None and self._dump.context is None:
            self._dump = None
        self._chosen = None
        if self._last is not None and (self._last.group_cgroup is None or not self._last_pids):
            self._last = None  # who comes next may be another OOM's

    def _take(self, record: KmsgRecord) -> LogOom | None:
        text = record.text
        if self._open is not None and record.flag in (b"c", b"+") and record.caller == self._caller and not _begins(text):
            if len(self._open) + len(text) <= MOST_FRAGMENTS_BYTES:
                self._open += text
            return None
        dump = self._dump
        if dump is not None and self._detail(dump, record):
            return None
        if b"of memory" not in text and b"illed" not in text and b"oom-kill" not in text and text[:4] != b"Task":
            return None
        return self._decisive(record, text)

    # --- lines that decide ------------------------------------------------------------------------------------------------

    def _decisive(self, record: KmsgRecord, text: bytes) -> LogOom | None:
        if text.startswith(b"oom-kill:constraint="):
            if self._dump is None:
                self._dump = _Dump(None, self._page)
            self._begin(record, self._set_context)
        elif (at := text.find(_INVOKED)) >= 0 and at <= 15:
            self._close()
            self._dump = _Dump(text[:at], self._page)
            self._chosen = None
            self._last = None
        elif text.startswith(b"Tasks in "):
            self._begin(record, self._set_group)
        elif text.startswith(b"Task in ") and self._dump is not None:
            self._begin(record, self._set_old_context)
        elif (killed := parse_killed(text, record.seq, record.usec)) is not None:
            return self._killed(killed)
        elif (chosen := parse_chosen(text)) is not None:
            self._close()
            self._chosen = chosen
            if self._dump is not None and self._dump.chosen is not None:
                self._dump = None  # an earlier one, whose victim went by itself
            elif self._dump is not None:
                self._dump.chosen = chosen
            self._last = None
        elif b"OOM victim " in text and b"is already exiting" in text:
            self._close()
            self._chosen = self._last = None
        elif _NONE_KILLABLE.match(text) is not None:
            return self._nobody(record)
        return None

    def _killed(self, killed: Killed) -> LogOom:
        self._close()
        last = self._last
        if last is not None and self._is_member(last, killed.kill):
            if all(kill.pid != killed.kill.pid for kill in last.kills) and len(last.kills) < MOST_GROUP_KILLS:
                last = replace(last, kills=(*last.kills, killed.kill))
            self._last, self._last_usec = last, killed.kill.usec
            return last
        dump, context = self._dump_of(killed)
        is_global = killed.is_global
        if is_global is None and self._chosen is not None:
            is_global = self._chosen[0]
        if context is not None and is_global is None:
            is_global = context.is_global
        oom = LogOom(seq=killed.kill.seq, usec=killed.kill.usec, is_global=is_global, kills=(killed.kill,))
        self._last_pids = set()
        if dump is not None:
            oom = self._with_dump(oom, dump, context)
            self._last_pids = dump.tasks.pids
        self._dump = None  # the kernel kills at once: what it left without a victim gets none any more
        self._chosen = None
        self._last, self._last_usec = oom, oom.usec
        return oom

    def _dump_of(self, killed: Killed) -> tuple[_Dump | None, Context | None]:
        """The dump that says it is this kill's: by the pid in its context, or (up to 5.0) in the line before, or its child."""
        dump = self._dump
        if dump is None:
            return None, None
        if dump.group is not None:
            pid = context_pid(dump.context) if dump.context is not None else None
            context = parse_context(dump.context, pid, b"") if dump.context is not None and pid is not None else None
            return dump, context
        if dump.context is not None:
            pid, name = killed.kill.pid, killed.name
            context = parse_context(dump.context, pid, name)
            if context is None and dump.chosen is not None and dump.chosen[1] == context_pid(dump.context):
                context = parse_context(dump.context, dump.chosen[1], b"")
            return (dump, context) if context is not None else (None, None)
        if dump.chosen is not None and killed.is_global is None:
            return dump, dump.old_context
        return None, None

    def _with_dump(self, oom: LogOom, dump: _Dump, context: Context | None) -> LogOom:
        limit = context.limit_cgroup if context is not None else None
        if limit is None and oom.is_global is False:
            limit = dump.stats_cgroup
        cpuset = context.trigger_cpuset if context is not None and context.trigger_cpuset is not None else dump.cpuset
        return replace(
            oom,
            limit_cgroup=None if oom.is_global else bounded_path(limit),
            task_cgroup=bounded_path(context.task_cgroup) if context is not None else None,
            group_cgroup=bounded_path(dump.group),
            trigger_pid=dump.trigger_pid,
            trigger_name=bounded_name(dump.trigger_name) if dump.trigger_name is not None else None,
            trigger_cpuset=bounded_path(cpuset),
            memory=dump.memory.result(self._page),
            tasks=dump.tasks.biggest(),
        )

    def _is_member(self, last: LogOom, kill: LogKill) -> bool:
        if last.group_cgroup is None or not 0 <= kill.usec - self._last_usec <= GROUP_SECONDS * 1e6:
            return False
        return not self._last_pids or kill.pid in self._last_pids

    def _nobody(self, record: KmsgRecord) -> LogOom:
        self._close()
        dump, self._dump, self._last = self._dump, None, None
        is_global = None
        if dump is not None:
            is_global = dump.memory.is_node or (False if dump.stats_cgroup is not None else None)
        oom = LogOom(seq=record.seq, usec=record.usec, is_global=is_global)
        return oom if dump is None else self._with_dump(oom, dump, dump.old_context)

    # --- lines that may come in fragments ---------------------------------------------------------------------------------

    def _begin(self, record: KmsgRecord, finish: Callable[[bytes], None]) -> None:
        self._close()
        self._open, self._caller, self._finish = bytearray(record.text), record.caller, finish

    def _close(self) -> None:
        """The open line has all its fragments."""
        if self._open is not None:
            line, self._open = bytes(self._open), None
            self._finish(line)

    def _ignore(self, line: bytes) -> None:
        pass

    def _set_context(self, line: bytes) -> None:
        if self._dump is not None:
            self._dump.context = line

    def _set_old_context(self, line: bytes) -> None:
        if self._dump is not None:
            self._dump.old_context = parse_old_context(line)

    def _set_group(self, line: bytes) -> None:
        match = _GROUP.match(line)
        if match is None:
            return
        if self._last is None and self._dump is not None:
            self._dump.group = match[1]
        elif self._last is not None and self._last.group_cgroup is None:
            self._last = replace(self._last, group_cgroup=bounded_path(match[1]))

    def _set_stats(self, line: bytes) -> None:
        if self._dump is None:
            return
        path, colon, rest = line.removeprefix(_STATS).rpartition(b": cache:")
        if colon:
            self._dump.memory.old_statistics(b"cache:" + rest)
        else:
            path = line.removeprefix(_STATS).removesuffix(b":")
        if self._dump.stats_cgroup is None:
            self._dump.stats_cgroup = path

    # --- lines of a dump --------------------------------------------------------------------------------------------------

    def _detail(self, dump: _Dump, record: KmsgRecord) -> bool:  # noqa: PLR0911 (one return a kind of line)
        """Take a line that only tells more of the dump; False: it may be one that decides."""
        text = record.text
        first = text[:1]
        if b"oom-kill" in text and _DECIDES.search(text) is not None:
            return False  # whatever the process is called that it begins with
        if first == b"[":
            dump.tasks.take(text)
            return True
        if first == b" " or not first:
            return True
        if first.islower():
            return self._lower(dump, text)
        if text.startswith(b"CPU: "):
            match = _CPU.match(text)
            if match is not None and dump.trigger_pid is None:
                dump.trigger_pid = int(match[1])
            return True
        if text.startswith(_STATS):
            self._begin(record, self._set_stats)
            return True
        if text.startswith(b"Mem-Info:"):
            dump.memory.is_node = True
            dump.mem_info_next = True
            return True
        if text.startswith((b"Free swap", b"Total swap")):
            dump.memory.swap(text)
            return True
        if first.isdigit():
            return self._counted(dump, text)
        return False

    def _lower(self, dump: _Dump, text: bytes) -> bool:
        if text.startswith((b"memory: ", b"memory+swap: ", b"swap: ", b"kmem: ")):
            dump.memory.usage(text)
            return True
        if dump.mem_info_next and text.startswith(b"active_anon:"):
            dump.memory.mem_info(text)
            dump.mem_info_next = False
            return True
        if b" cpuset=" in text and dump.cpuset is None:
            match = _OLD_CPUSET.match(text)
            dump.cpuset = match[1] if match is not None else None
            return match is not None
        if self._open is not None and self._finish == self._set_stats:
            self._close()
        if dump.stats_cgroup is not None:
            if b"\n" in text:
                dump.memory.statistics(text)
            else:
                dump.memory.statistic(text)
            return True
        return False

    def _counted(self, dump: _Dump, text: bytes) -> bool:
        match = _PAGES.match(text)
        if match is None:
            return False
        if match[2] == b"RAM":
            dump.memory.ram_pages = int(match[1])
        else:
            dump.memory.reserved_pages = int(match[1])
        return True


def _begins(text: bytes) -> bool:
    """Before 4.10 the first fragment of a line had the flag `c` as well."""
    return text.startswith((b"oom-kill:", b"Task in ", b"Tasks in ", _STATS))
