"""Whether anybody is left in a cgroup."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.population import MAX_NESTED, has_processes, parse_populated
from oomsight_agent.kernel.problem import Problem


def test_v2_asks_the_hierarchical_flag(tmp_path: Path) -> None:
    (tmp_path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    assert has_processes(2, str(tmp_path)) is True
    (tmp_path / "cgroup.events").write_text("populated 0\nfrozen 0\n")
    assert has_processes(2, str(tmp_path)) is False


def test_v1_looks_into_nested_cgroups_and_takes_no_line_for_unknown_since_other_namespaces_have_none(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "cgroup.procs").write_text("")
    (tmp_path / "inner" / "cgroup.procs").write_text("")
    assert has_processes(1, str(tmp_path)) is None
    (tmp_path / "inner" / "cgroup.procs").write_text("7\n")
    assert has_processes(1, str(tmp_path)) is True


def test_v1_with_more_nested_cgroups_than_are_looked_at_is_unknown_and_not_empty(tmp_path: Path) -> None:
    for number in range(MAX_NESTED):
        (tmp_path / f"{number:03}").mkdir()
    assert has_processes(1, str(tmp_path)) is None
    (tmp_path / "cgroup.procs").write_text("7\n")
    assert has_processes(1, str(tmp_path)) is True


def test_v1_with_a_nested_cgroup_that_cannot_be_listed_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert has_processes(1, str(tmp_path)) is None


def test_a_cgroup_that_is_gone_has_no_processes(tmp_path: Path) -> None:
    assert has_processes(1, f"{tmp_path}/gone") is False
    assert has_processes(2, f"{tmp_path}/gone") is False


def test_a_file_that_does_not_say_leaves_it_unknown(tmp_path: Path) -> None:
    (tmp_path / "cgroup.events").write_text("frozen 0\n")
    assert has_processes(2, str(tmp_path)) is None


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_problem(data: bytes) -> None:
    assert isinstance(parse_populated(data), bool | Problem)
