"""A cluster of kind, for machines where Docker runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oomsight_cluster.cache import CHECKOUT, RUNS, say
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.programs import run

IMAGE_REPOSITORY = "localhost/oomsight"


def docker_runs() -> bool:
    """Whether a Docker daemon answers; a client alone is no help."""
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@contextmanager
def kind_cluster() -> Iterator[Cluster]:
    """Build the image from the Dockerfile, make a cluster, load the image; all but the image is gone at the end."""
    name, tag = f"oomsight-e2e-{os.getpid()}", f"e2e-{os.getpid()}"
    reference = f"{IMAGE_REPOSITORY}:{tag}"
    RUNS.mkdir(parents=True, exist_ok=True)
    say("kind: building the image from the Dockerfile")
    run(["docker", "build", "--tag", reference, CHECKOUT])
    with tempfile.TemporaryDirectory(prefix="kind-", dir=RUNS) as directory:
        kubeconfig = Path(directory) / "kubeconfig"
        try:
            say(f"kind: creating the cluster {name}")
            run(["kind", "create", "cluster", "--name", name, "--kubeconfig", kubeconfig, "--wait", "180s"])
            run(["kind", "load", "docker-image", reference, "--name", name])

            def restart_api_server() -> None:
                run(["docker", "exec", f"{name}-control-plane", "pkill", "-KILL", "kube-apiserver"])

            yield Cluster("a cluster of kind", kubeconfig, IMAGE_REPOSITORY, tag, restart_api_server=restart_api_server)
        finally:
            subprocess.run(["kind", "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig)], check=False)
            subprocess.run(["docker", "image", "rm", reference], capture_output=True, check=False)
