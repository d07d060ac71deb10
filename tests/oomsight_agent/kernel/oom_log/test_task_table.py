"""The table of tasks: its columns are known by its header."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.oom_log.task_table import TaskTable

OLD = b"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name"
NEW = b"[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name"


def table(*lines: bytes, page_size_bytes: int = 4096) -> TaskTable:
    made = TaskTable(page_size_bytes)
    for line in lines:
        made.take(line)
    return made


def row(pid: int, rss: int, name: bytes = b"app") -> bytes:
    return b"[%7d]     0 %5d     4683 %8d     2048      351         0    61440        0             0 %s" % (pid, pid, rss, name)


def test_page_tables_are_counted_in_pages_or_in_bytes() -> None:
    (old,) = table(OLD, b"[  910]  1000   910    40000    15500      60       3       10           984 python").biggest()
    assert (old.page_tables_bytes, old.rss_bytes, old.swap_bytes, old.oom_score_adj) == (63 * 4096, 15500 * 4096, 40960, 984)
    (new,) = table(NEW, row(1, 100)).biggest()
    assert (new.page_tables_bytes, new.rss_bytes, new.swap_bytes) == (61440, 100 * 4096, 0)


def test_pages_of_64_kib_count_as_such() -> None:
    (task,) = table(NEW, row(1, 100), page_size_bytes=65536).biggest()
    assert (task.rss_bytes, task.page_tables_bytes) == (100 * 65536, 61440)


def test_the_ten_biggest_are_kept_and_every_pid() -> None:
    made = table(NEW, *(row(pid, 7 * pid % 31) for pid in range(1, 31)))
    assert [task.rss_bytes for task in made.biggest()] == [rss * 4096 for rss in range(30, 20, -1)]
    assert made.pids == set(range(1, 31))


def test_of_equal_ones_the_first_are_kept_in_the_logs_order() -> None:
    """A row may come twice: a table is printed while tasks come and go."""
    made = table(NEW, *(row(pid, 5) for pid in (1, 1, *range(2, 15))))
    assert [task.pid for task in made.biggest()] == [1, 1, *range(2, 10)]


def test_other_lines_with_a_bracket_are_no_rows() -> None:
    made = table(b"[drm] Initialized", row(1, 1), NEW, b"[drm] Initialized", b"[ 12 ]", row(2, 1), NEW)
    assert made.pids == {2}


def test_a_header_without_end_is_none() -> None:
    assert table(b"[ pid ] " + b" uid" * 500 + b" name", row(1, 1)).biggest() == ()
    assert table(b"[ pid ]  uid uid name", row(1, 1)).biggest() == ()


@given(st.lists(st.sampled_from((OLD, NEW, row(1, 5), row(1, 5, b"\xff"), row(2, 9))) | st.binary(max_size=80)))
def test_no_lines_break_it(lines: list[bytes]) -> None:
    made = table(*lines)
    assert len(made.biggest()) <= 10
    assert all(task.name.isprintable() or not task.name for task in made.biggest())
