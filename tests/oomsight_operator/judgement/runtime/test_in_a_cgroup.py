"""Real runtimes within real memory cgroups: the heap that they give themselves is the one that is foretold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.oomsight_operator.judgement.runtime.starts import MI, start

from oomsight_operator.judgement.runtime.jvm import jvm_heap
from oomsight_operator.judgement.runtime.node import node_heap
from oomsight_sandbox.kubelet.cgroups import Cgroups


def said_in(cgroups: Cgroups, limit: int, *argv: str) -> str:
    """What a program prints that starts in a container of that limit."""
    pod = cgroups.make_pod("u1", "Burstable", limit)
    folder = cgroups.make_container(pod, "a" * 64, limit, oom_group=False)
    clean = {name: value for name, value in os.environ.items() if "JAVA" not in name and name != "NODE_OPTIONS"}
    script = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    line = ["sh", "-c", script, folder, *argv]
    return subprocess.run(line, env=clean, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.skipif(shutil.which("java") is None, reason="no java on this machine to compare with")
@pytest.mark.parametrize(
    ("options", "limit_mi"), [([], 128), ([], 320), ([], 640), (["-XX:MaxRAMPercentage=75"], 640), (["-Xmx96m"], 640)], ids=str
)
def test_a_jvm_finds_its_limit(cgroups: Cgroups, options: list[str], limit_mi: int) -> None:
    line = ["java", "-XX:+UseSerialGC", *options]
    said = re.search(r"\bMaxHeapSize\s*=\s*(\d+)", said_in(cgroups, limit_mi * MI, *line, "-XX:+PrintFlagsFinal", "-version"))
    found = jvm_heap(start([*line, "-version"], limit=limit_mi * MI))
    assert said is not None
    assert found is not None
    foretold = found.heap_bytes(limit_mi * MI)
    assert foretold is not None
    assert 0 <= int(said[1]) - foretold < 4 * MI  # rounded up to the collector's alignment


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine to compare with")
@pytest.mark.parametrize("limit_mi", [384, 512, 640])
def test_node_finds_its_limit(cgroups: Cgroups, limit_mi: int, tmp_path: Path) -> None:
    script = tmp_path / "heap.js"
    script.write_text("console.log(require('v8').getHeapStatistics().heap_size_limit)")
    said = int(said_in(cgroups, limit_mi * MI, "node", str(script)))
    found = node_heap(start(["node", "heap.js"], limit=limit_mi * MI))
    assert found is not None
    foretold = found.heap_bytes(limit_mi * MI)
    assert foretold is not None
    assert 0 <= said - foretold <= 48 * MI  # and the young generation
