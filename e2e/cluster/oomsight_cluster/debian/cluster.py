"""A single-node Kubernetes from Debian's packages, as a `with` body sees it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oomsight_cluster.cache import CHECKOUT, RUNS, say
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.debian.certificates import Authority
from oomsight_cluster.debian.cgroups import PREFIX
from oomsight_cluster.debian.keeper import sweep
from oomsight_cluster.debian.kubernetes import Kubernetes
from oomsight_cluster.debian.node import Order
from oomsight_cluster.debian.packages import Programs
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.image.images import Image

SOURCE_ROOTS = ("crds", "node-agent", "operator", "e2e/sandbox", "e2e/kernel", "e2e/cluster")
STOP_SECONDS = 90.0
RESTART_SECONDS = 180.0


@contextmanager
def debian_cluster(kubernetes: Kubernetes, programs: Programs, image: Image, sandbox: Image) -> Iterator[Cluster]:
    """Start it, and take it away at the end. Raises ClusterError with what did not start, and why."""
    sweep(RUNS)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=RUNS))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        images = (sandbox.archive, image.archive)
        cgroup = f"{PREFIX}{directory.name}"
        order = Order(directory, cgroup, kubernetes.directory, programs.tree, images, sandbox.reference, listener.fileno())
        order.write(order.path)
        port = listener.getsockname()[1]
        keeper = _start_keeper(order.path, listener.fileno())
    try:
        _await_ready(keeper)
        kubeconfig = _kubeconfig(directory, port)
        yield Cluster(
            description=f"one node of Debian's Kubernetes {kubernetes.package_version}",
            kubeconfig=kubeconfig,
            image_repository=image.repository,
            image_tag=image.tag,
            logs=directory / "logs",
            restart_api_server=lambda: command(directory / "control", "restart kube-apiserver"),
        )
    finally:
        _stop(keeper)


def _start_keeper(order: Path, listener: int) -> subprocess.Popen[bytes]:
    path = ":".join(str(CHECKOUT / root) for root in SOURCE_ROOTS)
    return subprocess.Popen(
        [sys.executable, "-m", "oomsight_cluster.debian.keeper", str(order)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(listener,), start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def _await_ready(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdout is not None
    line = keeper.stdout.readline()
    answer = json.loads(line) if line.strip() else {"failed": "the node ended before it was ready; its words are above"}
    if not answer.get("ready"):
        raise ClusterError(f"the cluster did not start: {answer.get('failed')}")


def _kubeconfig(directory: Path, port: int) -> Path:
    pki = directory / "pki"
    return Authority(pki, pki / "openssl.cnf").kubeconfig("admin", f"https://127.0.0.1:{port}", directory / "kubeconfig")


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdin is not None
    say("stopping the cluster")
    keeper.stdin.close()
    try:
        keeper.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        say(f"the cluster did not stop within {STOP_SECONDS:.0f} s; its keeper is process {keeper.pid}")


def command(path: Path, line: str) -> None:
    """Send the node a command and wait until it is done. Raises ClusterError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(RESTART_SECONDS)
        try:
            connection.connect(str(path))
            connection.sendall(f"{line}\n".encode())
            answer = connection.makefile().readline().strip()
        except OSError as error:
            raise ClusterError(f"{line}: {error}") from error
    if answer != "done":
        raise ClusterError(f"{line}: {answer or 'no answer'}")
