"""`oomsight-sandbox demo`: the whole way once, on a screen, and checked: real cgroups in, an annotated pod out."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from oomsight_api.names import Annotation
from oomsight_sandbox.background import background
from oomsight_sandbox.checks import Outcome, check, was_oom_killed
from oomsight_sandbox.kubectl import KubectlError
from oomsight_sandbox.programs import PROGRAMS
from oomsight_sandbox.recording import Recording
from oomsight_sandbox.replay import NAMESPACE
from oomsight_sandbox.sandbox import NODE_NAME, Sandbox, free_port, sandbox
from oomsight_sandbox.screen import Screen
from oomsight_sandbox.story import changes
from oomsight_sandbox.system_objects import SYSTEM_NAMESPACE, system_objects

_HERE = os.path.dirname(os.path.abspath(__file__))
MANIFESTS = os.path.join(_HERE, "manifests")
CRDS = os.path.normpath(os.path.join(_HERE, "..", "..", "..", "crds"))
START_SECONDS = 60.0
_ANNOTATION_COLUMNS = (
    ("RISK", Annotation.OOM_RISK),
    ("REASONS", Annotation.OOM_RISK_REASONS),
    ("RECOMMENDED", Annotation.RECOMMENDED_LIMIT),
)
_RISK_COLUMNS = (
    "NAME:.metadata.name",
    "QOS:.status.qosClass",
    "RESTARTS:.status.containerStatuses[0].restartCount",
    *(f"{column}:.metadata.annotations.{key.value.replace('.', chr(92) + '.')}" for column, key in _ANNOTATION_COLUMNS),
)


class DemoError(Exception):
    """Something that must happen did not; the message says what and where to look."""


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds`: how long to wait at most for all that must be seen."""

    seconds: float = 90.0
    keep: bool = False
    recording: Recording | None = None
    replay_because: str = ""


class Pods:
    """The pods of the demo's namespaces as they are, told to the screen as they change."""

    def __init__(self, running: Sandbox, screen: Screen) -> None:
        self._api = running.api
        self._screen = screen
        self._by_uid: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Condition()

    async def follow(self) -> None:
        async for change in self._api.follow("/api/v1/pods"):
            uid = change.item["metadata"]["uid"]
            if change.kind == "gone":
                self._by_uid.pop(uid, None)
            else:
                for text, colour in changes(self._by_uid.get(uid), change.item):
                    self._screen.happened(text, colour)
                self._by_uid[uid] = change.item
            async with self._changed:
                self._changed.notify_all()

    def of(self, namespace: str) -> list[dict[str, Any]]:
        return [pod for pod in self._by_uid.values() if pod["metadata"]["namespace"] == namespace]

    async def wait_for(self, sentence: str, holds: Any, seconds: float) -> bool:
        """Wait until `holds()`; False when it did not within the time, which is told."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            self._screen.happened(f"gave up after {seconds:.0f} s waiting until {sentence}", "red")
            return False
        return True


async def run_demo(options: Options, screen: Screen) -> int:
    """The demo; 0 when all that must be true at its end is true. Raises DemoError and KubectlError."""
    screen.headline("oomsight: which containers run out of memory, why they were killed, and what limit would have been right")
    if options.recording is not None:
        screen.say(f"REPLAY of a recorded node ({options.recording.source}), because {options.replay_because}.")
        screen.say("Kernel files and pod statuses are recorded; agent, operator, API server and kubectl are real.")
    else:
        screen.say(
            "Real processes in real memory cgroups of this machine; real OOM kills; real kubectl. All of it goes at the end."
        )
    screen.say()
    async with sandbox(options.recording, screen.happened) as running, _following(running, screen) as pods:
        await _install(running, screen, pods)
        screen.happened(f"kubectl apply -f {_shown(os.path.join(MANIFESTS, 'shop'))}")
        await running.kubectl.apply(os.path.join(MANIFESTS, "shop"))
        await _watch_and_show_top(running, screen, pods, options.seconds)
        await _show(running, screen)
        outcomes = check(await running.kubectl.items("pods", NAMESPACE))
        _conclude(screen, outcomes)
        if options.keep:
            _say_how_to_look(screen, running)
            screen.say("\nRunning until Ctrl-C.")
            await asyncio.Event().wait()
        if not all(outcome.holds for outcome in outcomes):
            await _show_logs(running, screen)
            return 1
    screen.say("\nEverything is removed again. To look around yourself: make demo ARGS=--keep")
    return 0


@asynccontextmanager
async def _following(running: Sandbox, screen: Screen) -> AsyncIterator[Pods]:
    pods = Pods(running, screen)
    async with background(pods.follow()):
        yield pods


async def _install(running: Sandbox, screen: Screen, pods: Pods) -> None:
    """CRDs, policy, agent and operator; waits until both run and the policy is accepted."""
    kubectl = running.kubectl
    screen.happened(
        f"API server at {running.url.rpartition('/')[0]}, node {NODE_NAME}"
        + (f", cgroups in {running.cgroups.base}" if running.cgroups else "")
    )
    screen.happened(f"kubectl apply -f {_shown(CRDS)}")
    await kubectl.apply(CRDS)
    await kubectl.run("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    objects = system_objects(
        node_name=NODE_NAME,
        roots=running.roots,
        agent_port=free_port(),
        kubeconfig=running.workspace.kubeconfig,
        ports_file=running.workspace.file("operator-ports.json"),
        agent_flags=_kernel_log_flags(running),
    )
    screen.happened("kubectl apply -f -   (DaemonSet oomsight-agent, Deployment oomsight-operator)")
    await kubectl.apply(documents=objects)
    policy = os.path.join(MANIFESTS, "policy.yaml")
    screen.happened(f"kubectl apply -f {_shown(policy)}")
    await kubectl.apply(policy)

    def both_run() -> bool:
        system = pods.of(SYSTEM_NAMESPACE)
        return len(system) >= 2 and all((pod.get("status") or {}).get("phase") == "Running" for pod in system)

    if not await pods.wait_for("agent and operator run", both_run, START_SECONDS):
        await _show_logs(running, screen)
        raise DemoError("agent and operator did not start")
    try:
        await kubectl.run("wait", "--for=condition=Accepted", f"--timeout={START_SECONDS:.0f}s", "-f", policy)
    except KubectlError as error:
        await _show_logs(running, screen)
        raise DemoError(f"the operator did not accept the policy: {error}") from error
    screen.happened("the operator accepted the policy")


def _kernel_log_flags(running: Sandbox) -> list[str]:
    """The agent reads the kernel's log where this machine lets us; a recording has none."""
    return ["--kernel-log"] if running.cgroups is not None and os.access("/dev/kmsg", os.R_OK) else []


