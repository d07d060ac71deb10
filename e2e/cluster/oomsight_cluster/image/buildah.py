"""Debian's buildah: runs a Dockerfile without a daemon, each step in a chroot, as root.

Its store is `.cache/cluster/buildah/`: steps are kept by what they are made of. What the Dockerfile would fetch from an index it
finds in a folder of wheels that is mounted while it builds, with a pip.conf that names the folder alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from oomsight_cluster.cache import CACHE
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.programs import ensure_programs, run

STORE = CACHE / "buildah"
WHEELS = "/wheels"
PIP_CONF = f"[global]\nno-index = true\nfind-links = {WHEELS}\n"
MAX_IMAGES = 120
"""Every step of every state is one; an edit adds up to ten."""
OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private", "setpriv", "--pdeathsig", "TERM")
"""Layers are mounted while it works; so they go with it, whatever ends it."""
HINT = "buildah needs root, and CAP_SYS_ADMIN for its mounts"


class Buildah:
    """A store of images, while it is open. The caller holds the lock of builds. Every call raises ClusterError."""

    def __enter__(self) -> Buildah:
        ensure_programs({"buildah": "buildah"})
        STORE.mkdir(parents=True, exist_ok=True)
        self._run_root = tempfile.TemporaryDirectory(prefix="oomsight-buildah-")
        # Where overlayfs cannot be had, vfs copies the whole image for each step: gigabytes and minutes.
        self._driver = "overlay"
        try:
            self._run("info")
        except ClusterError:
            self._driver = "vfs"
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._run_root.cleanup()

    def _run(self, *words: str | Path) -> str:
        where = ("--root", STORE / self._driver, "--runroot", self._run_root.name, "--storage-driver", self._driver)
        return run([*OWN_MOUNTS, "buildah", *where, *words], hint=HINT)

    def load(self, archive: Path, reference: str) -> None:
        """Take an image from a docker-archive, where it is not there yet."""
        if reference not in self._names():
            self._run("pull", "--quiet", f"docker-archive:{archive}")

    def build(self, context: Path, reference: str, arguments: Mapping[str, str], wheels: Path) -> None:
        """Build the Dockerfile of `context` with these build arguments; nothing is pulled."""
        configuration = Path(self._run_root.name) / "pip.conf"
        configuration.write_text(PIP_CONF)
        self._run(
            "bud",
            *("--isolation", "chroot", "--network", "host", "--layers", "--pull-never", "--quiet"),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            f"--volume={wheels}:{WHEELS}:ro",
            f"--volume={configuration}:/etc/pip.conf:ro",
            f"--tag={reference}",
            context,
        )

    def save(self, reference: str, archive: Path) -> None:
        """Write an image as a docker-archive."""
        self._run("push", "--quiet", reference, f"docker-archive:{archive}:{reference}")

    def forget_others(self, reference: str) -> None:
        """Drop the same repository's other images, and all steps once there are too many of them."""
        repository = reference.rpartition(":")[0]
        if others := [name for name in self._names() if name.rpartition(":")[0] == repository and name != reference]:
            self._run("rmi", *others)
        if len(self._run("images", "--all", "--quiet").split()) > MAX_IMAGES:
            self._run("rmi", "--all", "--force")

    def _names(self) -> list[str]:
        return self._run("images", "--format", "{{.Name}}:{{.Tag}}").split()
