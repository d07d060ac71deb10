"""Plays a recorded node: its kernel's files into a folder that the agent reads, its pods' statuses into the API, in their own time.

For machines where memory cgroups cannot be made. What is told of the pods is true of the machine on which it was recorded.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from oomsight_sandbox.kubelet.api import Api, RequestError
from oomsight_sandbox.recording import Identity, Moment, Recording, pod_keys, renamed, shifted
from oomsight_sandbox.system_objects import Roots

NAMESPACE = "shop"
RECORDING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recordings", "shop.jsonl.gz")


class Tree:
    """The folder with `cgroup/`, `proc/` and `log/containers/`. Files are rewritten in place: readers keep them open."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.roots = Roots(*(os.path.join(directory, name) for name in ("cgroup", "proc", "log/containers")))
        for path in (self.roots.cgroup_root, self.roots.proc_root, self.roots.container_log_directory):
            os.makedirs(path, exist_ok=True)

    def apply(self, moment: Moment, names: Mapping[str, str]) -> None:
        """Write what changed, with recorded names and uids replaced."""
        for path, text in moment.files.items():
            target = os.path.join(self._directory, renamed(path, names))
            if text is None:
                self._remove(target)
            else:
                self._write(target, renamed(text, names).encode())
        for name, link_target in moment.links.items():
            link = os.path.join(self.roots.container_log_directory, renamed(name, names))
            with suppress(FileNotFoundError):
                os.unlink(link)
            if link_target is not None:
                os.symlink(renamed(link_target, names), link)

    @staticmethod
    def _write(path: str, data: bytes) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            # One write that covers the old content, so that no reader sees the end of the old one after the new.
            os.pwrite(descriptor, data + b"\n" * max(0, os.fstat(descriptor).st_size - len(data)), 0)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(path)
        with suppress(OSError):  # the folder goes with its last file, as a cgroup or process does
            while len(path := os.path.dirname(path)) > len(self._directory):
                os.rmdir(path)


class Replayer:
    """`run()` waits for the recorded pods to be applied, plays once, and leaves the last moment standing."""

    def __init__(self, recording: Recording, api: Api, directory: str) -> None:
        self._recording = recording
        self._api = api
        self._tree = Tree(directory)
        self._identities: dict[str, Identity] = {}
        self.roots = self._tree.roots
        if recording.moments:
            # A node without pods, so that the agent finds one when it starts.
            first = recording.moments[0].files
            self._tree.apply(Moment(0.0, {path: text for path, text in first.items() if not _is_of_a_pod(path)}), {})

    async def run(self) -> None:
        await self._wait_for_pods()
        names = self._names()
        start = time.monotonic()
        shift = time.time() - self._recording.started_seconds
        for moment in self._recording.moments:
            await asyncio.sleep(max(0.0, moment.t - (time.monotonic() - start)))
            await asyncio.to_thread(self._tree.apply, moment, names)
            for key, status in moment.pods.items():
                await self._patch(self._identities[key], shifted(status, shift))

    async def _wait_for_pods(self) -> None:
        pods: dict[str, dict[str, Any]] = {}
        async for change in self._api.follow(f"/api/v1/namespaces/{NAMESPACE}/pods"):
            meta = change.item["metadata"]
            if change.kind == "gone":
                pods.pop(meta["name"], None)
            else:
                pods[meta["name"]] = change.item
            self._identities = pod_keys(pods.values())
            if self._identities.keys() >= self._recording.pods.keys():
                return

    def _names(self) -> dict[str, str]:
        """What is called otherwise now. Names of bare pods are the same: nothing to replace."""
        names = {}
        for key, recorded in self._recording.pods.items():
            names[recorded.uid] = self._identities[key].uid
            if recorded.name != self._identities[key].name:
                names[recorded.name] = self._identities[key].name
        return names

    async def _patch(self, identity: Identity, status: object) -> None:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{identity.name}/status"
        while True:
            try:
                await self._api.request("PATCH", path, {"metadata": {"uid": identity.uid}, "status": status}, patch=True)
            except RequestError as error:
                if error.status == 0 or error.status >= 500:
                    await asyncio.sleep(0.5)  # the API server is away for a moment
                    continue
            return  # done, or the user deleted the pod


def _is_of_a_pod(path: str) -> bool:
    parts = path.split("/")
    return any(part.startswith("pod") for part in parts) or (parts[0] == "proc" and parts[1].isdigit())
