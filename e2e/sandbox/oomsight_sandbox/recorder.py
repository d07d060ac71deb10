"""Records this machine while the demo runs: the files that an agent reads of the sandbox's cgroups, and the pods' statuses."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Iterator
from typing import Any

from oomsight_sandbox.kubelet.api import Api
from oomsight_sandbox.kubelet.kubelet import this_machines_memory_bytes
from oomsight_sandbox.recording import Identity, Moment, Recording, pod_keys
from oomsight_sandbox.sandbox import Sandbox

INTERVAL_SECONDS = 0.5
SLOW_EVERY = 10
"""Node-wide files change with every sample and say little new: they are recorded every tenth time."""
_NODE_FILES = (
    "meminfo", "vmstat", "pressure/memory", "sys/vm/swappiness", "sys/vm/overcommit_memory", "sys/vm/overcommit_ratio",
    "sys/vm/panic_on_oom", "sys/vm/oom_kill_allocating_task", "self/status", "self/stat", "self/oom_score", "self/oom_score_adj",
)  # fmt: skip
_PROCESS_FILES = ("status", "cgroup", "oom_score_adj", "comm", "stat")
_NOT_RECORDED = ("memory.numa_stat", "memory.kmem.slabinfo", "memory.pressure_level", "memory.force_empty", "memory.reclaim")


class Recorder:
    """`run()` records until cancelled; `recording()` is what came of it. Only pods of one namespace."""

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        assert sandbox.cgroups is not None
        self._api: Api = sandbox.api
        self._base = sandbox.cgroups.base
        self._base_in_hierarchy = self._base.removeprefix(sandbox.cgroups.mount)
        self._version = sandbox.cgroups.version
        self._logs = sandbox.roots.container_log_directory
        self._namespace = namespace
        self._known: dict[str, str] = {}
        self._known_links: dict[str, str] = {}
        self._identities: dict[str, Identity] = {}
        self._statuses: dict[str, Any] = {}
        self._known_statuses: dict[str, Any] = {}
        self._moments: list[Moment] = []
        self._start: float | None = None
        self._started_seconds = 0.0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._sample_for_ever())

    async def _follow(self) -> None:
        pods: dict[str, dict[str, Any]] = {}
        async for change in self._api.follow(f"/api/v1/namespaces/{self._namespace}/pods"):
            pods[change.item["metadata"]["name"]] = change.item
            if self._start is None:
                self._start, self._started_seconds = time.monotonic(), time.time()
            self._identities = pod_keys(pods.values())
            keys = {identity.name: key for key, identity in self._identities.items()}
            self._statuses = {keys[name]: pod.get("status") or {} for name, pod in pods.items() if name in keys}

    async def _sample_for_ever(self) -> None:
        number = 0
        while True:
            if self._start is not None:
                await asyncio.to_thread(self._sample, slow=number % SLOW_EVERY == 0)
                number += 1
            await asyncio.sleep(INTERVAL_SECONDS)

    def _sample(self, *, slow: bool) -> None:
        assert self._start is not None
        moment = round(time.monotonic() - self._start, 2)
        uids = {identity.uid for identity in self._identities.values()}
        texts = {path: _text(source) for path, source in self._files(uids, slow=slow)}
        # Where on this machine the sandbox lies is nobody's business.
        now = {path: text.replace(self._base_in_hierarchy, "/sandbox") for path, text in texts.items() if text is not None}
        kept = set() if slow else {path for path in self._known if path.startswith("proc/") and path[5:] in _NODE_FILES}
        files: dict[str, str | None] = {path: text for path, text in now.items() if self._known.get(path) != text}
        files |= {path: None for path in self._known if path not in now and path not in kept}
        self._known = {**{path: self._known[path] for path in kept}, **now}
        targets = self._link_targets(uids)
        links: dict[str, str | None] = {name: target for name, target in targets.items() if self._known_links.get(name) != target}
        links |= {name: None for name in self._known_links if name not in targets}
        self._known_links = targets
        pods = {key: status for key, status in self._statuses.items() if self._known_statuses.get(key) != status}
        self._known_statuses = dict(self._statuses)
        if files or links or pods:
            self._moments.append(Moment(moment, files, links, pods))

    def _files(self, uids: set[str], *, slow: bool) -> Iterator[tuple[str, str]]:
        """Path in the recording and on this machine."""
        for folder, subfolders, names in os.walk(self._base):
            relative = os.path.relpath(folder, self._base)
            subfolders[:] = [name for name in subfolders if not name.startswith("pod") or name[3:] in uids]
            below = "cgroup" if relative == "." else f"cgroup/{relative}"
            for name in names:
                if (name.startswith("memory.") and name not in _NOT_RECORDED) or name in ("cgroup.procs", "cgroup.controllers"):
                    yield f"{below}/{name}", os.path.join(folder, name)
            if "/pod" in relative:
                for pid in (_text(os.path.join(folder, "cgroup.procs")) or "").split():
                    yield from ((f"proc/{pid}/{name}", f"/proc/{pid}/{name}") for name in _PROCESS_FILES)
        if slow:
            yield from ((f"proc/{name}", f"/proc/{name}") for name in _NODE_FILES)

    def _link_targets(self, uids: set[str]) -> dict[str, str]:
        targets = {}
        for name in os.listdir(self._logs) if os.path.isdir(self._logs) else ():
            try:
                target = os.readlink(os.path.join(self._logs, name))
            except OSError:
                continue
            if any(uid in target for uid in uids):
                targets[name] = "/var" + target[target.index("/log/pods/") :]
        return targets

    def recording(self) -> Recording:
        memory = this_machines_memory_bytes()
        source = f"Linux {platform.release().partition('-')[0]}, cgroup v{self._version}, {memory >> 30} GiB"
        return Recording(self._started_seconds, memory, source, self._identities, self._moments)


def _text(path: str) -> str | None:
    """None for what is gone or cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None
