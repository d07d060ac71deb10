"""How a kill is told in a few words: which process, whose memory ran out, how it ended, what proves it.

Shared by Events, annotations and the summary. Process names are the tenant's: printable, and quoted where they could pass for a
part of the sentence.
"""

from __future__ import annotations

from collections.abc import Iterable

from oomsight_api.incident import OomScope
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.account import process_name
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import ContainerAssessment

_MOST_PID = 2**22
"""PID_MAX_LIMIT of the kernel."""


def latest_kill(containers: Iterable[ContainerAssessment]) -> Kill | None:
    """Of a pod; None where none is known."""
    return max((kill for container in containers for kill in container.kills), key=lambda kill: kill.time_seconds, default=None)


def process_text(name: str | None, pid: int | None) -> str:
    """`process java (pid 17)`, `process java`, `pid 17`; empty where nothing is known of it."""
    number = f"pid {pid}" if pid is not None and 0 <= pid <= _MOST_PID else ""
    if not name:
        return number
    return f"process {process_name(name)} ({number})" if number else f"process {process_name(name)}"


def limit_hit(kill: Kill) -> int | None:
    """The limit in bytes of the container or pod whose memory ran out; the container's where that is not known. Node-wide: None."""
    at_kill = kill.memory.limit_bytes if kill.memory is not None and kill.memory.age_seconds is None else None
    match kill.scope:
        case OomScope.NODE | OomScope.CGROUP:
            return None
        case OomScope.POD:
            return at_kill
        case OomScope.CONTAINER:
            return at_kill if at_kill is not None else kill.limit_bytes
        case None:
            return kill.limit_bytes


def limit_text(kill: Kill) -> str:
    """`limit 512Mi`, `pod limit 1Gi`, `node out of memory`: for a list of short facts."""
    limit = limit_hit(kill)
    amount = f" {human_bytes(limit)}" if limit is not None else ""
    match kill.scope:
        case OomScope.NODE:
            return "node out of memory"
        case OomScope.CGROUP:
            return "limit of another cgroup"
        case OomScope.POD:
            return f"pod limit{amount}"
        case OomScope.CONTAINER:
            return f"limit{amount}"
        case None:
            return f"limit{amount}" if amount else "no limit of its own"


def where_text(kill: Kill) -> str:
    """` at its memory limit of 512Mi`, for a sentence; empty where nothing is known."""
    limit = limit_hit(kill)
    amount = f" of {human_bytes(limit)}" if limit is not None else ""
    match kill.scope:
        case OomScope.NODE:
            return " because the node was out of memory"
        case OomScope.CGROUP:
            return " at the memory limit of another cgroup than its own"
        case OomScope.POD:
            return f" at its pod's memory limit{amount}"
        case _:
            return f" at its memory limit{amount}" if amount or kill.scope is OomScope.CONTAINER else ""


def end_text(kill: Kill) -> str:
    """`exit code 137`, `2 child processes`."""
    if kill.ended_container:
        return f"exit code {kill.exit_code}" if kill.exit_code is not None else "exit code unknown"
    return "child process" if kill.processes == 1 else f"{kill.processes} child processes"
