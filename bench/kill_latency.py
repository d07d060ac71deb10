"""From the kernel's kill to the agent's answer, and to annotation and Event in the API: how long, over many real kills.

    make bench-kill-latency ARGS="--kills 60 --evidence kernel-log"

A sandbox runs (embedded API server, stand-in for the kubelet, this machine's real memory cgroups) with the real agent and the
real operator as processes. Pods rest until they get SIGUSR1 and then take more than their limit: half of them themselves, so that
the container ends, half in a child process, of which Kubernetes shows nothing. Three clocks stop for each kill: at the answer on a
long poll that was open when it happened, at the change of the pod's annotation, at its Event, as watches of the API tell them.

The kill's own moment is the time of its line in /dev/kmsg, whose clock is compared with ours before each kill by a line of our own.
With `--evidence counters` the agent does not read the log, but this program does. Last line: `answer_p99_seconds=…
annotation_p99_seconds=… event_p99_seconds=… kills=N`. Needs root and a readable and writable /dev/kmsg.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from oomsight_api.names import Annotation, EventReason
from oomsight_api.report import decode
from oomsight_sandbox.background import background
from oomsight_sandbox.demo import CRDS, MANIFESTS
from oomsight_sandbox.kubelet.cgroups import CgroupsUnavailableError
from oomsight_sandbox.sandbox import NODE_NAME, Sandbox, free_port, sandbox
from oomsight_sandbox.system_objects import system_objects

NAMESPACE = "latency"
BATCH = 20
"""Pods that wait for their kill at a time."""
GIVE_UP_SECONDS = 30.0
_KILLED = re.compile(rb"Killed process (\d+) ")


@dataclass(slots=True)
class Trial:
    """One kill. Times are of CLOCK_MONOTONIC; None has not happened."""

    child: bool
    uid: str
    killed: float | None = None
    pid: int | None = None
    seen: dict[str, float] = field(default_factory=dict)
    """By clock: answer, annotation, event."""


CLOCKS = ("answer", "annotation", "event")


class KernelClock:
    """Reads /dev/kmsg for the moments of kills, and compares its clock with ours."""

    def __init__(self) -> None:
        self._read = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        self._write = os.open("/dev/kmsg", os.O_WRONLY)
        self._offset = 0.0
        self._marks = 0
        self.kills: dict[int, float] = {}
        os.lseek(self._read, 0, os.SEEK_END)

    def compare(self) -> None:
        """Note how far the log's clock is from CLOCK_MONOTONIC now."""
        self._marks += 1
        mark = f"oomsight-latency-{os.getpid()}-{self._marks}\n".encode()  # without its end a line waits for the next
        before = time.monotonic()
        os.write(self._write, mark)
        middle = (before + time.monotonic()) / 2
        for text, seconds in self._records():
            if mark.strip() in text:
                self._offset = middle - seconds

    def look(self) -> None:
        """Take in what the log has by now."""
        for _ in self._records():
            pass

    def _records(self) -> Iterator[tuple[bytes, float]]:
        while True:
            try:
                record = os.read(self._read, 16384)
            except BlockingIOError:
                return
            except BrokenPipeError:
                continue
            head, _, text = record.partition(b";")
            priority, _, usec, *_ = head.split(b",")
            match = _KILLED.search(text) if int(priority) < 8 else None
            if match is not None:
                self.kills[int(match[1])] = int(usec) / 1e6 + self._offset
            yield text, int(usec) / 1e6

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@contextmanager
def kernel_clock() -> Iterator[KernelClock]:
    clock = KernelClock()
    try:
        yield clock
    finally:
        clock.close()


