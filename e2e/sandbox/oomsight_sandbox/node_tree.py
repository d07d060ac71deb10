"""A whole node made of files: the cgroup tree of a container runtime, /proc and /var/log/containers, from a small literal.

For tests of the agent, alone or with everything above it: what is written here reads like the kernel's own files. Files are
rewritten in place, so that a reader with an open descriptor sees the new value, as it would in a real cgroup.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

MI = 1024 * 1024
PAGE_BYTES = 4096
_V1_UNLIMITED = 9223372036854771712


class Flavour(StrEnum):
    """Version of the memory controller, and who names the cgroups (the kubelet's cgroupDriver)."""

    V1_CGROUPFS = "v1-cgroupfs"
    V2_SYSTEMD = "v2-systemd"
    V2_CGROUPFS = "v2-cgroupfs"


@dataclass(frozen=True, slots=True)
class ProcessFiles:
    """One process of a container, as /proc shows it."""

    pid: int
    name: str = "app"
    oom_score_adj: int = 0
    anon_bytes: int = 10 * MI
    file_bytes: int = 0
    shmem_bytes: int = 0
    swap_bytes: int = 0
    page_tables_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class ContainerFiles:
    """One container: who it is, and what its cgroup is charged for. `limit_bytes` None is no limit."""

    pod_uid: str
    container_id: str
    namespace: str
    pod: str
    name: str
    qos: str = "burstable"
    """`guaranteed`, `burstable` or `besteffort`: where the kubelet puts the pod."""
    limit_bytes: int | None = None
    anon_bytes: int = 10 * MI
    active_file_bytes: int = 0
    inactive_file_bytes: int = 0
    shmem_bytes: int = 0
    kernel_bytes: int = MI
    peak_bytes: int | None = None
    limit_hits: int = 0
    oom_kills: int = 0
    oom_group: bool = True
    """v2 alone."""
    processes: tuple[ProcessFiles, ...] = ()

    @property
    def file_bytes(self) -> int:
        return self.active_file_bytes + self.inactive_file_bytes + self.shmem_bytes

    @property
    def usage_bytes(self) -> int:
        return self.anon_bytes + self.file_bytes + self.kernel_bytes


@dataclass(slots=True)
class NodeTree:
    """The files of one node below `root`; `cgroup_root`, `proc_root` and `container_log_dir` are what the agent is given."""

    root: Path
    flavour: Flavour
    memory_total_bytes: int = 4096 * MI
    memory_available_bytes: int = 3072 * MI
    _containers: dict[str, ContainerFiles] = field(default_factory=dict)
    _pod_kills: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for directory in (self.cgroup_root, self.proc_root, self.container_log_dir):
            directory.mkdir(parents=True)
        if self.flavour is Flavour.V1_CGROUPFS:
            _write_all(self.hierarchy, _v1_files(0, 0, None, 0, 0, {}))
        else:
            _write_all(self.hierarchy, {"cgroup.controllers": "cpuset cpu io memory pids\n"})
        self.set_node()

    @property
    def cgroup_root(self) -> Path:
        return self.root / "cgroup"

    @property
    def proc_root(self) -> Path:
        return self.root / "proc"

    @property
    def container_log_dir(self) -> Path:
        return self.root / "log" / "containers"

    @property
    def hierarchy(self) -> Path:
        return self.cgroup_root / "memory" if self.flavour is Flavour.V1_CGROUPFS else self.cgroup_root

    def set_node(self, *, available_bytes: int | None = None) -> None:
        """(Re)write the node's own files."""
        self.memory_available_bytes = self.memory_available_bytes if available_bytes is None else available_bytes
        lines = {"MemTotal": self.memory_total_bytes, "MemFree": self.memory_available_bytes // 2,
                 "MemAvailable": self.memory_available_bytes, "SwapTotal": 0, "SwapFree": 0}  # fmt: skip
        pressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        kills = sum(self._pod_kills.values()) + sum(each.oom_kills for each in self._containers.values())
        _write_all(
            self.proc_root,
            {
                "meminfo": "".join(f"{name}:{value // 1024:>15} kB\n" for name, value in lines.items()),
                "vmstat": f"pswpin 0\npswpout 0\npgmajfault 17\noom_kill {kills}\n",
                "pressure/memory": pressure,
                "sys/vm/swappiness": "60\n",
                "sys/vm/overcommit_memory": "1\n",
                "sys/vm/overcommit_ratio": "50\n",
                "sys/vm/panic_on_oom": "0\n",
                "sys/vm/oom_kill_allocating_task": "0\n",
                "sys/kernel/random/boot_id": "6b1f7a52-0000-4000-8000-000000000001\n",
                "sys/kernel/osrelease": "6.12.0-test\n",
            },
        )

    def path_of(self, container: ContainerFiles) -> str:
        """The container's cgroup below the hierarchy, as the driver of this flavour names it."""
        pod = self._pod_path(container)
        if self.flavour is Flavour.V2_SYSTEMD:
            return f"{pod}/cri-containerd-{container.container_id}.scope"
        return f"{pod}/{container.container_id}"

    def _pod_path(self, container: ContainerFiles) -> str:
        guaranteed = container.qos == "guaranteed"
        if self.flavour is Flavour.V2_SYSTEMD:
            uid = container.pod_uid.replace("-", "_")
            if guaranteed:
                return f"/kubepods.slice/kubepods-pod{uid}.slice"
            return f"/kubepods.slice/kubepods-{container.qos}.slice/kubepods-{container.qos}-pod{uid}.slice"
        return f"/kubepods/pod{container.pod_uid}" if guaranteed else f"/kubepods/{container.qos}/pod{container.pod_uid}"

    def put(self, container: ContainerFiles) -> ContainerFiles:
        """Make a container, or bring its files to these values; its peak never falls, as in the kernel."""
        old = self._containers.get(container.container_id)
        peak = max(container.peak_bytes or 0, container.usage_bytes, (old.peak_bytes or 0) if old is not None else 0)
        container = replace(container, peak_bytes=peak)
        self._containers[container.container_id] = container
        _write_all(self.hierarchy / self.path_of(container)[1:], {**self._files((container,)), **self._population(container)})
        self._write_pod(container)
        link = self.container_log_dir / f"{container.pod}_{container.namespace}_{container.name}-{container.container_id}.log"
        if not link.is_symlink():
            link.symlink_to(f"/var/log/pods/{container.namespace}_{container.pod}_{container.pod_uid}/{container.name}/0.log")
        gone = {each.pid for each in old.processes} if old is not None else set()
        for process in container.processes:
            self._write_process(container, process)
            gone.discard(process.pid)
        for pid in gone:
            shutil.rmtree(self.proc_root / str(pid))
        self.set_node()
        return container

    def remove(self, container: ContainerFiles) -> None:
        """The container ends: its cgroup, processes and log link go. Its pod's cgroup goes with its last container."""
        container = self._containers.pop(container.container_id)
        shutil.rmtree(self.hierarchy / self.path_of(container)[1:])
        for link in self.container_log_dir.glob(f"*-{container.container_id}.log"):
            link.unlink()
        for process in container.processes:
            shutil.rmtree(self.proc_root / str(process.pid))
        if any(each.pod_uid == container.pod_uid for each in self._containers.values()):
            self._pod_kills[container.pod_uid] = self._pod_kills.get(container.pod_uid, 0) + container.oom_kills
            self._write_pod(container)
        else:
            shutil.rmtree(self.hierarchy / self._pod_path(container)[1:])
            self._pod_kills.pop(container.pod_uid, None)
        self.set_node()

    def _write_pod(self, container: ContainerFiles) -> None:
        siblings = tuple(each for each in self._containers.values() if each.pod_uid == container.pod_uid)
        _write_all(self.hierarchy / self._pod_path(container)[1:], self._files(siblings, of_pod=container.pod_uid))

    def _population(self, container: ContainerFiles) -> dict[str, str]:
        """What says whether the container still has processes."""
        if self.flavour is Flavour.V1_CGROUPFS:
            return {"cgroup.procs": "".join(f"{process.pid}\n" for process in container.processes)}
        return {"cgroup.events": f"populated {int(bool(container.processes))}\nfrozen 0\n"}

    def _files(self, containers: tuple[ContainerFiles, ...], of_pod: str | None = None) -> dict[str, str]:
        """Files of a container's own cgroup, or of the pod that holds these containers."""
        limits = [each.limit_bytes for each in containers]
        limit = sum(value for value in limits if value is not None) if None not in limits else None
        usage = sum(each.usage_bytes for each in containers)
        peak = sum(each.peak_bytes or 0 for each in containers)
        hits = sum(each.limit_hits for each in containers)
        kills = sum(each.oom_kills for each in containers)
        charges = {
            name: sum(int(getattr(each, f"{name}_bytes")) for each in containers)
            for name in ("anon", "file", "shmem", "active_file", "inactive_file", "kernel")
        }
        if self.flavour is Flavour.V1_CGROUPFS:
            # v1 counts a kill where the victim was: nothing of it shows on the pod.
            return _v1_files(usage, peak, limit, hits, kills if of_pod is None else 0, charges)
        kills += self._pod_kills.get(of_pod, 0) if of_pod is not None else 0
        return _v2_files(usage, peak, limit, hits, kills, charges, all(each.oom_group for each in containers))

    def _write_process(self, container: ContainerFiles, process: ProcessFiles) -> None:
        number = "9:memory:" if self.flavour is Flavour.V1_CGROUPFS else "0::"
        fields = {"RssAnon": process.anon_bytes, "RssFile": process.file_bytes, "RssShmem": process.shmem_bytes,
                  "VmSwap": process.swap_bytes, "VmPTE": process.page_tables_bytes}  # fmt: skip
        status = f"Name:\t{process.name}\nState:\tS (sleeping)\n" + "".join(
            f"{name}:\t{value // 1024:>8} kB\n" for name, value in fields.items()
        )
        ids = " ".join(["1"] * 17)
        _write_all(
            self.proc_root / str(process.pid),
            {
                "cgroup": f"{number}{self.path_of(container)}\n",
                "oom_score_adj": f"{process.oom_score_adj}\n",
                "status": status,
                "stat": f"{process.pid} ({process.name}) S {ids} {1000 + process.pid} 0 0\n",
            },
        )


def _write_all(directory: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)


def _v1_files(usage: int, peak: int, limit: int | None, hits: int, kills: int, charges: Mapping[str, int]) -> dict[str, str]:
    stat = {
        "cache": 0, "rss": 0,  # a parent's own alone: a reader that takes these for its subtree's is wrong
        "total_cache": charges.get("file", 0), "total_rss": charges.get("anon", 0), "total_shmem": charges.get("shmem", 0),
        "total_swap": 0, "total_pgmajfault": 0, "total_workingset_refault_file": 0,
        "total_inactive_file": charges.get("inactive_file", 0), "total_active_file": charges.get("active_file", 0),
    }  # fmt: skip
    ceiling = _V1_UNLIMITED if limit is None else limit
    return {
        "memory.usage_in_bytes": f"{usage}\n",
        "memory.max_usage_in_bytes": f"{peak}\n",
        "memory.limit_in_bytes": f"{ceiling}\n",
        "memory.memsw.limit_in_bytes": f"{ceiling}\n",
        "memory.failcnt": f"{hits}\n",
        "memory.memsw.failcnt": "0\n",
        "memory.swappiness": "60\n",
        "memory.kmem.usage_in_bytes": f"{charges.get('kernel', 0)}\n",
        "memory.kmem.tcp.usage_in_bytes": "0\n",
        "memory.oom_control": f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n",
        "memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items()),
    }


def _v2_files(
    usage: int, peak: int, limit: int | None, hits: int, kills: int, charges: Mapping[str, int], oom_group: bool
) -> dict[str, str]:
    kernel = charges["kernel"]
    stat = {
        "anon": charges["anon"], "file": charges["file"], "kernel": kernel, "kernel_stack": kernel // 8,
        "pagetables": kernel // 8, "percpu": 0, "sock": 0, "shmem": charges["shmem"],
        "inactive_file": charges["inactive_file"], "active_file": charges["active_file"],
        "slab_reclaimable": kernel // 4, "slab_unreclaimable": kernel // 2, "slab": kernel // 4 + kernel // 2,
        "workingset_refault_file": 0, "pgmajfault": 0,
    }  # fmt: skip
    return {
        "memory.current": f"{usage}\n",
        "memory.peak": f"{peak}\n",
        "memory.max": "max\n" if limit is None else f"{limit}\n",
        "memory.high": "max\n",
        "memory.swap.current": "0\n",
        "memory.swap.max": "0\n",
        "memory.oom.group": f"{int(oom_group)}\n",
        "memory.events": f"low 0\nhigh 0\nmax {hits}\noom {kills}\noom_kill {kills}\noom_group_kill 0\n",
        "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        "memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items()),
    }
