"""Whether the kernel chose whom the product named, from values alone."""

from __future__ import annotations

import pytest

from oomsight_agent.kernel.oom_log.model import LogKill, LogOom, LogTask
from oomsight_api.report import Process
from oomsight_kill_order.comparison import Truth, judge, truth_of
from oomsight_kill_order.generator import Allowed, generate
from oomsight_kill_order.kill_log import Logged
from oomsight_kill_order.prediction import Prediction
from oomsight_kill_order.results import Verdict
from oomsight_proof.stage import ScenarioError

SCENARIO = generate(1, 1, Allowed(cgroup_version=2, negative_adj=True, swap=False))
NAMES = {10: "a0", 11: "a1", 12: "a2", 13: "asker"}
PAGE = 4096


def predicted(*first: int, together: dict[int, frozenset[int]] | None = None, unlisted: int | None = None) -> Prediction:
    alone = {pid: frozenset({pid}) for pid in first}
    ranked = tuple((pid, name, 100, 1000 - pid) for pid, name in NAMES.items())
    processes = tuple(
        Process(pid=pid, name=name, oom_score_adj=100, rss_bytes=500 * PAGE, swap_bytes=0, page_tables_bytes=8 * PAGE)
        for pid, name in NAMES.items()
        if pid != unlisted
    )
    return Prediction(first, alone | (together or {}), ranked, 5000, PAGE, processes)


def logged(*pids: int, limit: str | None = "/pod", node: bool = False, tasks: tuple[LogTask, ...] = ()) -> Logged:
    kills = tuple(LogKill(1, 1, pid, NAMES[pid]) for pid in pids)
    return Logged(pids, (LogOom(1, 1, node, limit_cgroup=limit, kills=kills, tasks=tasks),))


def truth(*pids: int, tasks: tuple[LogTask, ...] = ()) -> Truth:
    return truth_of(pids, logged(*pids, tasks=tasks), "/pod")


def test_the_one_that_was_named_is_correct_and_needs_no_words() -> None:
    result = judge(SCENARIO, predicted(10), truth(10), NAMES)
    assert (result.verdict, result.hit, result.group_right, result.note) == (Verdict.CORRECT, True, None, "")


def test_another_is_wrong_and_tells_all_that_is_needed_to_understand_it() -> None:
    task = LogTask(10, "a0", rss_bytes=495 * PAGE, swap_bytes=0, page_tables_bytes=8 * PAGE)
    result = judge(SCENARIO, predicted(10), truth(11, tasks=(task,)), NAMES)
    assert (result.verdict, result.hit) == (Verdict.WRONG, False)
    assert "named a0(10) (to die: a0(10))\nkilled a1(11) (died: a1(11))" in result.note
    assert "scale 5000 pages: a0(10) adj=100 points=990  a1(11) adj=100 points=989" in result.note
    assert "the killer's pages less ours (resident, swapped, page tables): {'a0': (-5, 0, 0)}" in result.note
    assert '"seed":1,"number":1' in result.note
    assert result.differences == ((-5, 0, 0),)


@pytest.mark.parametrize(("victim", "hit"), [(11, True), (12, False)])
def test_more_than_one_named_is_ambiguous_whoever_died(victim: int, hit: bool) -> None:
    result = judge(SCENARIO, predicted(10, 11), truth(victim), NAMES)
    assert (result.verdict, result.hit) == (Verdict.AMBIGUOUS, hit)


@pytest.mark.parametrize(("died", "right"), [((10, 11), True), ((10,), False), ((10, 11, 12), False)])
def test_a_group_is_right_when_exactly_its_members_died(died: tuple[int, ...], right: bool) -> None:
    result = judge(SCENARIO, predicted(10, together={10: frozenset({10, 11})}), truth(*died), NAMES)
    assert (result.verdict, result.group_right) == (Verdict.CORRECT, right)


def test_members_that_no_report_lists_cannot_be_named() -> None:
    prediction = predicted(10, together={10: frozenset({10, 11})}, unlisted=12)
    assert judge(SCENARIO, prediction, truth(10, 11, 12), NAMES).group_right is True


def test_a_group_that_was_not_foreseen_is_wrong() -> None:
    assert judge(SCENARIO, predicted(10), truth(10, 12), NAMES).group_right is False


def test_what_died_of_a_second_decision_is_not_of_the_first_ones_group() -> None:
    ooms = (
        LogOom(1, 1, False, "/pod", kills=(LogKill(1, 1, 10, "a0"),)),
        LogOom(2, 2, False, "/pod", kills=(LogKill(2, 2, 12, "a2"),)),
    )
    result = judge(SCENARIO, predicted(10), truth_of((10, 12), Logged((10, 12), ooms), "/pod"), NAMES)
    assert (result.verdict, result.group_right) == (Verdict.CORRECT, None)


@pytest.mark.parametrize(
    ("log", "domain", "word"),
    [
        (logged(10, limit="/other"), "/pod", "memory of /other ran out, not of /pod"),
        (logged(10, limit=None, node=True), "/pod", "memory of the node ran out, not of /pod"),
        (logged(10), None, "memory of /pod ran out, not of the node"),
    ],
)
def test_an_oom_of_another_domain_is_no_trial(log: Logged, domain: str | None, word: str) -> None:
    with pytest.raises(ScenarioError, match=word):
        truth_of((10,), log, domain)


def test_a_header_that_the_kernels_rate_limit_left_out_is_no_other_domain() -> None:
    assert truth_of((10,), logged(10, limit=None), "/pod").first_pid == 10
    assert truth_of((10, 11), Logged((10, 11)), "/pod").died == {10, 11}


def test_the_asker_grows_between_prediction_and_kill_and_is_not_measured() -> None:
    prediction = predicted(10)
    tasks = (LogTask(13, "asker", rss_bytes=99 * PAGE, swap_bytes=0, page_tables_bytes=0),)
    assert judge(SCENARIO, prediction, truth(10, tasks=tasks), NAMES).differences == ()
