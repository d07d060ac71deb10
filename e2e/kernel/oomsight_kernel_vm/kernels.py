"""Debian's kernels, unpacked and not installed: the release's own and the one of its backports."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from oomsight_kernel_vm.apt import Apt, Package, Target, backports_sources, debian_sources, parse_kernels
from oomsight_kernel_vm.cache import CACHE, appears_whole, say, scratch_directory
from oomsight_kernel_vm.errors import MachineError
from oomsight_kernel_vm.initramfs import boot_modules

SERIES = ("6.1", "6.12")
METAPACKAGE = "linux-image-cloud-amd64"
INDEX = CACHE / "kernels" / "index.json"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that machines can boot."""

    series: str
    version: str
    """Debian's version of the package."""
    directory: Path

    @property
    def vmlinuz(self) -> Path:
        return self.directory / "vmlinuz"

    def modules(self) -> tuple[tuple[str, bytes], ...]:
        return tuple((path.name.partition("-")[2], path.read_bytes()) for path in sorted((self.directory / "modules").iterdir()))


def built_kernels() -> tuple[Kernel, ...] | None:
    """What the last build found; None before the first."""
    if not INDEX.exists():
        return None
    kernels = tuple(Kernel(series, version, CACHE / "kernels" / name) for series, version, name in json.loads(INDEX.read_text()))
    return kernels if all(kernel.vmlinuz.exists() for kernel in kernels) else None


def build_kernels(targets: tuple[Target, ...]) -> tuple[Kernel, ...]:
    """Download and unpack one kernel of each series on offer. One that is not offered is told and left out."""
    with scratch_directory() as scratch:
        apt = Apt(scratch)
        offered = _find_kernels(apt, targets)
        kernels = tuple(_unpack(apt, series, offered[series]) for series in SERIES if series in offered)
    for series in SERIES:
        if series not in offered:
            say(f"no kernel {series} in this machine's package sources or their backports: going on without it")
    if not kernels:
        raise MachineError(
            f"none of the kernels {', '.join(SERIES)} is in this machine's package sources (apt-cache policy {METAPACKAGE})"
        )
    INDEX.write_text(json.dumps([(kernel.series, kernel.version, kernel.directory.name) for kernel in kernels]))
    return kernels


def _find_kernels(apt: Apt, targets: tuple[Target, ...]) -> dict[str, Package]:
    release = debian_sources(targets)
    apt.use(release + backports_sources(targets))
    try:
        apt.update()
    except MachineError as error:
        say(f"no backports from this machine's package sources ({error})")
        apt.use(release)
        apt.update()
    return parse_kernels(apt.run("apt-cache", "show", METAPACKAGE))


def _unpack(apt: Apt, series: str, package: Package) -> Kernel:
    kernel = Kernel(series, package.version, CACHE / "kernels" / f"{package.name}_{package.version}".replace("~", "."))
    if kernel.vmlinuz.exists():
        return kernel
    say(f"kernel {series}: {package.name} {package.version}")
    apt.run("apt-get", "-q", "download", f"{package.name}={package.version}", cwd=apt.directory)
    (archive,) = apt.directory.glob(f"{package.name}_*.deb")
    tree = apt.directory / f"tree-{series}"
    unpacked = subprocess.run(["dpkg-deb", "-x", archive, tree], capture_output=True, text=True, check=False)
    if unpacked.returncode:
        raise MachineError(f"{archive.name} cannot be unpacked: {unpacked.stderr.strip()}")
    with appears_whole(kernel.directory) as directory:
        (vmlinuz,) = (tree / "boot").glob("vmlinuz-*")
        shutil.copyfile(vmlinuz, directory / "vmlinuz")
        (directory / "modules").mkdir()
        for number, (name, content) in enumerate(boot_modules(tree / "lib" / "modules")):
            (directory / "modules" / f"{number:02d}-{name}").write_bytes(content)
    return kernel
