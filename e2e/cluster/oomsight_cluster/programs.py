"""Runs other programs: what they said is in the error, and missing ones are installed where that can be done."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from oomsight_cluster.cache import say
from oomsight_cluster.errors import ClusterError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq")
LAST_LINES = 20


def run(
    command: Sequence[str | Path], *, hint: str = "", environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Its output. Raises ClusterError with the last lines that it said, and the hint what to look at."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd=cwd,
        env={"PATH": SYSTEM_PATH, **(os.environ if environment is None else environment)},
    )
    if done.returncode:
        last = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-LAST_LINES:])
        raise ClusterError(f"{command[0]} failed with {done.returncode}{f'; {hint}' if hint else ''}\n{last}")
    return done.stdout


def ensure_programs(packages: Mapping[str, str]) -> None:
    """Install the Debian packages (by program) whose program is missing. Raises ClusterError where that cannot be done."""
    missing = sorted({package for program, package in packages.items() if shutil.which(program, path=SYSTEM_PATH) is None})
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get", path=SYSTEM_PATH) is None:
        raise ClusterError(
            f"missing on this machine: {' '.join(missing)}; install them (as root on Debian 12 that is done for you)"
        )
    say(f"installing Debian packages: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    hint = "are the machine's package sources reachable (apt-get update)?"
    run([*APT_GET, "update"], hint=hint, environment=environment)
    run([*APT_GET, "install", "-y", "--no-install-recommends", *missing], hint=hint, environment=environment)
