"""What a failed run leaves to look at: objects, Events, logs of pods and of the node, and the kernel's log, in one folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from oomsight_cluster.cluster import Cluster
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.kubectl import Kubectl

KINDS = (
    *("nodes", "pods", "events.events.k8s.io", "deployments", "daemonsets", "replicasets", "jobs", "leases"),
    *("memorypolicies", "clustermemorypolicies", "memoryrecommendations"),
)
KERNEL_LOG_LINES = 4000


def collect(kubectl: Kubectl, cluster: Cluster, directory: Path) -> None:
    """As much as can be had; what cannot is said in a file of that name."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "cluster.txt").write_text(f"{cluster.description}\n")
    for kind in KINDS:
        _keep(directory / f"{kind}.yaml", kubectl, "get", kind, "--all-namespaces", "-o", "yaml")
    _keep(directory / "pods.txt", kubectl, "describe", "pods", "--all-namespaces")
    _logs(directory / "pods", kubectl)
    if cluster.logs is not None and cluster.logs.is_dir():
        shutil.copytree(cluster.logs, directory / "node", dirs_exist_ok=True)
    keep_kernel_log(directory / "kernel.log")


def _keep(path: Path, kubectl: Kubectl, *words: str) -> None:
    try:
        path.write_text(kubectl.run(*words))
    except (ClusterError, subprocess.TimeoutExpired) as error:
        path.write_text(f"{error}\n")


def _logs(directory: Path, kubectl: Kubectl) -> None:
    directory.mkdir(exist_ok=True)
    try:
        pods = kubectl.list("pods")
    except (ClusterError, subprocess.TimeoutExpired):
        return
    for pod in pods:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        words = ("logs", name, "--namespace", namespace, "--all-containers", "--prefix", "--tail=5000")
        _keep(directory / f"{namespace}_{name}.log", kubectl, *words)
        if any(status.get("restartCount") for status in pod["status"].get("containerStatuses", ())):
            _keep(directory / f"{namespace}_{name}.before.log", kubectl, *words, "--previous")


def keep_kernel_log(path: Path) -> None:
    """The newest lines of this machine's kernel log, where it may be read."""
    done = subprocess.run(["dmesg", "--time-format", "iso"], capture_output=True, text=True, errors="replace", check=False)
    lines = done.stdout.splitlines()[-KERNEL_LOG_LINES:] if done.returncode == 0 else [done.stderr.strip()]
    path.write_text("\n".join(lines) + "\n")
