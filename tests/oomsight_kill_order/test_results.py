"""What a run has shown: counted apart, never rounded to the better side, and not passed where it has not shown enough."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_kill_order.results import Trial, Verdict, differences_table, faults, from_json, summary, table, to_json


def trial(verdict: Verdict, *, kernel: str = "6.1", domain: str = "pod", number: int = 0, **more: object) -> Trial:
    values: dict[str, Any] = {"hit": verdict in {Verdict.CORRECT, Verdict.AMBIGUOUS}, **more}
    of: dict[str, Any] = {"kernel": kernel, "cgroup": "v2", "seed": 4, "number": number, "domain": domain}
    return Trial(verdict=verdict, trigger="charge", shape="random", **of, **values)


def trials(correct: int = 0, wrong: int = 0, ambiguous: int = 0, void: int = 0) -> list[Trial]:
    counts = {Verdict.CORRECT: correct, Verdict.WRONG: wrong, Verdict.AMBIGUOUS: ambiguous, Verdict.VOID: void}
    return [trial(verdict) for verdict, count in counts.items() for _ in range(count)]


def test_ambiguous_and_void_ones_are_not_counted_as_right() -> None:
    assert summary(trials(correct=90, wrong=10, ambiguous=25, void=25)) == "trials=150 top1=0.900 ambiguous=0.200"


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (trials(correct=9999, wrong=1), "trials=10000 top1=0.999 ambiguous=0.000"),
        (trials(correct=9999, ambiguous=1), "trials=10000 top1=1.000 ambiguous=0.001"),
        (trials(void=3), "trials=3 top1=- ambiguous=-"),
        ([], "trials=0 top1=- ambiguous=-"),
    ],
)
def test_shares_are_never_rounded_to_the_better_side(shown: list[Trial], line: str) -> None:
    assert summary(shown) == line


@pytest.mark.parametrize(
    ("shown", "word"),
    [
        (trials(correct=989, wrong=11), "top1 is 0.9890, expected at least 0.99"),
        (trials(correct=95, ambiguous=5), "ambiguous are 0.0500, expected less than 0.05"),
        (trials(correct=94, void=6), "6 of 100 trials did not happen as they should"),
        (trials(void=5), "no trial has told anything"),
        ([], "no trial has told anything"),
        ([*trials(correct=100), trial(Verdict.AMBIGUOUS, hit=False)], "the victim was not among those named in 1"),
        ([*trials(correct=99), trial(Verdict.CORRECT, group_right=False)], "who dies together was right in 0 of 1"),
    ],
)
def test_a_run_that_falls_short_says_in_what(shown: list[Trial], word: str) -> None:
    assert any(word in fault for fault in faults(shown)), faults(shown)


def test_a_run_that_meets_all_has_no_faults() -> None:
    assert faults([*trials(correct=990, wrong=10, ambiguous=20, void=5), trial(Verdict.CORRECT, group_right=True)]) == []


def test_the_table_has_a_line_for_each_kernel_and_domain() -> None:
    shown = [
        trial(Verdict.CORRECT, kernel="6.1", domain="pod", group_right=True),
        trial(Verdict.AMBIGUOUS, kernel="6.1", domain="pod"),
        trial(Verdict.WRONG, kernel="6.12", domain="node"),
        trial(Verdict.VOID, kernel="6.12", domain="node"),
    ]
    assert table(shown).splitlines() == [
        "kernel   domain  trials  void  ambiguous  correct  wrong   top1  among  group",
        "6.1 v2   pod          2     0          1        1      0  1.000    1/1    1/1",
        "6.12 v2  node         2     1          0        0      1  0.000      -      -",
        "all      all          4     1          1        1      1  0.500    1/1    1/1",
    ]
    assert table(shown, markdown=True).splitlines()[2] == "| 6.1 v2 | pod | 2 | 0 | 1 | 1 | 0 | 1.000 | 1/1 | 1/1 |"


def test_how_far_the_killers_numbers_are_from_what_was_read() -> None:
    shown = [trial(Verdict.CORRECT, differences=((0, 0, 0), (-3, 1, 0))), trial(Verdict.CORRECT, kernel="6.12")]
    assert differences_table(shown) == (
        "6.1: 2 processes, killer less /proc in pages: equal 50.0%, 99 % within 0, all within 2 "
        "(resident -3..0, swapped 0..1, page tables 0..0)"
    )


def test_results_go_from_a_machine_to_the_table_unchanged() -> None:
    shown = [trial(Verdict.WRONG, note="named a, killed b", margin_pages=3, differences=((1, 2, 3),)), *trials(void=1)]
    assert from_json(to_json(shown)) == shown


@pytest.mark.parametrize("text", ["{}", "[]", '{"trials": [{"verdict": "correct"}]}', '{"trials": [{"other": 1}]}', "nonsense"])
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"found|Expecting"):
        from_json(text)
