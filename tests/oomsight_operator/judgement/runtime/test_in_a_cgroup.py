"""Real runtimes within real memory cgroups: the heap that they give themselves is the one that is foretold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.oomsight_operator.judgement.runtime.starts import MI, start

from oomsight_operator.judgement.recommend.heap import Heap
from oomsight_operator.judgement.runtime.go import go_heap
from oomsight_operator.judgement.runtime.jvm import jvm_heap
from oomsight_operator.judgement.runtime.node import node_heap
from oomsight_sandbox.kubelet.cgroups import Cgroups


def said_in(cgroups: Cgroups, limit: int, *argv: str, env: Mapping[str, str] | None = None) -> str:
    """What a program prints that starts in a container of that limit. Raises CalledProcessError where it is killed."""
    pod = cgroups.make_pod("u1", "Burstable", limit)
    folder = cgroups.make_container(pod, "a" * 64, limit, oom_group=False)
    clean = {name: value for name, value in os.environ.items() if "JAVA" not in name and name != "NODE_OPTIONS"}
    clean.update(env or {})
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


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine to compare with")
@pytest.mark.parametrize("line", [["--max-old-space-size-percentage=50"], ["--max-old-space-size-percentage", "12.5"]], ids=str)
def test_node_takes_a_percentage_of_its_limit(cgroups: Cgroups, line: list[str]) -> None:
    try:
        subprocess.run(["node", "--max-old-space-size-percentage=50", "-e", ""], capture_output=True, check=True, timeout=60)
    except subprocess.CalledProcessError:
        pytest.skip("this machine's Node.js does not know --max-old-space-size-percentage (24 does)")
    script = "console.log(require('v8').getHeapStatistics().heap_size_limit)"
    words = ["node", *line, "--max-old-space-size=300", "--max-semi-space-size=1", "-e", script]
    said = int(said_in(cgroups, 640 * MI, *words))
    found = node_heap(start([*words[:-2], "app.js"]))
    assert found is not None
    assert found.heap_bytes(640 * MI) == said - 3 * MI


@pytest.mark.parametrize("bound_mi", [32, 64, 128])
def test_a_go_program_lives_within_its_bound_and_what_is_left_beside_it(cgroups: Cgroups, churn: Path, bound_mi: int) -> None:
    bound = f"{bound_mi}MiB"
    setting = go_heap(start(env={"GOMEMLIMIT": bound}))
    assert setting is not None
    needed = Heap(setting).needed_bytes
    assert needed is not None
    assert said_in(cgroups, needed, str(churn), env={"GOMEMLIMIT": bound, "GOGC": "off"})
