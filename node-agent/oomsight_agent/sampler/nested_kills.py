"""OOM kills in cgroups nested inside a container, v1: the kernel counts them there and nowhere above."""

from __future__ import annotations

import errno
import os

from oomsight_agent.kernel.discovery import FoundCgroup
from oomsight_agent.kernel.files import note_os_error, open_for_reading
from oomsight_agent.kernel.oom_control import parse_oom_kills
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.container_track import ContainerTrack
from oomsight_agent.sampler.hot_files import HOT_READ_BYTES, CgroupGone


class NestedKills:
    """The kill counter of one nested cgroup; what it rises by is handed to the container, where it outlives the nested cgroup."""

    __slots__ = ("_container", "_content", "_descriptor", "_errors", "_kills", "_path", "found")

    def __init__(self, found: FoundCgroup, directory: str, errors: ReadErrors, container: ContainerTrack) -> None:
        self.found = found
        self._container = container
        self._errors = errors
        self._path = f"{directory}/memory.oom_control"
        self._content: bytes | None = None
        self._kills = 0
        self._descriptor: int | None = None
        try:
            self._descriptor = open_for_reading(self._path)
        except OSError as error:
            note_os_error(errors, FileKind.MEMORY_EVENTS, self._path, error)

    def sample(self) -> None:
        """Hand on the kills since the last sample. Raises CgroupGone."""
        if self._descriptor is None:
            return
        try:
            content = os.pread(self._descriptor, HOT_READ_BYTES, 0)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise CgroupGone from error
            note_os_error(self._errors, FileKind.MEMORY_EVENTS, self._path, error)
            return
        if content == self._content:
            return
        kills = parse_oom_kills(content)
        if isinstance(kills, Problem):
            self._errors.record(FileKind.MEMORY_EVENTS, self._path, kills)
            return
        self._content = content
        if kills is not None and kills > self._kills:
            self._container.add_kills(kills - self._kills)
            self._kills = kills

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
