"""The image of the Dockerfile, as the cluster runs it by itself: who it is, its two programs, and the locked versions alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from oomsight_cluster.cache import CHECKOUT
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.stage import Stage
from oomsight_cluster.workloads import container, pod, pod_spec

LOOK = """
import importlib.metadata, json, os, subprocess, sys

def said(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return [done.returncode, (done.stdout or done.stderr).strip()]

packages = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
programs = {name: [said(name, "--version"), said(name, "--help")] for name in ("oomsight-agent", "oomsight-operator")}
writable = [path for path in sys.path if path and os.access(path, os.W_OK)]
print(json.dumps({"uid": os.getuid(), "packages": packages, "programs": programs, "writable": writable}))
"""
BROUGHT_BY_VENV = {"pip", "setuptools"}


def normal(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def seen(kubectl: Kubectl, stage: Stage) -> dict[str, Any]:
    kubectl.apply(pod("image", pod_spec(container(stage.cluster, ["python", "-c", LOOK]), restartPolicy="Never")))
    stage.pod_when("image", lambda found: found["status"].get("phase") in ("Succeeded", "Failed"), "it ends")
    said = eventually(lambda: stage.logs("image"), "what it printed", 30)
    found: dict[str, Any] = json.loads(said)
    return found


def test_it_runs_as_an_ordinary_user_who_may_not_change_its_code(seen: dict[str, Any]) -> None:
    assert seen["uid"] >= 10_000, "no user of a node"  # of `USER uid:gid` containerd takes the uid; the chart sets the group
    assert seen["writable"] == []


@pytest.mark.parametrize("program", ["oomsight-agent", "oomsight-operator"])
def test_both_programs_are_on_its_path(seen: dict[str, Any], program: str) -> None:
    (code, version), (help_code, usage) = seen["programs"][program]
    assert (code, version) == (0, f"{program} {seen['packages']['oomsight']}")
    assert help_code == 0
    assert f"usage: {program}" in usage


def test_it_has_the_locked_packages_and_no_others(seen: dict[str, Any]) -> None:
    locked = (CHECKOUT / "requirements" / "operator.txt").read_text()
    wanted = {normal(name): version for name, version in re.findall(r"(?m)^([A-Za-z0-9][^= ]*)==([^ ;\\]+)", locked)}
    packages = {normal(name): version for name, version in seen["packages"].items()}
    assert {name: version for name, version in packages.items() if name not in {*BROUGHT_BY_VENV, "oomsight"}} == wanted
