"""Rules of the house that no linter holds."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("crds", "node-agent", "operator", "e2e", "bench", "tests")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_operator_stays_the_standard_librarys() -> None:
    """A module in `operator/__init__.py` would kill every Python that has this folder's parent on its path."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    command = [sys.executable, "-c", "import operator; print(operator.__file__)"]
    printed = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    assert printed.stdout.strip().startswith(sysconfig.get_path("stdlib"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_enough_to_be_read_at_one_sitting(module: Path) -> None:
    lines = len(module.read_text().splitlines())
    assert lines <= 400, f"{module.name} has {lines} lines, at most 400: split it by concept"


def test_no_requirements_file_names_an_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text(), path
        assert "--hash=sha256:" in path.read_text(), path
