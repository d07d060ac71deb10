"""Nodes of files for the tests of this room, and a sampler on each with a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from oomsight_agent.kernel.roots import Roots
from oomsight_agent.sampler import Sampler
from oomsight_api.report import Container, NodeReport, Pod
from oomsight_sandbox.node_tree import MI, ContainerFiles, Flavour, NodeTree, ProcessFiles

UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
STATIC = "8f9c1a2b3c4d5e6f708192a3b4c5d6e7"
WEB, CACHE, ETCD, SANDBOX = "a" * 64, "b" * 64, "c" * 64, "d" * 64
STAT_INTERVAL = 10.0

WEB_FILES = ContainerFiles(
    pod_uid=UID,
    container_id=WEB,
    namespace="shop",
    pod="web-7d",
    name="server",
    limit_bytes=64 * MI,
    anon_bytes=20 * MI,
    active_file_bytes=4 * MI,
    inactive_file_bytes=10 * MI,
    shmem_bytes=2 * MI,
    peak_bytes=50 * MI,
    limit_hits=3,
    processes=(
        ProcessFiles(4001, "server", 900, anon_bytes=15 * MI),
        ProcessFiles(4002, "wor,ker) \\n", 950, anon_bytes=5 * MI, file_bytes=MI),
    ),
)

PAUSE_FILES = ContainerFiles(
    pod_uid=UID,
    container_id=SANDBOX,
    namespace="shop",
    pod="web-7d",
    name="pause",
    anon_bytes=40960,
    kernel_bytes=0,
    processes=(ProcessFiles(4000, "pause", -998, anon_bytes=40960),),
)
CACHE_FILES = ContainerFiles(
    pod_uid="11111111-2222-3333-4444-555555555555",
    container_id=CACHE,
    namespace="shop",
    pod="cache-0",
    name="cache",
    qos="besteffort",
    oom_kills=2,
    oom_group=False,
    processes=(ProcessFiles(5001, "cache", 1000),),
)
ETCD_FILES = ContainerFiles(
    pod_uid=STATIC,
    container_id=ETCD,
    namespace="kube-system",
    pod="etcd-node-a",
    name="etcd",
    limit_bytes=256 * MI,
    limit_hits=1,
    anon_bytes=100 * MI,
    processes=(ProcessFiles(900, "etcd", -997, anon_bytes=100 * MI),),
)


HOST_PROCESSES = (
    (ProcessFiles(1, "systemd", 0), "/init.scope"),
    (ProcessFiles(2, "kthreadd", 0, kernel_thread=True), "/"),
    (ProcessFiles(700, "sshd", -1000), "/system.slice/ssh.service"),
    (ProcessFiles(701, "containerd", -999, anon_bytes=60 * MI), "/system.slice/containerd.service"),
    (ProcessFiles(702, "kubelet", -999, anon_bytes=80 * MI), "/system.slice/kubelet.service"),
    (ProcessFiles(703, "cron", 0, anon_bytes=2 * MI), "/system.slice/cron.service"),
)
"""Of a node, with their cgroups."""
CRON = "/system.slice/cron.service"
"""systemd gives a service with OOMPolicy=kill a memory.oom.group."""


class SampledNode:
    """A node of files and a sampler. `tick` is one sample."""

    def __init__(self, root: Path, flavour: Flavour) -> None:
        self.tree = NodeTree(root / "node", flavour)
        self.seconds = 1000.0
        self.sampler = self._new_sampler()

    def _new_sampler(self) -> Sampler:
        roots = Roots(str(self.tree.cgroup_root), str(self.tree.proc_root), str(self.tree.container_log_dir))
        return Sampler(roots, "node-a", interval_seconds=1.0, stat_interval_seconds=STAT_INTERVAL)

    def restart(self) -> None:
        """The agent begins anew on the same node."""
        self.sampler.close()
        self.sampler = self._new_sampler()

    def tick(self, seconds: float = 1.0) -> NodeReport:
        self.seconds += seconds
        return self.sampler.sample(1_700_000_000.0 + self.seconds, self.seconds)

    def stat_tick(self) -> NodeReport:
        """A sample in which everything is due."""
        return self.tick(STAT_INTERVAL)

    def container(self, report: NodeReport, container_id: str = WEB) -> Container:
        return next(row for row in report.containers if row.container_id == container_id)

    def pod(self, report: NodeReport, uid: str = UID) -> Pod:
        return next(row for row in report.pods if row.pod_uid == uid)

    def directory(self, container: ContainerFiles) -> Path:
        return self.tree.hierarchy / self.tree.path_of(container)[1:]


def populate(node: SampledNode) -> None:
    """A web server with its sandbox, a best-effort cache with a container inside, a static pod, and the node's own processes."""
    node.tree.allocatable_bytes = 3584 * MI
    for process, cgroup in HOST_PROCESSES:
        node.tree.put_host(process, cgroup)
    node.tree.put(WEB_FILES)
    inner = ProcessFiles(5002, "redis", 1000, anon_bytes=2 * MI, nested="/docker/inner")
    for container in (PAUSE_FILES, replace(CACHE_FILES, processes=(*CACHE_FILES.processes, inner)), ETCD_FILES):
        node.tree.put(container)
    if node.tree.flavour is not Flavour.V1_CGROUPFS:
        node.tree.set_oom_group(CRON)
        node.tree.set_oom_group(f"{node.tree.path_of(CACHE_FILES)}/docker/inner")
    (node.tree.container_log_dir / f"web-7d_shop_pause-{SANDBOX}.log").unlink()  # a sandbox has no log
