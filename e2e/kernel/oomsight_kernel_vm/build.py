"""Everything that machines are made of, built where it is missing."""

from __future__ import annotations

import os
import shutil

from oomsight_kernel_vm.apt import Apt
from oomsight_kernel_vm.cache import only_one_builds, scratch_directory
from oomsight_kernel_vm.errors import MachineError
from oomsight_kernel_vm.kernels import Kernel, build_kernels, built_kernels
from oomsight_kernel_vm.machine import missing_tools
from oomsight_kernel_vm.root import Root, build_root, expected_root


def build(update: bool = False) -> tuple[tuple[Kernel, ...], Root]:
    """Kernels and root disk. `update` asks the package sources for newer kernels; else what is there is taken as it is."""
    if missing := missing_tools():
        raise MachineError(
            f"missing on this machine: {' '.join(missing)}; type: apt-get install --no-install-recommends {' '.join(missing)}"
        )
    with only_one_builds():
        kernels, root = None if update else built_kernels(), expected_root()
        if kernels is not None and root.disk.exists():
            return kernels, root
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise MachineError("the machines are made from Debian packages: build them as root on Debian 12")
        with scratch_directory() as scratch:
            apt = Apt(scratch)
            apt.update()
            targets = apt.targets()
        return kernels or build_kernels(targets), build_root(targets)
