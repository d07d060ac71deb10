"""One dump of the OOM killer: what its header, and the lines after it, say. Which kill it belongs to is judged by the assembler."""

from __future__ import annotations

import re
from typing import Final

from oomsight_agent.kernel.kmsg_record import KmsgRecord
from oomsight_agent.kernel.oom_log.context import Context, parse_old_context
from oomsight_agent.kernel.oom_log.memory import MemoryLines
from oomsight_agent.kernel.oom_log.open_line import STATISTICS, OpenLine
from oomsight_agent.kernel.oom_log.task_table import TaskTable

LONGEST_NAME: Final = 15
"""Bytes of a process's name (TASK_COMM_LEN - 1)."""
INVOKED: Final = b" invoked oom-killer: "
CONTEXT: Final = b"oom-kill:constraint="
"""Longer than any process's name, with which other lines begin."""
_CPU: Final = re.compile(rb"CPU: \d{1,6} (?:UID: \d{1,10} )?PID: (\d{1,10}) Comm: ")
_OLD_CPUSET: Final = re.compile(rb"(.*) mems_allowed=[0-9,-]*\Z", re.DOTALL)
_PAGES: Final = re.compile(rb"(\d{1,15}) pages (RAM|reserved)\Z")


class Dump:
    """Give it each record after the header."""

    __slots__ = (
        "_cpuset_begins",
        "_mem_info_next",
        "_open_line",
        "chosen",
        "context",
        "cpuset",
        "exiting",
        "group",
        "memory",
        "old_context",
        "stats_cgroup",
        "tasks",
        "trigger_name",
        "trigger_pid",
    )

    def __init__(self, trigger_name: bytes | None, page_size_bytes: int, open_line: OpenLine) -> None:
        self._open_line = open_line
        self._cpuset_begins = trigger_name + b" cpuset=" if trigger_name is not None else None
        self._mem_info_next = False
        self.trigger_name = trigger_name
        """None: the header is lost."""
        self.trigger_pid: int | None = None
        self.cpuset: bytes | None = None
        self.memory = MemoryLines()
        self.tasks = TaskTable(page_size_bytes)
        self.stats_cgroup: bytes | None = None
        self.context: bytes | None = None
        """The whole `oom-kill:` line."""
        self.old_context: Context | None = None
        self.chosen: tuple[bool, int] | None = None
        """Up to 5.0: whether node-wide, and who was to be killed, or a child of it."""
        self.exiting = False
        """The one that was to be killed is no victim: it was exiting already."""
        self.group: bytes | None = None
        """The group that dies without it."""

    def take(self, record: KmsgRecord) -> bool:  # noqa: PLR0911 (one return a kind of line)
        """Take a line that only tells more; False: it may be one that decides."""
        text = record.text
        first = text[:1]
        if b"oom-kill" in text and (text.startswith(CONTEXT) or 0 <= text.find(INVOKED) <= LONGEST_NAME):
            return False  # whatever the process is called that it begins with
        if self._cpuset_begins is not None and text.startswith(self._cpuset_begins):
            self._cpuset_begins = None
            self._open_line.begin(record, self._set_cpuset)
            return True
        if first == b"[":
            self.tasks.take(text)
            return True
        if first == b" " or not first:
            return True
        if first.islower():
            return self._lower(text)
        if text.startswith(b"CPU: "):
            self._take_cpu(text)
            return True
        if text.startswith(STATISTICS):
            self._open_line.begin(record, self._set_statistics)
            return True
        if text.startswith(b"Mem-Info:"):
            self.memory.is_node = True
            self._mem_info_next = True
            return True
        if text.startswith((b"Free swap", b"Total swap")):
            self.memory.swap(text)
            return True
        return first.isdigit() and self._counted(text)

    def set_context(self, line: bytes) -> None:
        """`oom-kill:constraint=…`."""
        self.context = line

    def set_old_context(self, line: bytes) -> None:
        """`Task in X killed as …`."""
        if self.old_context is None:
            self.old_context = parse_old_context(line)

    def _set_cpuset(self, line: bytes) -> None:
        match = _OLD_CPUSET.match(
            line.partition(b" cpuset=")[2] if self.trigger_name is None else line[len(self.trigger_name) + 8 :]
        )
        self.cpuset = match[1] if match is not None else None

    def _set_statistics(self, line: bytes) -> None:
        path, colon, rest = line.removeprefix(STATISTICS).rpartition(b": cache:")
        if colon:
            self.memory.old_statistics(b"cache:" + rest)
        else:
            path = line.removeprefix(STATISTICS).removesuffix(b":")
        if self.stats_cgroup is None:
            self.stats_cgroup = path

    def _take_cpu(self, text: bytes) -> None:
        """Of the one that triggered it, not of another dump of registers in between."""
        match = _CPU.match(text)
        if match is None or self.trigger_pid is not None or self.trigger_name is None:
            return
        if text.startswith(self.trigger_name + b" ", match.end()):
            self._open_line.close()
            self.trigger_pid = int(match[1])

    def _lower(self, text: bytes) -> bool:
        if text.startswith((b"memory: ", b"memory+swap: ", b"swap: ", b"kmem: ")):
            self._open_line.close()
            self.memory.usage(text)
            return True
        if self._mem_info_next and text.startswith(b"active_anon:"):
            self.memory.mem_info(text)
            self._mem_info_next = False
            return True
        if text.startswith((b"anon ", b"cache ")):  # the first of the statistics, on v2 and v1
            self._open_line.close()
        if self.stats_cgroup is None:
            return False
        if b"\n" in text:
            self.memory.statistics(text)
        else:
            self.memory.statistic(text)
        return True

    def _counted(self, text: bytes) -> bool:
        match = _PAGES.match(text)
        if match is None:
            return False
        if match[2] == b"RAM":
            self.memory.ram_pages = int(match[1])
        else:
            self.memory.reserved_pages = int(match[1])
        return True