class Latencies:
    """All trials, and the three witnesses that stop their clocks."""

    def __init__(self, running: Sandbox, agent_port: int) -> None:
        self._running = running
        self._agent = f"http://127.0.0.1:{agent_port}/v1/report"
        self.trials: dict[str, Trial] = {}
        """By pod uid."""
        self.pods: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Condition()

    def _stop(self, uid: str, clock: str) -> None:
        trial = self.trials.get(uid)
        if trial is not None and clock not in trial.seen:
            trial.seen[clock] = time.monotonic()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, holds: Any, seconds: float = GIVE_UP_SECONDS) -> bool:
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            return False
        return True

    async def follow_agent(self) -> None:
        """A client of the agent beside the operator: one long poll after the other."""
        cursor = ""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(self._agent, params={"cursor": cursor, "wait": "30"}) as response:
                        body = await response.read()
                        report = decode(body) if response.status == 200 else None
                except aiohttp.ClientError:
                    report = None
                if report is None:
                    await asyncio.sleep(0.2)
                    continue
                cursor = report.cursor
                for incident in report.incidents:
                    for victim in incident.victims:
                        self._stop(victim.pod_uid or "", "answer")
                await self._notify()

    async def follow_pods(self) -> None:
        async for change in self._running.api.follow(f"/api/v1/namespaces/{NAMESPACE}/pods"):
            uid = change.item["metadata"]["uid"]
            self.pods[uid] = change.item
            if Annotation.LAST_OOM_KILL.value in (change.item["metadata"].get("annotations") or {}):
                self._stop(uid, "annotation")
            await self._notify()

    async def follow_events(self) -> None:
        told = (EventReason.OOM_KILLED.value, EventReason.CHILD_PROCESS_OOM_KILLED.value)
        async for change in self._running.api.follow(f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"):
            if change.item.get("reason") in told:
                self._stop((change.item.get("regarding") or {}).get("uid", ""), "event")
                await self._notify()

    def is_ready(self, uid: str) -> bool:
        """Runs, and the operator has judged it."""
        pod = self.pods.get(uid) or {}
        return "containerID" in _status(pod) and Annotation.OOM_RISK.value in (pod["metadata"].get("annotations") or {})

    async def kill(self, clock: KernelClock, trial: Trial) -> None:
        """Make one kill happen, and wait until all three have told of it."""
        pid = _pid_of(self._running, self.pods[trial.uid])
        clock.compare()
        known = set(clock.kills)
        os.kill(pid, signal.SIGUSR1)
        await self.wait_for(lambda: len(trial.seen) == len(CLOCKS))
        clock.look()
        mine = [one for one in clock.kills.keys() - known if trial.child or one == pid]
        if mine:
            trial.pid = mine[0]
            trial.killed = clock.kills[mine[0]]


def _status(pod: dict[str, Any]) -> dict[str, Any]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    return dict(statuses[0])


def _pid_of(running: Sandbox, pod: dict[str, Any]) -> int:
    """The container's only process."""
    assert running.cgroups is not None
    container_id = str(_status(pod)["containerID"]).rpartition("//")[2]
    (procs,) = Path(running.cgroups.base).glob(f"**/*{container_id}*/cgroup.procs")
    return int(procs.read_text().split()[0])


def _pod(name: str, *, child: bool) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": "sandbox/workload",
        "command": ["oomsight-workload", "surge", "--mib=64", f"--child={int(child)}"],
        "resources": {"requests": {"memory": "16Mi"}, "limits": {"memory": "32Mi"}},
    }
    # One process alone, where the kernel knows groups: the parent must live on.
    annotations = {"sandbox.oomsight.dev/single-process-oom-kill": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }


async def _install(running: Sandbox, agent_port: int, agent_flags: Sequence[str]) -> None:
    await running.kubectl.apply(CRDS)
    await running.kubectl.run("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    objects = system_objects(
        node_name=NODE_NAME,
        roots=running.roots,
        agent_port=agent_port,
        kubeconfig=running.workspace.kubeconfig,
        ports_file=running.workspace.file("operator-ports.json"),
        agent_flags=agent_flags,
    )
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    await running.kubectl.apply(documents=[*objects, namespace])
    policy = os.path.join(MANIFESTS, "policy.yaml")
    await running.kubectl.apply(policy)
    await running.kubectl.run("wait", "--for=condition=Accepted", "--timeout=60s", "-f", policy)


