"""A whole node made of files: the cgroup tree of a container runtime, /proc and /var/log/containers, from a small literal.

For tests of the agent, alone or with everything above it: what is written here reads like the kernel's own files. Files are
rewritten in place, so that a reader with an open descriptor sees the new value, as it would in a real cgroup.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from oomsight_sandbox.cgroup_files import make_all, v1_files, v2_files, v2_stat, write_all

MI = 1024 * 1024
PAGE_BYTES = 4096


class Flavour(StrEnum):
    """Version of the memory controller, and who names the cgroups (the kubelet's cgroupDriver)."""

    V1_CGROUPFS = "v1-cgroupfs"
    V2_SYSTEMD = "v2-systemd"
    V2_CGROUPFS = "v2-cgroupfs"


@dataclass(frozen=True, slots=True)
class ProcessFiles:
    """One process, as /proc shows it."""

    pid: int
    name: str = "app"
    oom_score_adj: int = 0
    anon_bytes: int = 10 * MI
    file_bytes: int = 0
    shmem_bytes: int = 0
    swap_bytes: int = 0
    page_tables_bytes: int = 64 * 1024
    nested: str = ""
    """Its cgroup below its container's: `/docker/<64 hex>`."""
    kernel_thread: bool = False


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
    allocatable_bytes: int | None = None
    """The limit of kubepods, where the kubelet enforces one."""
    signed_badness: bool = True
    """Whether oom_badness is signed, as from 5.9 on."""
    _containers: dict[str, ContainerFiles] = field(default_factory=dict)
    _pod_kills: dict[str, int] = field(default_factory=dict)
    _host: dict[int, tuple[ProcessFiles, str]] = field(default_factory=dict)
    _above: set[str] = field(default_factory=set)
    """Cgroups between the root and the pods, by path."""

    def __post_init__(self) -> None:
        for directory in (self.cgroup_root, self.proc_root, self.container_log_dir):
            directory.mkdir(parents=True)
        if self.flavour is not Flavour.V1_CGROUPFS:
            write_all(self.hierarchy, {"cgroup.controllers": "cpuset cpu io memory pids\n"})
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

    def set_node(self, *, available_bytes: int | None = None, swapped_pages: int = 0) -> None:
        """(Re)write the node's own files; `swapped_pages` were written to swap, and half of them read again."""
        self.memory_available_bytes = self.memory_available_bytes if available_bytes is None else available_bytes
        self._write_above()
        lines = {"MemTotal": self.memory_total_bytes, "MemFree": self.memory_available_bytes // 2,
                 "MemAvailable": self.memory_available_bytes, "SwapTotal": 0, "SwapFree": 0}  # fmt: skip
        pressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        kills = sum(self._pod_kills.values()) + sum(each.oom_kills for each in self._containers.values())
        write_all(
            self.proc_root,
            {
                "meminfo": "".join(f"{name}:{value // 1024:>15} kB\n" for name, value in lines.items()),
                "vmstat": f"pswpin {swapped_pages // 2}\npswpout {swapped_pages}\npgmajfault 17\noom_kill {kills}\n",
                "pressure/memory": pressure,
                "sys/vm/swappiness": "60\n",
                "sys/vm/overcommit_memory": "1\n",
                "sys/vm/overcommit_ratio": "50\n",
                "sys/vm/panic_on_oom": "0\n",
                "sys/vm/oom_kill_allocating_task": "0\n",
                "sys/kernel/random/boot_id": "6b1f7a52-0000-4000-8000-000000000001\n",
                "sys/kernel/osrelease": "6.12.0-test\n",
                # Of a reader whose size is less than a thousandth of the node, at oom_score_adj 0.
                "self/status": "Name:\toomsight-agent\n" + _sizes(ProcessFiles(1, anon_bytes=0, page_tables_bytes=0)),
                "self/oom_score_adj": "0\n",
                "self/oom_score": "666\n" if self.signed_badness else "0\n",
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
        self._write_pod(container)
        files = {**self._files((container,)), **self._population(container)}
        make_all(self.hierarchy / self.path_of(container)[1:], files, self.root / "made")
        link = self.container_log_dir / f"{container.pod}_{container.namespace}_{container.name}-{container.container_id}.log"
        if not link.is_symlink():
            link.symlink_to(f"/var/log/pods/{container.namespace}_{container.pod}_{container.pod_uid}/{container.name}/0.log")
        gone = {each.pid for each in old.processes} if old is not None else set()
        for process in container.processes:
            if process.nested:
                (self.hierarchy / f"{self.path_of(container)}{process.nested}"[1:]).mkdir(parents=True, exist_ok=True)
            self._write_process(process, f"{self.path_of(container)}{process.nested}")
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

    def put_host(self, process: ProcessFiles, cgroup: str = "/") -> None:
        """Start a process outside the containers, or bring its files to these values."""
        self._host[process.pid] = (process, cgroup)
        if cgroup != "/":
            (self.hierarchy / cgroup[1:]).mkdir(parents=True, exist_ok=True)
        self._write_process(process, cgroup)
        self.set_node()

    def remove_host(self, pid: int) -> None:
        del self._host[pid]
        shutil.rmtree(self.proc_root / str(pid))
        self.set_node()

    def set_oom_group(self, cgroup: str) -> None:
        """All that run in `cgroup`, of a path below the hierarchy, die together from now on. v2 alone has that."""
        write_all(self.hierarchy / cgroup[1:], {"memory.oom.group": "1\n"})

    def _write_above(self) -> None:
        """Files of the root and of what stands between it and the pods."""
        pods = {self._pod_path(each) for each in self._containers.values()}
        self._above |= {parent for pod in pods for parent in _ancestors(pod)}
        for path in self._above:
            below = [each for each in self._containers.values() if self._pod_path(each).startswith(f"{path}/")]
            limit = self.allocatable_bytes if path.count("/") == 1 else None
            write_all(self.hierarchy / path[1:], self._files(tuple(below), of_all=True, limit=limit))
        charges = _charges(self._containers.values())
        charges["anon"] += sum(process.anon_bytes for process, _ in self._host.values())
        if self.flavour is not Flavour.V1_CGROUPFS:
            write_all(self.hierarchy, {"memory.stat": v2_stat(charges)})
            return
        usage = sum(charges[kind] for kind in ("anon", "file", "kernel"))
        write_all(self.hierarchy, v1_files(usage, usage, None, 0, 0, charges))

    def _write_pod(self, container: ContainerFiles) -> None:
        siblings = tuple(each for each in self._containers.values() if each.pod_uid == container.pod_uid)
        files = self._files(siblings, of_pod=container.pod_uid)
        make_all(self.hierarchy / self._pod_path(container)[1:], files, self.root / "made")

    def _population(self, container: ContainerFiles) -> dict[str, str]:
        """What says whether the container still has processes: on v1 nothing, to an agent in a pod's pid namespace."""
        if self.flavour is Flavour.V1_CGROUPFS:
            return {"cgroup.procs": ""}
        return {"cgroup.events": f"populated {int(bool(container.processes))}\nfrozen 0\n"}

    def _files(
        self, containers: tuple[ContainerFiles, ...], of_pod: str | None = None, *, of_all: bool = False, limit: int | None = None
    ) -> dict[str, str]:
        """Files of a container's own cgroup, of the pod that holds these containers, or of what is above these (`of_all`)."""
        limits = [each.limit_bytes for each in containers]
        if not of_all:
            limit = sum(value for value in limits if value is not None) if None not in limits else None
        usage = sum(each.usage_bytes for each in containers)
        peak = sum(each.peak_bytes or 0 for each in containers)
        hits = sum(each.limit_hits for each in containers)
        kills = sum(each.oom_kills for each in containers)
        charges = _charges(containers)
        own = of_pod is None and not of_all
        if self.flavour is Flavour.V1_CGROUPFS:
            # v1 counts a kill where the victim was: nothing of it shows on the pod.
            return v1_files(usage, peak, limit, hits, kills if own else 0, charges)
        kills += self._pod_kills.get(of_pod, 0) if of_pod is not None else 0
        # The kubelet makes containers die whole, not their pod.
        return v2_files(usage, peak, limit, hits, kills, charges, own and all(each.oom_group for each in containers))

    def _write_process(self, process: ProcessFiles, cgroup: str) -> None:
        number = "9:memory:" if self.flavour is Flavour.V1_CGROUPFS else "0::"
        status = f"Name:\t{process.name}\nState:\tS (sleeping)\n" + ("" if process.kernel_thread else _sizes(process))
        before_start = " ".join(["1"] * 18)
        resident = 0 if process.kernel_thread else (process.anon_bytes + process.file_bytes + process.shmem_bytes) // PAGE_BYTES
        write_all(
            self.proc_root / str(process.pid),
            {
                "cgroup": f"{number}{cgroup}\n",
                "oom_score_adj": f"{process.oom_score_adj}\n",
                "status": status,
                "stat": f"{process.pid} ({process.name}) S {before_start} {1000 + process.pid} 0 {resident} 0\n",
            },
        )


def _sizes(process: ProcessFiles) -> str:
    fields = {"RssAnon": process.anon_bytes, "RssFile": process.file_bytes, "RssShmem": process.shmem_bytes,
              "VmSwap": process.swap_bytes, "VmPTE": process.page_tables_bytes}  # fmt: skip
    return "".join(f"{name}:\t{value // 1024:>8} kB\n" for name, value in fields.items())


def _charges(containers: Iterable[ContainerFiles]) -> dict[str, int]:
    every = tuple(containers)
    return {
        name: sum(int(getattr(each, f"{name}_bytes")) for each in every)
        for name in ("anon", "file", "shmem", "active_file", "inactive_file", "kernel")
    }


def _ancestors(path: str) -> list[str]:
    """Every cgroup above `path` but the root."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(2, len(parts))]
