"""What a program sees from the agent's pod, on this machine's own cgroups."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oomsight_proof.machine import Machine, MachineError, look
from oomsight_proof.pod import LIMIT, USER_ID, Pod
from oomsight_proof.tree import Tree

CAP_SYS_ADMIN = 1 << 21

SEES = """
import json, os, signal, sys
host = sys.argv[1]
def capabilities(path):
    return next(line.split()[1] for line in open(path) if line.startswith("CapEff:"))
seen = {
    "pid": os.getpid(), "user": os.getuid(), "capabilities": int(capabilities("/proc/self/status"), 16),
    "own": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    "node": sorted(int(name) for name in os.listdir(host + "/proc") if name.isdigit()),
    "cgroups": sorted(os.listdir(host + "/sys/fs/cgroup")),
}
with open(sys.argv[2], "w") as file:
    json.dump(seen, file)
os.rename(sys.argv[2], sys.argv[2] + ".json")
signal.pause()
"""


@pytest.fixture(name="machine")
def _machine() -> Machine:
    try:
        return look(allow_node_oom=False)
    except MachineError as error:
        pytest.skip(str(error))


@pytest.fixture(name="tree")
def _tree(machine: Machine) -> Iterator[Tree]:
    try:
        tree = Tree(machine)
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    yield tree
    tree.close()


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    """Another than pytest's, which only its own user may enter."""
    with tempfile.TemporaryDirectory(prefix="oomsight-pod-") as name:
        os.chmod(name, 0o711)
        yield Path(name)


def run(pod: Pod, folder: Path) -> dict[str, Any]:
    """Start the program above in the pod and wait for what it sees."""
    host = next(root for root in pod.roots if root.startswith("--proc-root=")).removeprefix("--proc-root=").removesuffix("/proc")
    target = folder / "pod" / "seen"
    log = folder / "log"
    with log.open("wb") as output:
        pod.start([sys.executable, "-c", SEES, host, str(target)], output)
    deadline = time.monotonic() + 60
    while not target.with_suffix(".json").exists():
        assert pod.running, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    seen: dict[str, Any] = json.loads(target.with_suffix(".json").read_text())
    return seen


def limits(tree: Tree) -> list[str]:
    """Of every cgroup below our root."""
    files = Path(tree.folder(tree.root)).rglob("memory.*")
    return [path.read_text().strip() for path in files if path.name in ("memory.limit_in_bytes", "memory.max")]


@pytest.mark.parametrize("privileged", [False, True])
def test_it_sees_the_node_below_another_folder_and_itself_alone_in_its_own_proc(
    folder: Path, machine: Machine, tree: Tree, privileged: bool
) -> None:
    pod = Pod(tree, machine.cgroup_version, str(folder / "pod"), "/sys/fs/cgroup", privileged=privileged)
    try:
        seen = run(pod, folder)
        assert (seen["pid"], seen["own"]) == (1, [1])
        assert os.getpid() in seen["node"]
        assert seen["cgroups"] == sorted(os.listdir("/sys/fs/cgroup"))
        assert seen["user"] == (0 if privileged else USER_ID)
        assert bool(seen["capabilities"] & CAP_SYS_ADMIN) == privileged
        assert str(LIMIT.max_bytes) in limits(tree)
        assert not (folder / "pod" / "host" / "proc").exists(), "its mounts are its own"
    finally:
        pod.end(signal.SIGKILL)
    assert not pod.running
    assert str(LIMIT.max_bytes) not in limits(tree), "its cgroup is gone with it"
