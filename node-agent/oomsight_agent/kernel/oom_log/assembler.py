"""From records to OOMs: lines of one dump are gathered until a `Killed process` line says who died, and that is told at once.

The kernel does one OOM at a time (oom_lock), so the lines of two never mix; records of others stand between them at any place, and
a line may come in fragments. Beyond ten dumps in five seconds the kernel leaves out the dump and prints the `Killed` line alone;
such a line must not be joined to an earlier dump, so a dump is taken for a kill only if it names its pid. Members of a group follow
the line `Tasks in X are going to be killed`, the first victim a second time among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from oomsight_agent.kernel.kmsg_record import KERNEL_FACILITY, KmsgRecord
from oomsight_agent.kernel.oom_log.context import Context, context_pid, parse_context
from oomsight_agent.kernel.oom_log.dump import CONTEXT, INVOKED, LONGEST_NAME, Dump
from oomsight_agent.kernel.oom_log.kill_line import Killed, parse_chosen, parse_exiting, parse_killed
from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_agent.kernel.oom_log.open_line import FRAGMENT_FLAGS, OpenLine, may_begin
from oomsight_agent.kernel.oom_log.units import bounded_name, bounded_path

GROUP_SECONDS: Final = 1.0
"""The members of a group die in one go; what comes so much later than the one before, without a header, is another OOM."""
MOST_GROUP_KILLS: Final = 4096

_GROUP: Final = re.compile(rb"Tasks in (.*) are going to be killed due to memory\.oom\.group set\Z", re.DOTALL)
_NONE_KILLABLE: Final = re.compile(
    rb"(?:Memory cgroup out|Out) of memory(?: and no killable processes|: no killable processes|.{0,40} and no killable)"
)

NOBODY_SECONDS: Final = 10.0
"""Where every task is at -1000 the kernel looks for a victim, and says that there is none, thousands of times a second."""


class _Growing:
    """An OOM, and what says who else belongs to it. Members are counted one by one, so that thousands cost what they are."""

    __slots__ = ("kills", "last_usec", "oom", "possible_pids")

    def __init__(self, oom: LogOom, possible_pids: set[int]) -> None:
        self.oom = oom
        self.kills = {kill.pid: kill for kill in oom.kills}
        self.last_usec = oom.usec
        """Time of its last `Killed process` line."""
        self.possible_pids = possible_pids
        """Tasks of its table: whom its group can have. Empty: not known."""

    def result(self) -> LogOom:
        return self.oom if len(self.kills) == len(self.oom.kills) else replace(self.oom, kills=tuple(self.kills.values()))


class OomLog:
    """Feed it every record, in order; it keeps one dump at most."""

    def __init__(self, page_size_bytes: int = 4096) -> None:
        self._page = page_size_bytes
        self._next_seq: int | None = None
        self._dump: Dump | None = None
        self._chosen: tuple[bool, int] | None = None
        self._line = OpenLine()
        self._last: _Growing | None = None
        """The OOM that a group's members would belong to."""
        self._cut: _Growing | None = None
        """The last OOM before a gap: of a group's first victim the second line may still come."""
        self._nobody_seen: tuple[str | None, int] | None = None
        """Where nobody could be killed, and when that was said last (microseconds)."""

    def feed(self, records: Iterable[KmsgRecord]) -> tuple[LogOom, ...]:
        """OOMs that are new, or have a further victim, in the log's order; of one that grew several times only the last state."""
        told: dict[int, _Growing] = {}
        for record in records:
            seq = record.seq
            if seq != self._next_seq and self._next_seq is not None:
                self._gap()
            self._next_seq = seq + 1
            if record.facility != KERNEL_FACILITY:
                continue
            oom = self._take(record)
            if oom is not None:
                told[oom.oom.seq] = oom
        return tuple(oom.result() for oom in told.values())

    def _gap(self) -> None:
        """Lines are missing: a dump is kept only if it says by itself whose it is, and no group goes on."""
        self._line.close()
        if self._dump is not None:
            self._dump.exiting = False
            if self._dump.context is None or self._dump.group is not None:
                self._dump = None
        self._cut = self._last or self._cut
        self._chosen = self._last = None

    def _take(self, record: KmsgRecord) -> _Growing | None:
        if record.flag in FRAGMENT_FLAGS and (self._line.take(record) or not may_begin(record)):
            return None
        if self._dump is not None and self._dump.take(record):
            return None
        text = record.text
        if b"of memory" not in text and b"illed" not in text and b"oom-kill" not in text and not text.startswith(b"Task"):
            return None
        return self._decisive(record, text)

    def _decisive(self, record: KmsgRecord, text: bytes) -> _Growing | None:
        if 0 <= (at := text.find(INVOKED)) <= LONGEST_NAME:
            self._begin_dump(text[:at])
        elif text.startswith(CONTEXT):
            self._line.close()
            if self._dump is None or self._dump.context is not None or self._dump.chosen is not None:
                self._begin_dump(None)  # its header is lost
            assert self._dump is not None
            self._line.begin(record, self._dump.set_context)
        elif text.startswith(b"Tasks in "):
            self._line.begin(record, self._set_group)
        elif text.startswith(b"Task in "):
            if self._dump is not None:
                self._line.begin(record, self._dump.set_old_context)
        elif (killed := parse_killed(text, record.seq, record.usec)) is not None:
            return self._killed(killed)
        elif (chosen := parse_chosen(text)) is not None:
            self._choose(chosen)
        elif (exiting := parse_exiting(text)) is not None:
            self._exiting(exiting)
        elif _NONE_KILLABLE.match(text) is not None:
            return self._nobody(record)
        return None

    # --- lines that decide ------------------------------------------------------------------------------------------------

    def _begin_dump(self, trigger_name: bytes | None) -> None:
        self._line.close()
        self._dump = Dump(trigger_name, self._page, self._line)
        self._chosen = self._last = None

    def _choose(self, chosen: tuple[bool, int]) -> None:
        self._line.close()
        self._chosen, self._last = chosen, None
        dump = self._dump
        if dump is None:
            return
        other = dump.chosen is not None  # an earlier one, whose victim went by itself
        if dump.context is not None:
            other = other or context_pid(dump.context) != chosen[1]
        elif dump.tasks.pids:
            other = other or chosen[1] not in dump.tasks.pids
        if other:
            self._dump = None
        else:
            dump.chosen = chosen

    def _exiting(self, pid: int) -> None:
        self._line.close()
        last = self._last
        if last is not None and last.oom.group_cgroup is not None and (pid in last.kills or pid in last.possible_pids):
            return  # a member that has gone already, most often the first victim itself: its group dies on
        self._chosen = self._last = None
        dump = self._dump
        if dump is not None:
            named = context_pid(dump.context) if dump.context is not None else dump.chosen[1] if dump.chosen is not None else None
            dump.exiting = named == pid

    def _set_group(self, line: bytes) -> None:
        match = _GROUP.match(line)
        if match is None:
            return
        if self._last is not None and self._last.oom.group_cgroup is None:
            self._last.oom = replace(self._last.oom, group_cgroup=bounded_path(match[1]))
        elif self._last is None and self._dump is not None and self._dump.exiting:
            self._dump.group = match[1]

    def _killed(self, killed: Killed) -> _Growing:
        self._line.close()
        last = self._last
        if last is not None and _is_member(last, killed):
            if len(last.kills) < MOST_GROUP_KILLS:
                last.kills.setdefault(killed.kill.pid, killed.kill)
            last.last_usec = killed.kill.usec
            return last
        if self._cut is not None and _is_told(self._cut, killed.kill):
            return self._cut
        dump, context = self._dump_of(killed)
        is_global = killed.is_global
        if is_global is None and self._chosen is not None:
            is_global = self._chosen[0]
        if context is not None and is_global is None:
            is_global = context.is_global
        oom = LogOom(seq=killed.kill.seq, usec=killed.kill.usec, is_global=is_global, kills=(killed.kill,))
        if dump is not None:
            oom = self._with_dump(oom, dump, context)
        self._dump = None  # the kernel kills at once: what it left without a victim gets none any more
        self._chosen = None
        self._last = _Growing(oom, dump.tasks.pids if dump is not None else set())
        return self._last

    def _nobody(self, record: KmsgRecord) -> _Growing | None:
        """Nobody to kill: told once for a cgroup, until the kernel was silent about it for NOBODY_SECONDS."""
        self._line.close()
        dump, self._dump, self._last = self._dump, None, None
        if dump is not None and (dump.context is not None or dump.chosen is not None):
            dump = None  # another's, who had somebody to kill
        is_global = None
        if dump is not None:
            is_global = False if dump.stats_cgroup is not None else dump.memory.is_node or None
        oom = LogOom(seq=record.seq, usec=record.usec, is_global=is_global)
        if dump is not None:
            oom = self._with_dump(oom, dump, dump.old_context)
        before, self._nobody_seen = self._nobody_seen, (oom.limit_cgroup, record.usec)
        if before is not None and before[0] == oom.limit_cgroup and 0 <= record.usec - before[1] < NOBODY_SECONDS * 1e6:
            return None
        return _Growing(oom, set())

    # --- what a dump says of a kill ---------------------------------------------------------------------------------------

    def _dump_of(self, killed: Killed) -> tuple[Dump | None, Context | None]:  # noqa: PLR0911 (one return a way to belong)
        """The dump that says it is this kill's: by the pid in its context, or (up to 5.0) in the line before, or its child."""
        dump = self._dump
        if dump is None:
            return None, None
        if dump.exiting:  # what dies now are the members of its group
            if dump.group is None or (dump.tasks.pids and killed.kill.pid not in dump.tasks.pids):
                return None, None
            pid = context_pid(dump.context) if dump.context is not None else None
            if dump.context is None or pid is None:
                return dump, dump.old_context
            return dump, parse_context(dump.context, pid, b"")
        if dump.context is not None:
            context = parse_context(dump.context, killed.kill.pid, killed.name)
            if context is None and dump.chosen is not None and dump.chosen[1] == context_pid(dump.context):
                context = parse_context(dump.context, dump.chosen[1], b"")
            return (dump, context) if context is not None else (None, None)
        if dump.chosen is not None and killed.is_global is None:
            return dump, dump.old_context
        return None, None

    def _with_dump(self, oom: LogOom, dump: Dump, context: Context | None) -> LogOom:
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


def _is_told(cut: _Growing, kill: LogKill) -> bool:
    """A process dies once: the same pid and name within a second is a group's first victim again, whatever was lost between."""
    known = cut.kills.get(kill.pid)
    return known is not None and known.name == kill.name and 0 <= kill.usec - cut.last_usec <= GROUP_SECONDS * 1e6


def _is_member(last: _Growing, killed: Killed) -> bool:
    if last.oom.group_cgroup is None or not 0 <= killed.kill.usec - last.last_usec <= GROUP_SECONDS * 1e6:
        return False
    if killed.is_global is not None and killed.is_global != last.oom.is_global:
        return False
    return not last.possible_pids or killed.kill.pid in last.possible_pids
