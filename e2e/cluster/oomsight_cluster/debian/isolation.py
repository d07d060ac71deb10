"""Namespaces and mounts in which the node lives: what it mounts, and every address it takes, ends with its last process.

Host name and pids stay the machine's, so the pids that the kernel logs are those that the node's agent sees in /proc.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from oomsight_cluster.debian.cgroups import Hierarchy, enable_controllers
from oomsight_cluster.programs import run

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET = 0x00020000, 0x02000000, 0x08000000, 0x40000000

# The kubelet sets these for the whole machine (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables). Here it finds them
# as it wants them, and the machine's own stay as they are.
KUBELET_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def unshare_namespaces() -> None:
    """Own mounts, network, cgroup root and IPC. The caller has one thread and is in the cluster's cgroup."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWIPC):
        number = ctypes.get_errno()
        raise OSError(number, f"new namespaces: {os.strerror(number)}; this needs root and CAP_SYS_ADMIN")


def mount_node(directory: Path, hierarchies: Iterable[Hierarchy]) -> None:
    """The node's own /run, /var/log and cgroup file systems; everything else as on the machine."""
    run(["mount", "--make-rprivate", "/"])
    run(["mount", "--make-rshared", "/"])  # the kubelet's volumes propagate into containers
    for name, target in (("run", "/run"), ("log", "/var/log")):
        (directory / name).mkdir()
        run(["mount", "--bind", directory / name, target])
    _mount_cgroups(tuple(hierarchies))
    sysctls = directory / "sysctls"
    sysctls.mkdir()
    for number, (name, value) in enumerate(KUBELET_SYSCTLS.items()):
        setting = Path("/proc/sys") / name
        if setting.exists():
            (sysctls / str(number)).write_text(f"{value}\n")
            run(["mount", "--bind", sysctls / str(number), setting])


def _mount_cgroups(hierarchies: tuple[Hierarchy, ...]) -> None:
    """Mounted anew, their roots are the cluster's own cgroup: `/kubepods` is at the top, as on any node."""
    root = "/sys/fs/cgroup"
    if hierarchies[0].version == 2:
        run(["mount", "-t", "cgroup2", "cgroup2", root])
        leaf = Path(root) / "node"
        leaf.mkdir()
        (leaf / "cgroup.procs").write_text(str(os.getpid()))  # v2: no processes beside children with controllers
        enable_controllers(Path(root))
        return
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root])
    for hierarchy in hierarchies:
        target = Path(root) / hierarchy.options.removeprefix("none,name=")
        target.mkdir()
        run(["mount", "-t", "cgroup", "-o", hierarchy.options, "cgroup", target])


def configure_network(addresses: Iterable[str]) -> None:
    """Loopback up, and the node's own addresses on it. Pods reach them through their bridge; no route leads out."""
    run(["ip", "link", "set", "lo", "up"])
    for address in addresses:
        run(["ip", "address", "add", f"{address}/32", "dev", "lo"])


def has_capability(number: int) -> bool:
    """Whether this process has a capability of capabilities(7)."""
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> number & 1)


CAP_SYS_RESOURCE = 24
