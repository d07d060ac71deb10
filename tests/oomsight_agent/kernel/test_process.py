import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.process import (
    ProcessStatus,
    badness_points,
    parse_cgroup_of_process,
    parse_resident_pages,
    parse_status,
)

V1 = b"9:name=systemd:/\n4:cpuset,memory:/kubepods/burstable/pod1\n0::/init.scope\n"


def status(name: bytes = b"cat", anon_kib: int = 112) -> bytes:
    sizes = (
        b"RssAnon:\t%8d kB\nRssFile:\t    1576 kB\nRssShmem:\t       4 kB\nVmPTE:\t      44 kB\nVmSwap:\t      16 kB\n" % anon_kib
    )
    return b"Name:\t%s\nUmask:\t0022\nState:\tR (running)\n%s" % (name, sizes)


def test_each_version_finds_its_own_line() -> None:
    assert parse_cgroup_of_process(V1, 1) == "/kubepods/burstable/pod1"
    assert parse_cgroup_of_process(V1, 2) == "/init.scope"
    assert parse_cgroup_of_process(b"0::/a\n", 1) is None


def test_a_removed_cgroup_is_still_named() -> None:
    assert parse_cgroup_of_process(b"0::/kubepods/x (deleted)\n", 2) == "/kubepods/x"


def test_a_path_with_colons_is_whole() -> None:
    assert parse_cgroup_of_process(b"0::/system.slice/a.slice:cri-containerd:b\n", 2) == "/system.slice/a.slice:cri-containerd:b"


def test_a_file_that_makes_no_sense_is_a_problem() -> None:
    assert isinstance(parse_cgroup_of_process(b"garbage", 2), Problem)
    assert isinstance(parse_status(b""), Problem)
    assert isinstance(parse_status(b"State:\tR\n"), Problem)
    assert isinstance(parse_status(status().replace(b"1576 kB", b"many kB")), Problem)


def test_sizes_and_name() -> None:
    assert parse_status(status()) == ProcessStatus("cat", (112 + 1576 + 4) * 1024, 16 * 1024, 44 * 1024, file_bytes=1576 * 1024)


def test_resident_pages_as_the_killer_counts_them() -> None:
    line = b"4711 (cat) S 1 4711 4711 0 -1 4194560 99 0 0 0 0 0 0 0 20 0 1 0 100 3252224 405 18446744073709551615 1 1 0\n"
    assert parse_resident_pages(line) == 405
    assert parse_resident_pages(line.replace(b"(cat)", b"(a) S 1 2 (b)")) == 405


@pytest.mark.parametrize("data", [b"", b"4711 (cat) S 1", b"4711 (cat) S" + b" x" * 40, b"1 (a) S" + b" 9" * 20 + b" " + b"9" * 15])
def test_a_stat_that_makes_no_sense_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_resident_pages(data), Problem)


@given(st.binary())
def test_resident_pages_of_anything_do_not_crash(data: bytes) -> None:
    parsed = parse_resident_pages(data)
    assert isinstance(parsed, Problem) or parsed >= 0


def test_the_numbers_in_the_pid_namespaces() -> None:
    assert parse_status(b"Name:\tcat\nNSpid:\t4711\t12\t1\nNSsid:\t3\n") == ProcessStatus("cat", namespace_pids=(4711, 12, 1))
    assert parse_status(b"Name:\tcat\nNSpid:\t47x\t1\n") == ProcessStatus("cat")
    assert parse_status(b"Name:\tcat\nNSpid:\t4711") == ProcessStatus("cat", namespace_pids=(4711,))


def test_a_zombie_or_kernel_thread_has_no_memory() -> None:
    assert parse_status(b"Name:\tkthreadd\nState:\tS (sleeping)\n") == ProcessStatus("kthreadd")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (rb"a\nRssAnon: 99 kB", r"a\x0aRssAnon: 99 k"),  # the kernel writes a newline as \n
        (rb"a\\nb", r"a\x5cnb"),  # and a backslash as two
        (b"na me) \xe2\x80\xae", r"na me) \xe2\x80\xae"),
        (b"", ""),
        (b"kworker/u8:2-events_unbound", "kworker/u8:2-ev"),
    ],
)
def test_a_hostile_name_is_plain_and_at_most_15_bytes(raw: bytes, shown: str) -> None:
    parsed = parse_status(status(raw))
    assert isinstance(parsed, ProcessStatus)
    assert parsed.name == shown
    assert parsed.rss_bytes == (112 + 1576 + 4) * 1024


@given(st.binary(max_size=120))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    parsed = parse_status(b"Name:\t" + data)
    assert isinstance(parsed, Problem) or (parsed.name.isascii() and parsed.name.isprintable() and len(parsed.name) <= 60)
    for version in (1, 2):
        path = parse_cgroup_of_process(data, version)
        assert path is None or isinstance(path, (str, Problem))


def test_badness_is_the_kernels_arithmetic() -> None:
    #  rss 423 pages + swap 4 + page tables 11, adj 500 x (1,000,999 // 1000)
    parsed = parse_status(status())
    assert isinstance(parsed, ProcessStatus)
    assert badness_points(parsed, 0, 1_000_999, 4096) == 438
    assert badness_points(parsed, 500, 1_000_999, 4096) == 438 + 500 * 1000
    assert badness_points(parsed, -997, 1_000_999, 4096) == 438 - 997 * 1000


def test_who_is_exempt_has_no_badness() -> None:
    parsed = ProcessStatus("app", 4096, 0, 0)
    assert badness_points(parsed, -1000, 10**6, 4096) is None
    assert badness_points(ProcessStatus("zombie"), 0, 10**6, 4096) is None
    assert badness_points(parsed, None, 10**6, 4096) is None
    assert badness_points(parsed, 0, None, 4096) is None


def test_badness_of_this_very_process_is_what_the_kernel_says() -> None:
    """/proc/PID/oom_score is (1000 + badness * 1000 / totalpages) * 2 / 3 since 5.9, badness * 1000 / totalpages before."""
    page = os.sysconf("SC_PAGE_SIZE")
    info = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total_pages = sum(int(info[key].split()[0]) for key in ("MemTotal", "SwapTotal")) * 1024 // page
    parsed = parse_status(Path("/proc/self/status").read_bytes())
    assert isinstance(parsed, ProcessStatus)
    points = badness_points(parsed, int(Path("/proc/self/oom_score_adj").read_text()), total_pages, page)
    assert points is not None
    score = int(Path("/proc/self/oom_score").read_text())
    share = points * 1000 // total_pages
    assert min(abs(score - (1000 + share) * 2 // 3), abs(score - max(share, 1))) <= 1
