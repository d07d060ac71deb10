"""The table, its last line and the exit code."""

from __future__ import annotations

import dataclasses

import pytest

from oomsight_proof.results import Row, exit_code, from_json, summary, table, to_json

GOOD = Row("container", "6.12.57", "v2", "kernel log", kills=2, found=2, attributed=2, note="fine")
SKIPPED = Row("node", "6.12.57", "v2", "kernel log", skipped="needs a VM")
LOST = dataclasses.replace(GOOD, found=1, lost=1)


def test_the_last_line_sums_what_ran() -> None:
    assert summary([GOOD, LOST, SKIPPED]) == "scenarios=2 kills=4 found=3 lost=1 doubled=0 invented=0"


@pytest.mark.parametrize(
    "bad",
    [
        LOST,
        dataclasses.replace(GOOD, doubled=1),
        dataclasses.replace(GOOD, invented=1),
        dataclasses.replace(GOOD, faults=("container is told as b, it was a",)),
    ],
    ids=["lost", "doubled", "invented", "wrong"],
)
def test_one_bad_row_fails_all(bad: Row) -> None:
    assert exit_code([GOOD, SKIPPED]) == 0
    assert exit_code([GOOD, bad]) == 1


def test_nothing_that_ran_proves_nothing() -> None:
    assert exit_code([SKIPPED]) == 1


def test_rows_come_back_from_json_as_they_were() -> None:
    rows = [dataclasses.replace(LOST, faults=("a", "b")), SKIPPED]
    assert from_json(to_json(rows)) == rows


@pytest.mark.parametrize("text", ["[]", "{}", '{"rows": [1]}', '{"rows": [{"scenario": "x"}]}', "nonsense"])
def test_anything_else_is_no_result(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (json's own words for the last one)
        from_json(text)


def test_columns_are_aligned_and_skipped_rows_say_why() -> None:
    assert table([GOOD, SKIPPED]).splitlines() == [
        "scenario   kernel   cgroup  evidence    kills  found  attributed  lost  doubled  invented  note",
        "container  6.12.57  v2      kernel log      2      2           2     0        0         0  fine",
        "node       6.12.57  v2      kernel log      -      -           -     -        -         -  skipped: needs a VM",
    ]


def test_markdown_has_one_row_a_line_whatever_a_note_says() -> None:
    row = dataclasses.replace(GOOD, faults=("a|b",))
    assert table([row], markdown=True).splitlines() == [
        "| scenario | kernel | cgroup | evidence | kills | found | attributed | lost | doubled | invented | note |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        "| container | 6.12.57 | v2 | kernel log | 2 | 2 | 2 | 0 | 0 | 0 | WRONG: a\\|b; fine |",
    ]
