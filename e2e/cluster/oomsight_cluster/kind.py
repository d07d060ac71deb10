"""A cluster of kind, for machines where Docker runs. The node's version is the one that the installed kind pins.

The agents see a node's container as their node: its /proc, its cgroups, its /var/log. Podman, kind's other provider, is not taken:
`kind load docker-image` asks Docker for the image.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oomsight_cluster.cache import CHECKOUT, RUNS, say
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.kubectl import eventually
from oomsight_cluster.programs import run

IMAGE_REPOSITORY = "localhost/oomsight"
PREFIX = "oomsight-e2e-"
SERVE_SECONDS = 120.0
# Attestations make an index of an image, of which `docker save` and with it `kind load` leave a part out.
ENVIRONMENT = {"KIND_EXPERIMENTAL_PROVIDER": "docker", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


KILL_ALL = """
for comm in /proc/[0-9]*/comm; do
    if [ "$(cat "$comm" 2>/dev/null)" = "$1" ]; then pid=${comm#/proc/} && kill -KILL "${pid%/comm}" && killed=1; fi
done
[ -n "$killed" ] || { echo "no process $1" >&2; exit 1; }
"""
"""A shell's program that kills every process of a name; kind's node image has no pkill for sure (kind images/base/Dockerfile)."""


def docker_runs() -> bool:
    """Whether a Docker daemon answers; a client alone is no help, nor is podman under the name of docker."""
    return _says("docker", "--version").startswith("Docker ") and bool(
        _says("docker", "version", "--format", "{{.Server.Version}}")
    )


def _says(*command: str) -> str:
    """What a program prints; empty where it fails, hangs or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@contextmanager
def kind_cluster() -> Iterator[Cluster]:
    """Build the image from the Dockerfile, make a cluster, load the image; both are gone at the end. Raises ClusterError."""
    name, tag = f"{PREFIX}{os.getpid()}", f"e2e-{os.getpid()}"
    reference = f"{IMAGE_REPOSITORY}:{tag}"
    environment = {**os.environ, **ENVIRONMENT}
    _sweep(environment)
    RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kind-", dir=RUNS) as directory:
        kubeconfig = Path(directory) / "kubeconfig"
        try:
            say("kind: building the image from the Dockerfile")
            run(["docker", "build", "--tag", reference, CHECKOUT], environment=environment)
            say(f"kind: creating the cluster {name}")
            create = ["kind", "create", "cluster", "--name", name, "--kubeconfig", kubeconfig, "--wait", "180s"]
            run(create, environment=environment)
            run(["kind", "load", "docker-image", reference, "--name", name], environment=environment)
            yield Cluster(
                "a cluster of kind", kubeconfig, IMAGE_REPOSITORY, tag, restart_api_server=lambda: _restart_api_server(name)
            )
        finally:
            _delete(name, kubeconfig, environment)
            subprocess.run(["docker", "image", "rm", reference], capture_output=True, check=False)


def _restart_api_server(name: str) -> None:
    """Kill it, and wait until the kubelet's new one serves."""
    node = f"{name}-control-plane"
    run(["docker", "exec", node, "sh", "-c", KILL_ALL, "sh", "kube-apiserver"])
    ask = ["docker", "exec", node, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "get", "--raw=/readyz"]
    try:
        eventually(lambda: run(ask).strip() == "ok", "the API server serves again", SERVE_SECONDS)
    except AssertionError as error:
        raise ClusterError(str(error)) from error


def _delete(name: str, kubeconfig: Path, environment: dict[str, str]) -> None:
    command = ["kind", "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig)]
    subprocess.run(command, capture_output=True, check=False, env=environment)


def _sweep(environment: dict[str, str]) -> None:
    """Take away the clusters of suites that were killed: those whose process is gone."""
    for name in run(["kind", "get", "clusters"], environment=environment).split():
        found = re.fullmatch(rf"{PREFIX}(\d+)", name)
        if found and not Path(f"/proc/{found[1]}").exists():
            say(f"kind: removing the cluster {name} of a run that was killed")
            _delete(name, Path(os.devnull), environment)
