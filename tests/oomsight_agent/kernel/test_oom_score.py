"""Which arithmetic a kernel has, from its own word on a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.meminfo import MemInfo, parse_meminfo
from oomsight_agent.kernel.oom_score import is_signed, read_signed_badness
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

TOTAL = 1_000_000
PAGE = 4096
STATUS = "Name:\tagent\nRssAnon:\t8000 kB\nRssFile:\t4000 kB\nRssShmem:\t0 kB\nVmPTE:\t100 kB\nVmSwap:\t0 kB\n"


@pytest.mark.parametrize(
    ("points", "score", "signed"),
    [
        (3025, 668, True),  # adj 0, 12 MiB
        (3025, 3, False),
        (3025 - 997_000, 4, True),  # node-critical
        (3025 - 997_000, 0, False),
        (3025 + 900_000, 1268, True),
        (3025 + 900_000, 903, False),
        (3025, 100, None),  # no arithmetic that we know
        (3025 - 999_000, 3, True),
        (-999_000, 0, None),  # both come to 0
    ],
)
def test_the_score_of_a_known_badness_tells_the_arithmetic(points: int, score: int, signed: bool | None) -> None:
    assert is_signed(score, points, points, TOTAL) is signed


@given(st.integers(-1000, 1000), st.integers(0, TOTAL), st.integers(0, 500))
def test_a_process_that_grows_while_it_is_read_is_not_mistaken(adj: int, size: int, grown: int) -> None:
    least, most = size + adj * (TOTAL // 1000), size + grown + adj * (TOTAL // 1000)
    at_read = least + grown // 2
    signed_score = int((1000 + int(at_read * 1000 / TOTAL)) * 2 / 3)
    clamped_score = max(1, at_read) * 1000 // TOTAL
    assert is_signed(signed_score, least, most, TOTAL) in (True, None)
    assert is_signed(clamped_score, least, most, TOTAL) in (False, None)


def put_self(root: Path, adj: str = "0\n", score: str = "668\n") -> None:
    directory = root / "self"
    directory.mkdir()
    (directory / "status").write_text(STATUS)
    (directory / "oom_score_adj").write_text(adj)
    (directory / "oom_score").write_text(score)


def test_it_is_read_of_the_process_itself(tmp_path: Path) -> None:
    put_self(tmp_path)
    assert read_signed_badness(str(tmp_path), ReadErrors(), TOTAL, PAGE) is True


@pytest.mark.parametrize("adj", ["-1000\n", "often\n"])
def test_an_exempt_or_unreadable_process_tells_nothing(tmp_path: Path, adj: str) -> None:
    put_self(tmp_path, adj=adj, score="0\n")
    assert read_signed_badness(str(tmp_path), ReadErrors(), TOTAL, PAGE) is None


def test_a_score_that_makes_no_sense_is_counted(tmp_path: Path) -> None:
    put_self(tmp_path, score="high\n")
    errors = ReadErrors()
    assert read_signed_badness(str(tmp_path), errors, TOTAL, PAGE) is None
    assert errors.totals[FileKind.PROCESS_OOM_SCORE] == 1


def test_without_the_nodes_size_or_proc_nothing_is_known(tmp_path: Path) -> None:
    assert read_signed_badness(str(tmp_path), ReadErrors(), TOTAL, PAGE) is None
    put_self(tmp_path)
    assert read_signed_badness(str(tmp_path), ReadErrors(), None, PAGE) is None


def test_this_kernel_says_which_one_it_has() -> None:
    info = parse_meminfo(Path("/proc/meminfo").read_bytes())
    assert isinstance(info, MemInfo)
    assert info.total_bytes is not None
    assert info.swap_total_bytes is not None
    page = os.sysconf("SC_PAGE_SIZE")
    signed = read_signed_badness("/proc", ReadErrors(), (info.total_bytes + info.swap_total_bytes) // page, page)
    release = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])
    assert signed is True if release >= (5, 9) else signed is not None
