"""Programs from Debian's packages, unpacked and not installed: no service is started on the machine, nothing of it changes."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from oomsight_cluster.cache import CACHE, say, scratch_directory
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.programs import run
from oomsight_kernel_vm.apt import RELEASE, Apt, debian_sources
from oomsight_kernel_vm.cache import appears_whole
from oomsight_kernel_vm.errors import MachineError

PACKAGES = ("busybox-static", "containerd", "containernetworking-plugins", "etcd-server", "runc")


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the unpacked programs are."""

    tree: Path

    @property
    def path(self) -> str:
        return f"{self.tree}/usr/sbin:{self.tree}/usr/bin:{self.tree}/bin"

    @property
    def network_plugins(self) -> Path:
        return self.tree / "usr/lib/cni"

    @property
    def busybox(self) -> Path:
        return self.tree / "bin/busybox"

    def versions(self) -> str:
        return (self.tree / "versions").read_text().strip()


def expected_programs(packages: tuple[str, ...] = PACKAGES) -> Programs:
    """Where they are, once they are unpacked."""
    return Programs(CACHE / "debian" / hashlib.sha256(" ".join((RELEASE, *packages)).encode()).hexdigest()[:16])


def machine_apt(directory: Path, *, sources: bool) -> Apt:
    """apt for this machine's own Debian archive, in a folder of its own; `sources`: source packages too."""
    apt = Apt(directory)
    try:
        apt.update()
        release = debian_sources(apt.targets())
        if not release:
            raise ClusterError(f"this machine's package sources offer no Debian {RELEASE}: {WAYS_OUT}")
        apt.use(release + (release.replace("deb ", "deb-src ") if sources else ""))
        apt.update()
    except MachineError as error:
        raise ClusterError(f"{error}\nare the machine's package sources reachable (apt-get update)?") from error
    return apt


WAYS_OUT = "run this as root on Debian 12, where Docker and kind are installed, or with KUBECONFIG of a cluster"


def unpack_programs(packages: tuple[str, ...] = PACKAGES) -> Programs:
    """Download and unpack them where they are missing. The caller holds the lock of builds."""
    programs = expected_programs(packages)
    if programs.tree.exists():
        return programs
    say(f"unpacking {', '.join(packages)}")
    with scratch_directory() as scratch, appears_whole(programs.tree) as tree:
        apt = machine_apt(scratch / "apt", sources=False)
        try:
            apt.run("apt-get", "-q", "download", *packages, cwd=scratch)
        except MachineError as error:
            raise ClusterError(str(error)) from error
        archives = sorted(scratch.glob("*.deb"))
        for archive in archives:
            run(["dpkg-deb", "-x", archive, tree])
        (tree / "versions").write_text("\n".join(archive.name.removesuffix(".deb") for archive in archives) + "\n")
        shutil.rmtree(tree / "usr/share", ignore_errors=True)
    return programs
