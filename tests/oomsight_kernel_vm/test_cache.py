"""Nothing half made is ever used, and nothing of a killed run stays."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from oomsight_kernel_vm import cache


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with cache.appears_whole(tmp_path / "roots" / "key") as unfinished:
        (unfinished / "disk").write_text("x")
        assert not (tmp_path / "roots" / "key").exists()
    assert (tmp_path / "roots" / "key" / "disk").read_text() == "x"


def test_what_was_interrupted_is_not_there_and_leaves_nothing(tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), cache.appears_whole(tmp_path / "roots" / "key"):
        raise KeyboardInterrupt
    assert list((tmp_path / "roots").iterdir()) == []


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "roots" / ".unfinished-dead").mkdir(parents=True)
    with cache.appears_whole(tmp_path / "roots" / "key"):
        pass
    assert [path.name for path in (tmp_path / "roots").iterdir()] == ["key"]


def test_a_run_takes_its_disks_along_and_those_of_a_killed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CACHE", tmp_path)
    dead = tmp_path / "runs" / "run-dead"
    dead.mkdir(parents=True)
    (dead / cache.LOCK_NAME).touch()
    with cache.run_directory() as first, cache.run_directory() as second:
        assert not dead.exists()
        assert first.is_dir()
        assert second.is_dir()
    assert list((tmp_path / "runs").iterdir()) == []


def test_the_newest_console_logs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CACHE", tmp_path)
    monkeypatch.setattr(cache, "KEPT_LOGS", 1)
    console = tmp_path / "console"
    console.write_text("panic")
    kept = [cache.keep_log(console, name) for name in ("a", "b")]
    assert sum(path.exists() for path in kept) == 1
    assert next(path for path in kept if path.exists()).read_text() == "panic"
