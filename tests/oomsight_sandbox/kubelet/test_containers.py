"""Containers as real processes in real cgroups: kills, reasons, logs, volumes, and that nothing stays."""

# ruff: noqa: ASYNC110, ASYNC240 - small local files, and no event tells what a program has written

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oomsight_sandbox.kubelet.cgroups import Cgroups, can_make_cgroups
from oomsight_sandbox.kubelet.containers import SINGLE_PROCESS_OOM_KILL, ContainerCreateError, Node, PodSandbox
from oomsight_sandbox.kubelet.processes import StartError
from oomsight_sandbox.programs import PROGRAMS

_REASON = can_make_cgroups()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=f"no memory cgroups here: {_REASON}")
GIB = 1024**3


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    cgroups = Cgroups.open()
    shared = Path("/dev/shm") / os.path.basename(cgroups.base)
    yield Node(16 * GIB, str(tmp_path), str(shared), cgroups, PROGRAMS)
    cgroups.close()
    if shared.exists():
        shared.rmdir()


def pod_of(container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "shop", "uid": "0000-1", "annotations": {SINGLE_PROCESS_OOM_KILL: "true"}}
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}


def container(*command: str, memory: str | None = None, **more: Any) -> dict[str, Any]:
    limits = {"limits": {"memory": memory}} if memory else {}
    return {"name": "app", "command": list(command), "resources": limits, **more}


async def test_a_container_beyond_its_limit_ends_oomkilled_with_137(node: Node) -> None:
    hungry = container("oomsight-workload", "burst", "--mib=64", memory="32Mi")
    sandbox = PodSandbox(node, pod_of(hungry))
    await sandbox.create()
    ended = await sandbox.wait(await sandbox.start(hungry, 0))
    await sandbox.remove()
    assert (ended.reason, ended.exit_code) == ("OOMKilled", 137)


async def test_when_a_child_was_killed_the_parents_later_end_is_still_called_oomkilled(node: Node) -> None:
    script = "import subprocess,sys; subprocess.run([sys.executable, '-I', '-S', '-c', 'bytearray(64 << 20)'])"
    parent = container(sys.executable, "-I", "-S", "-c", script, memory="32Mi")
    sandbox = PodSandbox(node, pod_of(parent))
    await sandbox.create()
    ended = await sandbox.wait(await sandbox.start(parent, 0))
    await sandbox.remove()
    assert (ended.reason, ended.exit_code) == ("OOMKilled", 0)


async def test_a_container_that_ends_by_itself_is_completed_and_its_output_is_in_the_log(node: Node) -> None:
    hello = container("sh", "-c", "echo hello; cat /proc/self/oom_score_adj; cat /proc/self/cgroup", memory="64Mi")
    sandbox = PodSandbox(node, pod_of(hello))
    await sandbox.create()
    running = await sandbox.start(hello, 0)
    (link,) = os.listdir(node.container_log_directory)
    log = Path(os.readlink(os.path.join(node.container_log_directory, link)))
    ended = await sandbox.wait(running)
    words = log.read_text().split()
    await sandbox.remove()
    assert (ended.reason, ended.exit_code) == ("Completed", 0)
    assert link == f"p_shop_app-{running.container_id}.log"
    assert log.parts[-4:] == ("pods", "shop_p_0000-1", "app", "0.log")
    assert words[:2] == ["hello", "997"]
    assert any(word.endswith(f"/kubepods/burstable/pod0000-1/{running.container_id}") for word in words)


async def test_what_a_container_left_running_dies_with_its_first_process(node: Node) -> None:
    leaver = container("sh", "-c", "sleep 600 & echo $!")
    sandbox = PodSandbox(node, pod_of(leaver))
    await sandbox.create()
    await sandbox.wait(await sandbox.start(leaver, 0))
    pid = (Path(node.pod_log_directory(pod_of(leaver))) / "app" / "0.log").read_text().strip()
    await sandbox.remove()
    assert not os.path.exists(f"/proc/{pid}/exe")


async def test_a_memory_backed_volume_is_charged_as_shmem_and_gone_with_the_pod(node: Node) -> None:
    volume = {"name": "v", "emptyDir": {"medium": "Memory"}}
    command = ("sh", "-c", 'head -c 8000000 /dev/zero > "$0" && echo written && sleep 600', "/spool/x")
    writer = container(*command, memory="32Mi", volumeMounts=[{"name": "v", "mountPath": "/spool"}])
    sandbox = PodSandbox(node, pod_of(writer, volumes=[volume]))
    await sandbox.create()
    running = await sandbox.start(writer, 0)
    log = Path(node.pod_log_directory(pod_of(writer))) / "app" / "0.log"
    while "written" not in log.read_text():
        await asyncio.sleep(0.01)
    stat = dict(line.split() for line in (Path(running.cgroup or "") / "memory.stat").read_text().splitlines())
    await sandbox.stop(running, 5)
    await sandbox.remove()
    assert int(stat.get("total_shmem") or stat["shmem"]) >= 8_000_000 - 4096
    assert list(Path(node.shared_memory_directory).iterdir()) == []


async def test_a_program_that_does_not_exist_is_a_start_error_that_names_it(node: Node) -> None:
    missing = container("/no/such/program")
    sandbox = PodSandbox(node, pod_of(missing))
    await sandbox.create()
    with pytest.raises(StartError, match=r"/no/such/program: .*No such file"):
        await sandbox.start(missing, 0)
    await sandbox.remove()


async def test_a_container_without_a_command_is_told_that_there_are_no_images(node: Node) -> None:
    image_only = {"name": "app", "image": "nginx"}
    sandbox = PodSandbox(node, pod_of(image_only))
    await sandbox.create()
    with pytest.raises(ContainerCreateError, match="no images: give the container a command"):
        await sandbox.start(image_only, 0)
    await sandbox.remove()
    assert node.cgroups is not None
    assert not os.path.exists(os.path.join(node.cgroups.kubepods, "besteffort", "pod0000-1"))
