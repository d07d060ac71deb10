"""Kubernetes from Debian's source package: four programs, built once and kept by the package's version.

Debian ships the client alone as a binary; the source package has everything, with its modules vendored, so a build asks no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oomsight_cluster.cache import CACHE, say, scratch_directory
from oomsight_cluster.debian.packages import machine_apt
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.programs import LAST_LINES, SYSTEM_PATH, ensure_programs, run
from oomsight_kernel_vm.apt import Apt
from oomsight_kernel_vm.cache import appears_whole
from oomsight_kernel_vm.errors import MachineError

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
BUILD_TOOLS = {"dpkg-source": "dpkg-dev", "go": "golang-go", "jq": "jq", "make": "make", "rsync": "rsync"}
GO_TOOLCHAIN = "/usr/lib/go/bin"
# The vendored reflect2 1.0.1 iterates maps as Go did before 1.18: with Debian's Go an API server dies at its first custom resource.
MENDED = ("golang-github-modern-go-reflect2-dev", "github.com/modern-go/reflect2")
"""A package of Debian with a Go library, and the vendored one that it replaces."""
BUILDS = CACHE / "kubernetes"
PROGRESS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """Built programs of one version."""

    directory: Path

    @property
    def package_version(self) -> str:
        return self.directory.name

    def program(self, name: str) -> Path:
        return self.directory / name


def built_kubernetes() -> Kubernetes | None:
    """The newest that is there; None before the first build."""
    found = [path for path in BUILDS.glob("[0-9]*") if all((path / name).exists() for name in PROGRAMS)]
    return Kubernetes(max(found, key=os.path.getmtime)) if found else None


def build_kubernetes() -> Kubernetes:
    """Build it where it is missing: eight minutes on two idle cores. The caller holds the lock of builds."""
    if (built := built_kubernetes()) is not None:
        return built
    ensure_programs(BUILD_TOOLS)
    with scratch_directory() as scratch:
        say("kubernetes: fetching Debian's source package")
        apt = machine_apt(scratch / "apt", sources=True)
        version, tree = _fetch(apt, scratch)
        _mend(apt, scratch, tree)
        say(f"kubernetes {version}: building {', '.join(PROGRAMS)} (8 minutes on 2 idle cores, once)")
        _make(scratch, tree)
        wanted = BUILDS / version.replace("~", ".").replace(":", ".")
        with appears_whole(wanted) as directory:
            for name in PROGRAMS:
                shutil.copyfile(tree / "_output/bin" / name, directory / name)
                (directory / name).chmod(0o755)
    say(f"kubernetes {version}: built")
    return Kubernetes(wanted)


def _fetch(apt: Apt, scratch: Path) -> tuple[str, Path]:
    """The package's version, and its tree at the place in GOPATH where the build wants it."""
    download = scratch / "download"
    download.mkdir()
    try:
        apt.run("apt-get", "-q", "source", "kubernetes", cwd=download)
    except MachineError as error:
        raise ClusterError(f"Debian's source package of Kubernetes cannot be had: {error}") from error
    (tree,) = (path for path in download.iterdir() if path.is_dir())
    (description,) = download.glob("*.dsc")
    version = next(line.partition(": ")[2] for line in description.read_text().splitlines() if line.startswith("Version: "))
    wanted = scratch / "go/src/k8s.io/kubernetes"
    wanted.parent.mkdir(parents=True)
    return version, tree.rename(wanted)


def _mend(apt: Apt, scratch: Path, tree: Path) -> None:
    package, library = MENDED
    unpacked = scratch / "mended"
    unpacked.mkdir()
    try:
        apt.run("apt-get", "-q", "download", package, cwd=unpacked)
    except MachineError as error:
        raise ClusterError(str(error)) from error
    (archive,) = unpacked.glob("*.deb")
    run(["dpkg-deb", "-x", archive, unpacked])
    shutil.rmtree(tree / "vendor" / library)
    shutil.copytree(unpacked / "usr/share/gocode/src" / library, tree / "vendor" / library)


def _make(scratch: Path, tree: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GO", "MAKE", "MFLAGS"))},
        "PATH": f"{GO_TOOLCHAIN}:{SYSTEM_PATH}",
        "HOME": str(scratch),
        "GOPATH": str(scratch / "go"),
        "GOCACHE": str(scratch / "go-cache"),
        "FORCE_HOST_GO": "y",
        "CGO_ENABLED": "0",
    }
    command = ["nice", "-n", "15", "make", f"WHAT={' '.join(f'cmd/{name}' for name in PROGRAMS)}"]
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command],
        cwd=tree, env=environment, start_new_session=True, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines: list[str] = []
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        _tell_progress(process, lines, time.monotonic)
    except BaseException:
        os.killpg(process.pid, 15)
        process.wait()
        raise
    reader.join()
    if process.returncode:
        raise ClusterError(f"Kubernetes was not built, make ended with {process.returncode}\n" + "\n".join(lines[-LAST_LINES:]))


def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout is not None
    lines.extend(line.rstrip() for line in process.stdout)


def _tell_progress(process: subprocess.Popen[str], lines: list[str], clock: Callable[[], float]) -> None:
    """A line now and then, for it takes minutes in which nothing else is seen."""
    started = clock()
    while True:
        try:
            process.wait(PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            last = lines[-1].strip() if lines else "starting"
            say(f"kubernetes: building for {clock() - started:.0f} s; {last[:100]}")
        else:
            return
