"""How much page cache is recommended for what really reads and writes files in a cgroup of ours: the kernel's own refaults, told by
the agent and judged by the operator, whose recommended limit the cgroup then gets. Only the clock of the days is ours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import structs
from tests.oomsight_agent.real_cgroups import MI, Place, real_place, until
from tests.oomsight_operator.judgement.build import FIRST_RUN
from tests.oomsight_operator.judgement.recommend.cached import Followed

from oomsight_agent.kernel.roots import Roots
from oomsight_agent.sampler import Sampler
from oomsight_api.report import Container

LIMIT = 48 * MI
ONE_FILE = 80 * MI
"""About twice the cache that the limit leaves."""
HUGE = 400 * MI
"""More than the five times that are tried at most."""
SIGNIFICANT = 200
"""Pages a second that are significant by default."""

ROUND = 8 * MI
"""What each program reads or writes until it tells so."""
SETTLED = 120 * MI // ROUND
"""Rounds after which it has got used to another limit."""

READER = """
import os, sys
open(sys.argv[1], "w").write(str(os.getpid()))
chunk, read = bytearray(1 << 17), 0
while True:
    file = os.open(sys.argv[2], os.O_RDONLY)
    while got := os.readv(file, [chunk]):
        read += got
        if read >= 8 << 20:
            read = 0
            print("read", flush=True)
    os.close(file)
"""
WRITER = """
import os, sys, time
open(sys.argv[1], "w").write(str(os.getpid()))
log = open(sys.argv[2], "ab", buffering=0)
lines = b"GET /cart 200 1\\n" * 250
while True:
    for _ in range((8 << 20) // len(lines)):
        log.write(lines)
    os.fdatasync(log.fileno())
    print("written", flush=True)
    if log.tell() > 160 << 20:
        time.sleep(0.05)
"""


@pytest.fixture
def place() -> Iterator[Place]:
    with real_place(LIMIT) as made:
        made.sampler = Sampler(Roots(cgroup_root=made.base), "this-machine", stat_interval_seconds=0.5)
        yield made


class Program:
    """One of the programs above, in the container."""

    def __init__(self, place: Place, code: str, file: Path) -> None:
        self.place = place
        command = [sys.executable, "-S", "-c", code, f"{place.container}/cgroup.procs", str(file)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        place.children.append(self.process)
        assert self.process.stdout is not None
        self._told = self.process.stdout.fileno()

    def goes_on(self, rounds: int) -> None:
        """Until so many more rounds are told."""
        os.set_blocking(self._told, False)
        with suppress(BlockingIOError):
            while os.read(self._told, 65536):
                pass
        os.set_blocking(self._told, True)
        while rounds > 0:
            told = os.read(self._told, 65536)
            assert told, "the program ended"
            rounds -= told.count(b"\n")

    def row(self) -> Container:
        """What the agent tells of it after it has got used to its limit; rates over a second at least."""
        self.goes_on(SETTLED)
        self.place.row()
        until_seconds = time.monotonic() + 1
        while time.monotonic() < until_seconds:
            self.goes_on(1)
        return structs.replace(self.place.row(), container_id=FIRST_RUN)


A_DAY = (600.0,) * 9 + (3600.0,) * 23
"""Seconds from look to look."""


def lived(program: Program, days: int, *, follows: bool = True) -> Followed:
    """It is measured once a day, and whenever the recommended limit, which it gets at once, is another one."""
    one = Followed(limit=LIMIT, follows=follows)
    for _ in range(days):
        row = program.row()
        for seconds in A_DAY:
            one.look(row)
            if one.limit != row.memory.limit_bytes:
                program.place.resize(one.limit)
                row = program.row()
            one.now += seconds
    return one


def sparse(path: Path, size: int) -> Path:
    """A file without a block on the disk: its pages are cached as those of any other."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def charged(place: Place, program: Program, folder: Path) -> None:
    """Skips the test where no cache is charged to the container, or it is not given back when it is needed (a tmpfs)."""
    program.goes_on(SETTLED)
    memory = place.row().memory
    if memory.usage_bytes is None or memory.usage_bytes < LIMIT // 2 or (memory.shmem_bytes or 0) > MI:
        pytest.skip(f"the file system of {folder} does not charge its page cache")


def rate(row: Container) -> float:
    if row.refaults_per_second is None:
        pytest.skip("this kernel does not tell refaults of file pages")
    return row.refaults_per_second


def test_a_file_that_is_read_over_and_over_gets_a_limit_that_it_fits_into_and_no_more(place: Place, tmp_path: Path) -> None:
    program = Program(place, READER, sparse(tmp_path / "file", ONE_FILE))
    charged(place, program, tmp_path)
    before = program.row()
    assert rate(before) > SIGNIFICANT
    assert (before.memory.working_set_bytes or 0) < LIMIT, "the working set does not show it"
    one = lived(program, 4)

    assert rate(program.row()) < SIGNIFICANT
    assert ONE_FILE // MI < one.limits[-1] <= 2.5 * LIMIT // MI
    assert one.limits == sorted(one.limits)
    assert len(one.limits) <= 3, "two steps, half of the cache each"
    assert "were dropped at the limit and read again" in one.cache_words
    row = program.row()
    for _ in range(4 * 40):
        one.look(row)
        one.now += 6 * 3600
    assert min(one.limits[1:]) * MI > ONE_FILE, "what fits stays, active or not (multi-generational LRU): forty days later, too"


def test_a_log_that_fills_the_cache_gets_no_room(place: Place, tmp_path: Path) -> None:
    program = Program(place, WRITER, tmp_path / "log")
    charged(place, program, tmp_path)
    until(lambda: (place.row().memory.usage_bytes or 0) >= LIMIT * 95 // 100)
    row = program.row()
    assert rate(row) < SIGNIFICANT
    one = lived(program, 2, follows=False)

    assert one.limits[-1] < LIMIT // MI * 3 // 4, "today's limit is full, and less is recommended"
    assert "read again" not in one.cache_words


def test_a_stream_through_a_huge_file_ends_at_a_bound_and_is_told_so(place: Place, tmp_path: Path) -> None:
    """On a busy machine it reads less for a while, which looks as if more cache had helped: then it takes two steps more."""
    program = Program(place, READER, sparse(tmp_path / "file", HUGE))
    charged(place, program, tmp_path)
    program.goes_on(HUGE // ROUND)
    assert rate(program.row()) > SIGNIFICANT
    one = lived(program, 6)

    assert max(one.limits) <= 5.5 * LIMIT // MI
    assert "no more is asked for" in one.cache_words
    if "does not help" in one.cache_words:
        assert one.limits[-1] <= LIMIT * 9 // 8 // MI, "as it had before"
