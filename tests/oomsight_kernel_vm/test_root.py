"""What is on a root disk, and when another one is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from oomsight_kernel_vm import root

LOCKED = """\
pytest==9.2.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
ruff==0.17.6 \\
    --hash=sha256:cc
uvloop==1.0 \\
    --hash=sha256:dd
"""


def test_a_package_left_out_takes_its_hashes_along() -> None:
    left = root.locked_for_machine(LOCKED, frozenset({"ruff", "uv"}))
    assert left == ("pytest==9.2.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nuvloop==1.0 \\\n    --hash=sha256:dd\n")


def test_what_is_left_out_is_locked_today() -> None:
    locked = root.REQUIREMENTS.read_text()
    assert [name for name in root.LEFT_OUT if f"\n{name}==" not in f"\n{locked}"] == []


def test_other_requirements_need_another_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = root.root_key()
    assert root.root_key() == before
    (tmp_path / "dev.txt").write_text(LOCKED)
    monkeypatch.setattr(root, "REQUIREMENTS", tmp_path / "dev.txt")
    assert root.root_key() != before
