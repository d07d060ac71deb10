"""What this machine has: its kernel, its memory hierarchy, and what decides which scenarios can run."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum

from oomsight_agent.kernel.roots import find_memory_hierarchy

_CAP_SYS_RESOURCE = 1 << 24


class Need(StrEnum):
    """What a scenario cannot do without."""

    CGROUP_V2 = "cgroup v2"
    NEGATIVE_ADJ = "CAP_SYS_RESOURCE for a negative oom_score_adj"
    SWAP = "swap that a cgroup can be limited to"
    NODE_OOM = "a virtual machine of our own and --allow-node-oom"


class MachineError(Exception):
    """The proof cannot run here at all; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One kernel with what it allows us."""

    kernel: str
    cgroup_version: int
    hierarchy: str
    """Where the memory hierarchy is mounted."""
    cpuset: str | None
    """v1: where cpuset is mounted; the log names the trigger's cpuset. v2: the same hierarchy. None: no cpuset controller."""
    has_sys_resource: bool
    swap_bytes: int
    counts_swap: bool
    """Whether a cgroup's swap can be limited."""
    log_readable: bool
    may_exhaust_node: bool

    def missing(self, need: Need) -> bool:
        """Whether this machine lacks it."""
        return {
            Need.CGROUP_V2: self.cgroup_version != 2,
            Need.NEGATIVE_ADJ: not self.has_sys_resource,
            Need.SWAP: not self.swap_bytes or not self.counts_swap,
            Need.NODE_OOM: not self.may_exhaust_node,
        }[need]


def look(*, allow_node_oom: bool, cgroup_root: str = "/sys/fs/cgroup") -> Machine:
    """Find out. Raises MachineError."""
    if os.geteuid() != 0:
        raise MachineError("found an ordinary user, expected root: cgroups are made and filled until the kernel kills")
    hierarchy = find_memory_hierarchy(cgroup_root)
    if hierarchy is None:
        raise MachineError(f"{cgroup_root}: found no hierarchy with the memory controller")
    return Machine(
        kernel=os.uname().release,
        cgroup_version=hierarchy.version,
        hierarchy=hierarchy.path,
        cpuset=_cpuset(hierarchy.version, hierarchy.path),
        has_sys_resource=bool(_effective_capabilities() & _CAP_SYS_RESOURCE),
        swap_bytes=_swap_bytes(),
        counts_swap=_counts_swap(hierarchy.version, hierarchy.path),
        log_readable=os.access("/dev/kmsg", os.R_OK),
        may_exhaust_node=allow_node_oom and _is_own_virtual_machine(),
    )


def _cpuset(version: int, hierarchy: str) -> str | None:
    if version == 2:
        with open(f"{hierarchy}/cgroup.controllers", encoding="ascii") as file:
            return hierarchy if "cpuset" in file.read().split() else None
    path = os.path.join(os.path.dirname(hierarchy), "cpuset")
    return path if os.path.exists(f"{path}/cpuset.cpus") else None


def _effective_capabilities() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))


def _swap_bytes() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith("SwapTotal:")), 0)


def _counts_swap(version: int, hierarchy: str) -> bool:
    if version == 1:
        return os.path.exists(f"{hierarchy}/memory.memsw.limit_in_bytes")
    return True


def _is_own_virtual_machine() -> bool:
    """The flag alone could be given by mistake on a machine that others use: ours is virtual, and its PID 1 is our own."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        virtual = any("hypervisor" in line.split() for line in file if line.startswith("flags")) or _is_emulated()
    with open("/proc/1/cmdline", "rb") as file:
        return virtual and b"/sbin/oomsight-init" in file.read().split(b"\0")


def _is_emulated() -> bool:
    try:
        with open("/sys/class/dmi/id/sys_vendor", encoding="ascii", errors="replace") as file:
            return "QEMU" in file.read()
    except OSError:
        return False


def compile_cell(source: str, target: str) -> None:
    """The workload's program; static where libc.a is there, so that it touches few pages. Raises MachineError."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MachineError("found no C compiler (cc), expected one: the workload must be small and quick")
    for flags in (["-static"], []):
        done = subprocess.run([compiler, "-O2", *flags, "-o", target, source], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
    raise MachineError(f"{source} does not compile: {done.stderr.strip()}")
