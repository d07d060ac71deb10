"""Where machines are kept: `.cache/kernel-vm/` in the checkout, which git ignores and `make clean` removes.

kernels/<package>_<version>/   vmlinuz and the modules of its disk driver
scratch/                       what a build throws away
roots/<key>/                   root.ext4 and busybox, keyed by all that they are made of
runs/<random>/                 disks of a running machine, removed with it
logs/<kernel>-<time>.log       the console of a machine that failed
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
CACHE = CHECKOUT / ".cache" / "kernel-vm"
LOCK_NAME = "lock"
KEPT_LOGS = 20


def say(text: str) -> None:
    """A line of progress, apart from what a job prints."""
    print(f"kernel-vm: {text}", file=sys.stderr, flush=True)


@contextmanager
def only_one_builds() -> Iterator[None]:
    """A second build waits for the first and finds everything there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def appears_whole(directory: Path) -> Iterator[Path]:
    """A folder to fill that gets its name once it is complete: what was interrupted is never taken for a machine."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    _sweep(directory.parent, ".unfinished-")
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=directory.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.rename(directory)
    finally:
        if unfinished.exists():
            shutil.rmtree(unfinished)


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A folder for what a build throws away. The caller holds the lock of builds."""
    parent = CACHE / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent, "build-")
    with tempfile.TemporaryDirectory(prefix="build-", dir=parent) as directory:
        yield Path(directory)


def _sweep(parent: Path, prefix: str) -> None:
    """Remove what a killed build left. The caller holds the lock of builds."""
    for left in parent.glob(prefix + "*"):
        shutil.rmtree(left)


@contextmanager
def run_directory() -> Iterator[Path]:
    """A folder for one machine's disks, gone with it; also removes those whose owner was killed."""
    runs = CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    sweep_runs(runs)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    try:
        with (directory / LOCK_NAME).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory
    finally:
        shutil.rmtree(directory)


def sweep_runs(runs: Path) -> None:
    """Remove the folders of runs that nobody holds any more."""
    for left in runs.glob("run-*"):
        try:
            with (left / LOCK_NAME).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
        except OSError:
            continue  # held by a running machine, or just being made or removed by its owner


def keep_log(console: Path, name: str) -> Path:
    """Copy a console log to where it outlives its run; the oldest go."""
    logs = CACHE / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    kept = logs / f"{name}.log"
    shutil.copyfile(console, kept)
    for old in sorted(logs.glob("*.log"), key=os.path.getmtime)[:-KEPT_LOGS]:
        old.unlink(missing_ok=True)
    return kept
