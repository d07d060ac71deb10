"""A cluster for integration tests: the embedded API, nodes made of files, real agents and a real operator as processes.

Only the kernel and the kubelet are played: `start_container`, `grow`, `kill` write what they would have written.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import signal
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from oomsight_api.names import Annotation
from oomsight_sandbox.apiserver import ApiServer
from oomsight_sandbox.apiserver.store import Key, ResourceId
from oomsight_sandbox.node_tree import MI, ContainerFiles, Flavour, NodeTree, ProcessFiles

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SYSTEM_NAMESPACE = "oomsight-system"
PODS = ResourceId("", "pods")
DEADLINE_SECONDS = 40.0
EXPECTED_OOM_SCORE_ADJ = 985
"""What the kubelet sets for a request of 64Mi on a node of 4Gi."""
_serial = itertools.count(1)


async def until(holds: Callable[[], Any], what: str | Callable[[], str], seconds: float = DEADLINE_SECONDS) -> Any:
    """Wait until `holds()` is true, and give it back; an AssertionError that says what never happened."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what if isinstance(what, str) else what()}"
        await asyncio.sleep(0.05)
    return value


@dataclass(slots=True)
class Process:
    """A program of ours, its output kept in a file."""

    name: str
    command: list[str]
    log: Path
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self.running = await asyncio.create_subprocess_exec(*self.command, stdout=output, stderr=output)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; its exit code."""
        if self.running is None:
            return 0
        if self.running.returncode is None:
            self.running.send_signal(how)
        async with asyncio.timeout(15):
            code = await self.running.wait()
        self.running = None
        return code

    def said(self, text: str) -> int:
        """How many of its lines hold the text."""
        return sum(text in line for line in self.log.read_text(errors="replace").splitlines())


@dataclass(slots=True)
class Node:
    """A node of files with its agent."""

    name: str
    tree: NodeTree
    agent: Process
    port: int


@dataclass(frozen=True, slots=True)
class Running:
    """A pod with one container that runs on a node of files."""

    node: Node
    files: ContainerFiles
    namespace: str
    name: str
    restarts: int = 0


@dataclass(slots=True)
class Cluster:
    """Everything together. `directory` holds all files."""

    directory: Path
    server: ApiServer
    operator: Process
    daemonset_uid: str
    nodes: list[Node] = field(default_factory=list)

    # --- parts ---------------------------------------------------------------------------------------------------------

    async def add_node(self, flavour: Flavour, name: str | None = None, *, start: bool = True) -> Node:
        """A node of this kind, its agent, and the agent's pod in the DaemonSet."""
        name = name or f"node-{next(_serial)}"
        tree = NodeTree(self.directory / name, flavour)
        port_file = self.directory / f"{name}.port"
        command = [
            str(BIN / "oomsight-agent"), "run", f"--node-name={name}", f"--cgroup-root={tree.cgroup_root}",
            f"--proc-root={tree.proc_root}", f"--container-log-dir={tree.container_log_dir}", "--interval-seconds=0.1",
            "--stat-interval-seconds=0.3", "--coalesce-seconds=0.1", f"--port-file={port_file}", "--listen=127.0.0.1:0",
        ]  # fmt: skip
        agent = Process(f"agent of {name}", command, self.directory / f"{name}.log")
        await agent.start()
        await until(lambda: port_file.exists() and port_file.read_text(), f"agent of {name} opens its port; see {agent.log}")
        node = Node(name, tree, agent, int(port_file.read_text()))
        command[-1] = f"--listen=127.0.0.1:{node.port}"  # it comes back where its pod says
        if not start:
            await agent.stop()
        self.nodes.append(node)
        self.server.load([_agent_pod(node, self.daemonset_uid)])
        return node

    def apply_policy(self, name: str = "everything", **rules: Any) -> None:
        """A cluster-wide policy that annotates every pod; `rules` as in its `defaults`."""
        policy = {"kind": "ClusterMemoryPolicy", "metadata": {"name": name}, "spec": {"defaults": rules}}
        self.server.load([{"apiVersion": "oomsight.dev/v1alpha1", **policy}])

    def remove_policies(self) -> None:
        """Every policy of the cluster, at once."""
        for plural in ("memorypolicies", "clustermemorypolicies"):
            for stored in self.server.store.objects(ResourceId("oomsight.dev", plural)):
                self.server.store.remove(stored.key)

    def start_pod(
        self,
        node: Node,
        name: str,
        *,
        namespace: str = "shop",
        limit_bytes: int | None = 128 * MI,
        owner: Mapping[str, Any] | None = None,
        **charges: Any,
    ) -> Running:
        """A Burstable pod, bare or of a controller, whose one container `app` runs with these charges (see ContainerFiles)."""
        serial = next(_serial)
        process = ProcessFiles(10_000 + serial, anon_bytes=charges.get("anon_bytes", 10 * MI), oom_score_adj=EXPECTED_OOM_SCORE_ADJ)
        (stored,) = self.server.load([_pod(node, namespace, name, limit_bytes, owner)])
        files = ContainerFiles(
            stored.uid, f"{serial:064x}", namespace, name, "app", limit_bytes=limit_bytes, processes=(process,), **charges
        )
        running = Running(node, node.tree.put(files), namespace, name)
        self.set_status(running)
        return running

    async def run_init_container(self, node: Node, name: str, *, owner: Mapping[str, Any], anon_bytes: int) -> Running:
        """A pod whose init container `setup` has come and gone before the kubelet tells of it; its app runs now."""
        serial = next(_serial)
        pod = _pod(node, "shop", name, 128 * MI, owner)
        pod["spec"]["initContainers"] = [{"name": "setup", "image": "setup", "resources": {"limits": {"memory": "256Mi"}}}]
        (stored,) = self.server.load([pod])
        process = ProcessFiles(10_000 + serial, anon_bytes=anon_bytes, oom_score_adj=EXPECTED_OOM_SCORE_ADJ)
        setup = ContainerFiles(
            stored.uid, f"{serial:064x}", "shop", name, "setup", limit_bytes=256 * MI, anon_bytes=anon_bytes, processes=(process,)
        )
        node.tree.put(setup)
        await until(lambda: setup.container_id in self.report(node), "the agent sees the init container")
        node.tree.remove(setup)
        await until(lambda: setup.container_id not in self.report(node), "the agent sees that it is gone")
        app = replace(setup, container_id=f"{next(_serial):064x}", name="app", limit_bytes=128 * MI, anon_bytes=10 * MI)
        running = Running(node, node.tree.put(app), "shop", name)
        self.set_status(running, ended_init=setup.container_id)
        return running

    def report(self, node: Node) -> str:
        """The node's agent's whole report, as it stands now."""
        with urllib.request.urlopen(f"http://127.0.0.1:{node.port}/v1/report", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def grow(self, running: Running, **charges: Any) -> Running:
        """Other charges (see ContainerFiles); no status changes by that."""
        files = replace(running.files, **charges)
        if "anon_bytes" in charges:
            files = replace(files, processes=tuple(replace(each, anon_bytes=charges["anon_bytes"]) for each in files.processes))
        return replace(running, files=running.node.tree.put(files))

    def oom_kill(self, running: Running) -> Running:
        """The container dies at its limit and is started again: counters, cgroups and status as kernel and kubelet leave them."""
        old = replace(running.files, oom_kills=running.files.oom_kills + 1, limit_hits=running.files.limit_hits + 1)
        running.node.tree.put(old)
        serial = next(_serial)
        process = replace(old.processes[0], pid=10_000 + serial, anon_bytes=10 * MI)
        new = replace(
            old, container_id=f"{serial:064x}", oom_kills=0, limit_hits=0, anon_bytes=10 * MI, peak_bytes=None, processes=(process,)
        )
        restarted = replace(running, files=running.node.tree.put(new), restarts=running.restarts + 1)
        running.node.tree.remove(old)
        self.set_status(restarted, last_terminated=_oom_killed(old.container_id))
        return restarted

    def kubelet_says_oom_killed(self, running: Running) -> Running:
        """The kubelet tells of a kill and of the next run, before anything of it can be seen on the node."""
        serial = next(_serial)
        new = replace(running.files, container_id=f"{serial:064x}", peak_bytes=None)
        restarted = replace(running, files=running.node.tree.put(new), restarts=running.restarts + 1)
        running.node.tree.remove(running.files)
        self.set_status(restarted, last_terminated=_oom_killed(running.files.container_id))
        return restarted

    def set_status(
        self, running: Running, *, last_terminated: Mapping[str, Any] | None = None, ended_init: str | None = None
    ) -> None:
        """What the kubelet says of the container, and of the init container `setup` that ended well, by its id."""
        key = Key(PODS, running.namespace, running.name)
        stored = self.server.store.get(key)
        assert stored is not None
        data = {**copy.deepcopy(stored.data), "status": _status(running, last_terminated, ended_init)}
        self.server.store.replace(key, data)

    def delete_pod(self, running: Running) -> None:
        self.server.store.remove(Key(PODS, running.namespace, running.name))
        running.node.tree.remove(running.files)

    # --- what a user sees ----------------------------------------------------------------------------------------------

    def annotations(self, running: Running) -> dict[str, str]:
        """Ours, by the part of the key behind the prefix."""
        stored = self.server.store.get(Key(PODS, running.namespace, running.name))
        everything = stored.data["metadata"].get("annotations", {}) if stored is not None else {}
        prefix = Annotation.POLICY.value.removesuffix("policy")
        return {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}

    def risk(self, running: Running) -> str | None:
        return self.annotations(running).get("oom-risk")

    async def until_risk(self, running: Running, *levels: str) -> dict[str, str]:
        """Wait until the pod is annotated with one of these levels; all our annotations."""
        await until(
            lambda: self.risk(running) in levels,
            lambda: f"{running.name} at {' or '.join(levels)}, has {self.annotations(running)}; see {self.operator.log}",
        )
        return self.annotations(running)

    def objects(self, group: str, plural: str) -> list[dict[str, Any]]:
        return [dict(stored.data) for stored in self.server.store.objects(ResourceId(group, plural))]

    def matched_pods(self) -> int | None:
        """What the one policy's status counts."""
        (policy,) = self.objects("oomsight.dev", "clustermemorypolicies")
        matched: int | None = policy.get("status", {}).get("matchedPods")
        return matched

    def events(self, running: Running, reason: str) -> list[dict[str, Any]]:
        return [
            event
            for event in self.objects("", "events")
            if event.get("reason") == reason and event["involvedObject"]["uid"] == running.files.pod_uid
        ]


@asynccontextmanager
async def cluster(directory: Path, **operator_flags: str | None) -> AsyncIterator[Cluster]:
    """A cluster without nodes and policies; the operator runs. A flag of None has no value. Ends all processes in any case."""
    async with ApiServer(bookmark_seconds=1.0) as server:
        *_, daemonset = server.load(_installed())
        kubeconfig = directory / "kubeconfig"
        server.write_kubeconfig(kubeconfig)
        flags = {
            "agent-stale-seconds": "3",
            "settle-seconds": "2",
            "poll-wait-seconds": "1",
            "pod-interval-seconds": "1",
            **operator_flags,
        }
        command = [
            str(BIN / "oomsight-operator"), "run", f"--kubeconfig={kubeconfig}", f"--namespace={SYSTEM_NAMESPACE}",
            "--metrics-listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--api-listen=127.0.0.1:0", "--no-leader-election",
            f"--ports-file={directory / 'operator.ports'}",
            *(f"--{name}" if value is None else f"--{name}={value}" for name, value in flags.items()),
        ]  # fmt: skip
        running = Cluster(directory, server, Process("operator", command, directory / "operator.log"), daemonset.uid)
        await running.operator.start()
        try:
            yield running
        finally:
            for process in (running.operator, *(node.agent for node in running.nodes)):
                await process.stop(signal.SIGKILL)


def _installed() -> list[dict[str, Any]]:
    definitions = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    daemonset = {
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "oomsight-agent", "namespace": SYSTEM_NAMESPACE},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}},
    }  # fmt: skip
    return [*definitions, daemonset]


