"""The locked wheels that the Dockerfile installs, in one folder: the build then asks no index, and still checks every hash."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from oomsight_cluster.cache import CACHE, CHECKOUT, drop_others, say
from oomsight_cluster.programs import run
from oomsight_kernel_vm.cache import appears_whole
from oomsight_kernel_vm.root import PLATFORMS, PYTHON

REQUIREMENTS = tuple(CHECKOUT / "requirements" / name for name in ("operator.txt", "build.txt"))
"""Those that the Dockerfile names."""


def wheels_key() -> bytes:
    """Of all that the folder is made of."""
    return b"".join(path.read_bytes() for path in REQUIREMENTS) + " ".join((PYTHON, *PLATFORMS)).encode()


def wheels_of_dockerfile() -> Path:
    """The folder, made where it is missing. The caller holds the lock of builds. Raises ClusterError."""
    directory = CACHE / "images" / f"wheels-{hashlib.sha256(wheels_key()).hexdigest()[:16]}"
    if not directory.exists():
        say("image: the locked wheels (half a minute)")
        with appears_whole(directory) as unfinished:
            which = [*(f"--platform={platform}" for platform in PLATFORMS), f"--python-version={PYTHON}", "--implementation=cp"]
            for requirements in REQUIREMENTS:
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *which]
                command += ["--only-binary=:all:", "--no-deps", "--require-hashes", "--dest", str(unfinished)]
                run([*command, "-r", requirements], hint="is the package index reachable (pip config list)?")
        drop_others(directory)
    return directory