async def _watch_and_show_top(running: Sandbox, screen: Screen, pods: Pods, seconds: float) -> None:
    """Let it happen; the table comes when the leak is near its limit, just before it is killed for the first time."""

    def leak_is_near() -> bool:
        mine = [pod for pod in pods.of(NAMESPACE) if (pod["metadata"].get("labels") or {}).get("app") == "checkout"]
        return any(was_oom_killed(pod) or _risk_is_high(pod) for pod in mine)

    await pods.wait_for("the leaking pod is near its limit", leak_is_near, seconds / 2)
    await _show_top(running, screen)
    screen.say()
    await pods.wait_for("everything is told", lambda: all(outcome.holds for outcome in check(pods.of(NAMESPACE))), seconds)


def _risk_is_high(pod: Mapping[str, Any]) -> bool:
    return (pod["metadata"].get("annotations") or {}).get(Annotation.OOM_RISK.value) in ("high", "critical")


async def _show_top(running: Sandbox, screen: Screen) -> None:
    """The agent's own table, from the program that a user would run."""
    words = [*PROGRAMS["oomsight-agent"], "top", *running.roots.agent_flags]
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    screen.show("oomsight-agent top", output.decode(errors="replace"))
    if process.returncode:
        raise DemoError(f"oomsight-agent top ended with {process.returncode}")


async def _show(running: Sandbox, screen: Screen) -> None:
    """What a user sees with kubectl."""
    kubectl = running.kubectl
    columns = ",".join(_RISK_COLUMNS)
    screen.show(
        f"kubectl get pods -n {NAMESPACE} -o custom-columns=...,RISK:.metadata.annotations.oomsight\\.dev/oom-risk,...",
        await kubectl.run("get", "pods", "-n", NAMESPACE, "-o", f"custom-columns={columns}"),
    )
    for pod in await kubectl.items("pods", NAMESPACE):
        if was_oom_killed(pod) or (pod["metadata"].get("labels") or {}).get("app") == "thumbnails":
            name = pod["metadata"]["name"]
            screen.show(f"kubectl describe pod -n {NAMESPACE} {name}", await kubectl.run("describe", "pod", "-n", NAMESPACE, name))
    for command in (("get", "memrec", "-n", NAMESPACE), ("get", "cmempol"), ("get", "events", "-n", NAMESPACE)):
        screen.show(f"kubectl {' '.join(command)}", await kubectl.run(*command))


def _conclude(screen: Screen, outcomes: list[Outcome]) -> None:
    screen.headline("What must be true now, read back through kubectl")
    for outcome in outcomes:
        (screen.good if outcome.holds else screen.bad)(f"{outcome.sentence}\n       {outcome.found}")


def _say_how_to_look(screen: Screen, running: Sandbox) -> None:
    prefix = f"KUBECONFIG={shlex.quote(running.workspace.kubeconfig)} {_shown(running.kubectl.program)}"
    screen.headline("To look further, in another terminal")
    for command in (
        f"get pods -n {NAMESPACE} -L oomsight.dev/oom-risk --watch",
        f"describe pod -n {NAMESPACE} recommender",
        f"get memrec -n {NAMESPACE} -o yaml",
        f"get events -n {NAMESPACE} --watch",
    ):
        screen.say(f"  {prefix} {command}")
    screen.say(f"  {' '.join([*map(_shown, PROGRAMS['oomsight-agent']), 'top', '--watch', '2', *running.roots.agent_flags])}")
    screen.say(f"  logs: {running.workspace.file('log/pods')}")


async def _show_logs(running: Sandbox, screen: Screen) -> None:
    """The last lines of agent and operator, before they are removed."""
    for name, lines in await asyncio.to_thread(_last_lines, running.workspace.file("log/pods"), 15):
        screen.headline(f"{name}, last lines")
        screen.say("\n".join(line[:500] for line in lines))


def _last_lines(directory: str, count: int) -> list[tuple[str, list[str]]]:
    found = []
    for folder, _, names in os.walk(directory):
        for name in sorted(names) if f"/{SYSTEM_NAMESPACE}_" in folder else ():
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8", errors="replace") as file:
                found.append((os.path.relpath(path, directory), file.read().splitlines()[-count:]))
    return found


def _shown(path: str) -> str:
    """Short where the user stands in the project's folder."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