def _agent_pod(node: Node, daemonset_uid: str) -> dict[str, Any]:
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "oomsight-agent", "uid": daemonset_uid, "controller": True}
    ports = [{"name": "report", "containerPort": node.port}]
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"oomsight-agent-{node.name}", "namespace": SYSTEM_NAMESPACE, "ownerReferences": [owner]},
        "spec": {"nodeName": node.name, "containers": [{"name": "agent", "image": "oomsight", "ports": ports}]},
        "status": {"phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }  # fmt: skip


def _pod(node: Node, namespace: str, name: str, limit_bytes: int | None, owner: Mapping[str, Any] | None) -> dict[str, Any]:
    limit = {"limits": {"memory": str(limit_bytes)}} if limit_bytes is not None else {}
    resources = {"requests": {"memory": "64Mi"}, **limit}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **({"ownerReferences": [dict(owner)]} if owner is not None else {})},
        "spec": {"nodeName": node.name, "containers": [{"name": "app", "image": "app", "resources": resources}]},
        "status": {"phase": "Pending"},
    }  # fmt: skip


def _status(running: Running, last_terminated: Mapping[str, Any] | None, ended_init: str | None = None) -> dict[str, Any]:
    last = {"lastState": {"terminated": dict(last_terminated)}} if last_terminated else {}
    container = {
        "name": "app", "containerID": f"containerd://{running.files.container_id}", "restartCount": running.restarts, "ready": True,
        "image": "app", "imageID": "", "state": {"running": {"startedAt": _now()}}, **last,
    }  # fmt: skip
    done = {"reason": "Completed", "exitCode": 0, "containerID": f"containerd://{ended_init}", "finishedAt": _now()}
    setup = {
        "name": "setup", "containerID": f"containerd://{ended_init}", "restartCount": 0, "ready": True,
        "image": "setup", "imageID": "", "state": {"terminated": done},
    }  # fmt: skip
    init = {"initContainerStatuses": [setup]} if ended_init is not None else {}
    return {"phase": "Running", "qosClass": "Burstable", "podIP": "10.0.0.1", "containerStatuses": [container], **init}


def _oom_killed(container_id: str) -> dict[str, Any]:
    return {
        "reason": "OOMKilled", "exitCode": 137, "containerID": f"containerd://{container_id}",
        "startedAt": _now(), "finishedAt": _now(),
    }  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
