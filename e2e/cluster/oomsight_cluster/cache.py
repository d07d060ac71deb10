"""Where a cluster's parts are kept: `.cache/cluster/` in the checkout, which git ignores and `make clean` removes.

kubernetes/<version>/   the four programs of the control plane and the node, built from Debian's source package
debian/<key>/           etcd, containerd, runc and the CNI plugins, unpacked from Debian's packages
images/<key>/           archives of container images, and what they are made of, each keyed by what it is made of itself
buildah/                steps of the Dockerfile that were built before
scratch/                what a build throws away
runs/<random>/          everything of a running cluster, removed with it
evidence/<time>/        what a failed run left to look at
"""

from __future__ import annotations

import fcntl
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oomsight_kernel_vm.cache import sweep_runs

CHECKOUT = Path(__file__).parents[3]
CACHE = CHECKOUT / ".cache" / "cluster"
RUNS = CACHE / "runs"


def say(text: str) -> None:
    """A line of progress, apart from what tests print."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


@contextmanager
def only_one_builds() -> Iterator[None]:
    """A second build waits for the first and finds everything there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run builds: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A folder for what a build throws away. The caller holds the lock of builds."""
    parent = CACHE / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=parent) as directory:
        yield Path(directory)


def drop_others(made: Path) -> None:
    """Remove what was made of other ingredients: `name-<another key>` beside `name-<key>`. The caller holds the lock of builds."""
    name = made.name.rpartition("-")[0]
    for other in made.parent.glob(f"{name}-*"):
        if other != made:
            shutil.rmtree(other)


def evidence_directory() -> Path:
    """A new folder for what a failed run leaves to look at."""
    directory = CACHE / "evidence" / time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    directory.mkdir(parents=True, exist_ok=True)
    return directory


__all__ = [
    "CACHE",
    "CHECKOUT",
    "RUNS",
    "drop_others",
    "evidence_directory",
    "only_one_builds",
    "say",
    "scratch_directory",
    "sweep_runs",
]
