"""The whole product once: real cgroups in, an annotated pod out, read back through kubectl; and the same from the recording."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from oomsight_sandbox.checks import RULES
from oomsight_sandbox.kubelet.cgroups import can_make_cgroups

_REASON = can_make_cgroups()


def run_demo(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oomsight_sandbox.main", "demo", *flags]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **environment})


def told(output: str, app: str) -> str:
    """The demo's verdict on a pod, with its annotations as kubectl gave them."""
    match = re.search(rf"^ok +{app}\S*: .*\n +(.*)$", output, re.MULTILINE)
    assert match is not None, output
    return match[1]


def assert_all_is_told(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert "FAIL" not in run.stdout
    for app, _, _ in RULES:
        assert told(run.stdout, app)
    for app in ("recommender", "checkout"):
        assert re.search(r"OOMKilled by the kernel; oom-risk=(low|medium|high|critical)", told(run.stdout, app))
        assert re.search(
            r"last-oom-kill=\S+ \w+, (pod )?limit \d+Mi, exit code 137.*, recommended-limit=\w+=\d+Mi", told(run.stdout, app)
        )
    assert "Reason:       OOMKilled" in run.stdout
    assert "search/engine" in run.stdout


@pytest.mark.timeout(240)
@pytest.mark.skipif(_REASON is not None, reason=f"no memory cgroups here: {_REASON}")
def test_a_really_killed_containers_pod_is_annotated_and_page_cache_alone_is_no_risk() -> None:
    assert_all_is_told(run_demo())


@pytest.mark.timeout(240)
def test_a_replay_tells_the_same_and_says_that_it_is_one() -> None:
    run = run_demo(OOMSIGHT_SANDBOX_REPLAY="1")
    assert_all_is_told(run)
    assert re.search(r"^REPLAY of a recorded node \(Linux .*, cgroup v1, .*\), because you asked for it", run.stdout, re.MULTILINE)
