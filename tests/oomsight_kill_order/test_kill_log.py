"""By how much the killer's numbers differ from what was read before."""

from __future__ import annotations

from oomsight_agent.kernel.oom_log.model import LogKill, LogOom, LogTask
from oomsight_api.report import Process
from oomsight_kill_order.kill_log import Difference, Logged, differences

PAGE = 4096


def read(pid: int, rss: int = 100, swap: int | None = 20, tables: int = 3) -> Process:
    swap_bytes = None if swap is None else swap * PAGE
    return Process(pid=pid, name="a", oom_score_adj=0, rss_bytes=rss * PAGE, swap_bytes=swap_bytes, page_tables_bytes=tables * PAGE)


def counted(pid: int, rss: int, swap: int, tables: int = 3) -> LogTask:
    return LogTask(pid, "a", rss_bytes=rss * PAGE, swap_bytes=swap * PAGE, page_tables_bytes=tables * PAGE)


def test_differences_are_the_killers_pages_less_ours() -> None:
    found = differences([counted(7, 68, 15), counted(8, 100, 20)], [read(7), read(8)], PAGE)
    assert found == {7: Difference(-32, -5, 0), 8: Difference(0, 0, 0)}
    assert [each.total for each in found.values()] == [-37, 0]


def test_who_is_not_in_both_or_not_known_whole_is_left_out() -> None:
    tasks = [counted(7, 100, 20), counted(9, 100, 20), LogTask(8, "a", rss_bytes=PAGE)]
    assert differences(tasks, [read(7, swap=None), read(8)], PAGE) == {}


def test_the_oom_of_a_pid_is_the_first_that_killed_it() -> None:
    first, second = (LogOom(seq, seq, False, kills=(LogKill(seq, seq, pid, "a"),)) for seq, pid in ((1, 7), (2, 8)))
    logged = Logged((7, 8), (first, second))
    assert logged.first_oom_of(8) is second
    assert logged.first_oom_of(9) is None
