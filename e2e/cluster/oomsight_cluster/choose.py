"""Which cluster the suite gets: a given one, kind where Docker runs, else one node from Debian's packages."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from oomsight_cluster.cache import only_one_builds, say
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.debian.cluster import debian_cluster
from oomsight_cluster.debian.kubernetes import build_kubernetes
from oomsight_cluster.debian.packages import WAYS_OUT, unpack_programs
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.image.images import build_image, build_sandbox_image
from oomsight_cluster.kind import docker_runs, kind_cluster
from oomsight_cluster.programs import ensure_programs

NODE_TOOLS = {"ip": "iproute2", "openssl": "openssl", "mount": "mount", "setpriv": "util-linux", "git": "git"}


@contextmanager
def cluster(environment: Mapping[str, str] = os.environ) -> Iterator[Cluster]:
    """The cluster, and which it is; what was started here ends with the body. Raises ClusterError."""
    if environment.get("KUBECONFIG"):
        with _given(environment) as given:
            yield given
    elif docker_runs() and shutil.which("kind"):
        say("cluster: kind, since Docker runs here")
        with kind_cluster() as made:
            yield made
    else:
        say("cluster: one node from Debian's packages, since KUBECONFIG is not set and there is no kind with a running Docker")
        with _debian() as made:
            yield made


@contextmanager
def _given(environment: Mapping[str, str]) -> Iterator[Cluster]:
    kubeconfig, reference = Path(environment["KUBECONFIG"]), environment.get("OOMSIGHT_IMAGE", "")
    if not kubeconfig.is_file():
        raise ClusterError(f"KUBECONFIG={kubeconfig}: there is no such file; name one kubeconfig, or unset it")
    repository, digest, tag = split_reference(reference)
    if not repository:
        raise ClusterError(
            "KUBECONFIG names a cluster, so OOMSIGHT_IMAGE has to be an image that its nodes can pull: build one with the "
            "Dockerfile, push it, and set OOMSIGHT_IMAGE=registry.example.com/oomsight:tag"
        )
    say(f"cluster: the one of KUBECONFIG={kubeconfig}, with the image {reference}")
    yield Cluster(f"the cluster of {kubeconfig}", kubeconfig, repository, tag, digest)


def split_reference(reference: str) -> tuple[str, str, str]:
    """Repository, digest and tag of an image reference; empty what it does not have."""
    rest, _, digest = reference.partition("@")
    head, colon, tag = rest.rpartition(":")
    return (head, digest, tag) if colon and "/" not in tag else (rest, digest, "")


@contextmanager
def _debian() -> Iterator[Cluster]:
    if os.geteuid() != 0 or shutil.which("apt-get") is None or not sys.platform.startswith("linux"):
        raise ClusterError(f"no cluster can be had here: {WAYS_OUT}")
    with only_one_builds():
        ensure_programs(NODE_TOOLS)
        programs = unpack_programs()
        kubernetes = build_kubernetes()
        image, sandbox = build_image(), build_sandbox_image(programs)
    say(f"starting Kubernetes {kubernetes.package_version}")
    with debian_cluster(kubernetes, programs, image, sandbox) as made:
        yield made