async def _run_batch(running: Sandbox, latencies: Latencies, clock: KernelClock, first: int, count: int, say: Any) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    trials = []
    for number in range(first, first + count):
        child = number % 2 == 1
        made = await running.api.request("POST", path, _pod(f"surge-{number}", child=child))
        trial = Trial(child, made["metadata"]["uid"])
        latencies.trials[trial.uid] = trial
        trials.append(trial)
    for trial in trials:
        if not await latencies.wait_for(lambda uid=trial.uid: latencies.is_ready(uid), 120):
            raise RuntimeError(f"pod {trial.uid} did not run or was not judged within 120 s; is the operator alive?")
        await latencies.kill(clock, trial)
        await asyncio.sleep(0.37)  # no multiple of the sampling interval: the kills fall anywhere in it
    for number in range(first, first + count):
        await running.api.request("DELETE", f"{path}/surge-{number}")
    say(f"{first + count} kills made")


async def measure(kills: int, kernel_log: bool, say: Any) -> list[Trial]:
    """Make the kills one after the other; every trial, also those of which somebody did not tell."""
    async with sandbox(None, lambda text: None) as running:
        port = free_port()
        await _install(running, port, ["--kernel-log"] if kernel_log else [])
        latencies = Latencies(running, port)
        works = (latencies.follow_agent(), latencies.follow_pods(), latencies.follow_events())
        with kernel_clock() as clock:
            async with background(*works):
                for first in range(0, kills, BATCH):
                    await _run_batch(running, latencies, clock, first, min(BATCH, kills - first), say)
        return list(latencies.trials.values())


def percentile(values: Sequence[float], percent: int) -> float:
    """Nearest rank: a value that was measured."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


def table(trials: Sequence[Trial]) -> list[str]:
    """One line for each clock and kind of kill; times in seconds."""
    lines = [f"{'kill':<10} {'until':<11} {'kills':>5} {'p50':>8} {'p99':>8} {'max':>8} {'never':>6}"]
    for name, chosen in (("container", [t for t in trials if not t.child]), ("child", [t for t in trials if t.child])):
        for clock in CLOCKS:
            values = delays(chosen, clock)
            cells = (
                [f"{value:8.3f}" for value in (percentile(values, 50), percentile(values, 99), max(values))]
                if values
                else ["-"] * 3
            )
            lines.append(
                f"{name:<10} {clock:<11} {len(values):>5} {cells[0]:>8} {cells[1]:>8} {cells[2]:>8} {len(chosen) - len(values):>6}"
            )
    return lines


def delays(trials: Sequence[Trial], clock: str) -> list[float]:
    return [trial.seen[clock] - trial.killed for trial in trials if trial.killed is not None and clock in trial.seen]


def main() -> int:
    parser = argparse.ArgumentParser(prog="kill_latency.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=60, metavar="N", help="default: %(default)s")
    parser.add_argument("--evidence", choices=("kernel-log", "counters"), default="kernel-log", help="default: %(default)s")
    parser.add_argument("--json", metavar="FILE", help="write every trial there")
    options = parser.parse_args()
    print(f"kernel {platform.release()}, evidence {options.evidence}, {options.kills} kills", flush=True)
    try:
        trials = asyncio.run(measure(options.kills, options.evidence == "kernel-log", lambda text: print(text, flush=True)))
    except (OSError, CgroupsUnavailableError) as error:
        print(f"kill_latency.py: {error}\nIt needs root, memory cgroups and /dev/kmsg; run it as root.", file=sys.stderr)
        return 1
    if options.json:
        Path(options.json).write_text(
            json.dumps([{"child": t.child, **{clock: t.seen[clock] - t.killed for clock in t.seen if t.killed}} for t in trials])
        )
    print("\n".join(table(trials)))
    told = [trial for trial in trials if trial.killed is not None and len(trial.seen) == len(CLOCKS)]
    worst = {clock: percentile(delays(told, clock), 99) if told else float("inf") for clock in CLOCKS}
    print(" ".join(f"{clock}_p99_seconds={seconds:.3f}" for clock, seconds in worst.items()) + f" kills={len(told)}")
    return 0 if len(told) == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
