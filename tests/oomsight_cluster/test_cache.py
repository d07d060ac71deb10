"""What is kept does not grow: of each thing the newest stays, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

from oomsight_cluster.cache import drop_others


def test_of_the_same_name_only_what_was_made_last_stays(tmp_path: Path) -> None:
    for name in ("wheels-1", "wheels-2", "base-1", "0123456789abcdef"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    drop_others(tmp_path / "wheels-2")
    assert {path.name for path in tmp_path.iterdir()} == {"wheels-2", "base-1", "0123456789abcdef"}
