"""Which cgroup, and so which container, every process of the node is in.

A walk over /proc, since cgroup.procs reads 0 across pid namespaces. A process is asked for its cgroup in the first rounds that
meet it (a runtime starts a container's first process outside and moves it in), and then in every sixth round: the kernel gives
numbers out in turn, so one comes back much later than that.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Container
from typing import Final, NamedTuple

from oomsight_agent.kernel.cgroup_path import container_id_of_process, parse_cgroup_path
from oomsight_agent.kernel.cgroup_view import CgroupView
from oomsight_agent.kernel.files import note_os_error, read_value
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.process import parse_cgroup_of_process
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

ROUNDS_BETWEEN_LOOKS: Final = 6
LOOKS_WHEN_NEW: Final = 3

_INIT_PID: Final = 1


class _Place(NamedTuple):
    container_id: str | None = None
    path: str | None = None
    """Below the root of the hierarchy, of a process in no container or in a cgroup nested inside one. None: the container's own
    cgroup, or not known."""


_ROOT: Final = _Place(None, "/")
_ABOVE: Final = _Place()
"""Where kernel threads are, one for all of them: in the root, which may stand above the hierarchy that is seen here."""
_UNKNOWN: Final = _Place()


class Places:
    """Remembers which pid is where between rounds."""

    def __init__(self, proc_root: str, version: int, errors: ReadErrors) -> None:
        self._proc = proc_root
        self._version = version
        self._errors = errors
        self.view = CgroupView()
        self._places: dict[int, _Place] = {}
        self._young: dict[int, int] = {}
        self._kernel_threads: set[int] = set()
        self._round = 0

    def look(self, *, between_rounds: bool = False) -> bool:
        """Bring everything up to date; False when /proc cannot be listed.

        Between two rounds only the young are asked, and nobody grows older: a storm of kills looks many times within a second.
        """
        pids = self._list_pids()
        if pids is None:
            return False
        self._round += not between_rounds
        turn = None if between_rounds else self._round % ROUNDS_BETWEEN_LOOKS
        before, young = self._places, self._young
        self._young = {}
        self._places = {}
        for pid in pids:
            place = before.get(pid)
            looks_left = LOOKS_WHEN_NEW if place is None else young.get(pid, 0)
            if place is None or looks_left > 0 or pid % ROUNDS_BETWEEN_LOOKS == turn:
                place = self._place_of(pid)
                if place is not _ROOT and place is not _ABOVE:
                    self._kernel_threads.discard(pid)
            self._places[pid] = place
            looks_left -= not between_rounds
            if looks_left > 0:
                self._young[pid] = looks_left
        self._kernel_threads &= self._places.keys()
        return True

    def in_containers(self, container_ids: Container[str]) -> dict[str, list[int]]:
        """Pids by container, of these containers alone."""
        members: dict[str, list[int]] = defaultdict(list)
        for pid, place in self._places.items():
            container_id = place.container_id
            if container_id is not None and container_id in container_ids:
                members[container_id].append(pid)
        return members

    @property
    def is_whole(self) -> bool:
        """Whether /proc shows the node and hides nobody: its init is there in no container, and somebody is in one. (hidepid hides
        from an ordinary user; a /proc of the agent's own pod shows the agent alone.)"""
        init = self._places.get(_INIT_PID, _UNKNOWN)
        if init is _UNKNOWN or init.container_id is not None:
            return False
        return any(place.container_id is not None for place in self._places.values())

    def outside(self) -> list[int]:
        """Pids in no container, without the init of the node and without what is known to be a kernel thread."""
        return [
            pid
            for pid, place in self._places.items()
            if place.container_id is None and pid != _INIT_PID and pid not in self._kernel_threads
        ]

    def is_outside(self, pid: int) -> bool:
        """It lives, and is in no container."""
        place = self._places.get(pid)
        return place is not None and place.container_id is None

    def path_of(self, pid: int) -> str | None:
        """Its cgroup, where that is in no container or lies deeper than its container's; undecodable bytes are surrogates."""
        place = self._places.get(pid)
        return None if place is None else place.path

    def note_kernel_thread(self, pid: int) -> None:
        """It has no memory and is no zombie: it need not be asked for its size again, as long as it stays in the root cgroup."""
        if self._places.get(pid) is _ROOT or self._places.get(pid) is _ABOVE:
            self._kernel_threads.add(pid)

    def __contains__(self, pid: int) -> bool:
        return pid in self._places

    def _list_pids(self) -> list[int] | None:
        try:
            return [int(name) for name in os.listdir(self._proc) if name.isascii() and name.isdigit() and len(name) < 10]
        except OSError as error:
            note_os_error(self._errors, FileKind.PROCESS_CGROUP, self._proc, error)
            return None

    def _place_of(self, pid: int) -> _Place:
        def parse(data: bytes) -> str | Problem | None:
            return parse_cgroup_of_process(data, self._version)

        path = read_value(self._errors, FileKind.PROCESS_CGROUP, parse, f"{self._proc}/{pid}/cgroup")
        if path is None:
            return _UNKNOWN
        below = self.view.below_root(path)
        if below == "/":
            return _ROOT
        if path == "/" and not self.view.depth:
            return _ABOVE
        identity = parse_cgroup_path(path if below is None else below)
        container_id = container_id_of_process(path) if identity is None else identity.container_id
        if container_id is not None and (identity is None or not identity.nested):
            return _Place(container_id, None)
        return _Place(container_id, below)
