"""Deployment, ReplicaSet and DaemonSet controllers, as small as the demo needs: pods with the owners that real ones have.

Names follow from the template and a number, so a pod created twice by a late cache is refused as existing, and a recorded run finds
its pods again by name.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from oomsight_sandbox.kubelet.api import Api, RequestError

_PATHS = {
    "Deployment": "/apis/apps/v1/deployments",
    "ReplicaSet": "/apis/apps/v1/replicasets",
    "DaemonSet": "/apis/apps/v1/daemonsets",
    "Pod": "/api/v1/pods",
}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MAX_NUMBERS = 1000


def suffix(text: str, length: int) -> str:
    """A name's ending as Kubernetes writes them (no vowels), always the same for the same text."""
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def replica_set_name(deployment: dict[str, Any]) -> str:
    """`<deployment>-<hash of the pod template>`."""
    template = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return f"{deployment['metadata']['name']}-{suffix(template, 10)}"


def owner_reference(owner: dict[str, Any], kind: str) -> dict[str, Any]:
    """A controller reference."""
    meta = owner["metadata"]
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": meta["name"], "uid": meta["uid"]}
    return {**reference, "controller": True, "blockOwnerDeletion": True}


def is_owned_by(item: dict[str, Any], owner: dict[str, Any]) -> bool:
    references = item["metadata"].get("ownerReferences") or ()
    return any(reference.get("uid") == owner["metadata"]["uid"] and reference.get("controller") for reference in references)


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


class Controllers:
    """`run()` keeps ReplicaSets and pods as Deployments, ReplicaSets and DaemonSets want them, until cancelled."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._items: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in _PATHS}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for kind, path in _PATHS.items():
                group.create_task(self._follow(kind, path))
            group.create_task(self._reconcile_for_ever())

    async def _follow(self, kind: str, path: str) -> None:
        async for change in self._api.follow(path):
            uid = change.item["metadata"]["uid"]
            if change.kind == "gone":
                self._items[kind].pop(uid, None)
            else:
                self._items[kind][uid] = change.item
            self._changed.set()

    async def _reconcile_for_ever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._reconcile()
            except RequestError:
                self._changed.set()  # the API server is away or refused: once more
                await asyncio.sleep(0.5)

    async def _reconcile(self) -> None:
        for deployment in self._living("Deployment"):
            await self._reconcile_deployment(deployment)
        for replica_set in self._living("ReplicaSet"):
            wanted = int(replica_set["spec"].get("replicas", 1))
            pods = await self._keep_pods(replica_set, "ReplicaSet", wanted)
            ready = sum(is_ready(pod) for pod in pods)
            await self._set_status("replicasets", replica_set, {"replicas": len(pods), "readyReplicas": ready})
        for daemon_set in self._living("DaemonSet"):
            pods = await self._keep_pods(daemon_set, "DaemonSet", 1)
            ready = sum(is_ready(pod) for pod in pods)
            counts = {
                "desiredNumberScheduled": 1,
                "currentNumberScheduled": len(pods),
                "numberReady": ready,
                "numberMisscheduled": 0,
            }
            await self._set_status("daemonsets", daemon_set, counts)

    def _living(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self._items[kind].values() if "deletionTimestamp" not in item["metadata"]]

    async def _reconcile_deployment(self, deployment: dict[str, Any]) -> None:
        wanted, name = int(deployment["spec"].get("replicas", 1)), replica_set_name(deployment)
        mine = [item for item in self._living("ReplicaSet") if is_owned_by(item, deployment)]
        namespace = deployment["metadata"]["namespace"]
        for replica_set in mine:
            replicas = wanted if replica_set["metadata"]["name"] == name else 0
            if replica_set["spec"].get("replicas", 1) != replicas:
                path = f"/apis/apps/v1/namespaces/{namespace}/replicasets/{replica_set['metadata']['name']}"
                await self._api.request("PATCH", path, {"spec": {"replicas": replicas}}, patch=True)
        if not any(item["metadata"]["name"] == name for item in mine):
            template = deployment["spec"]["template"]
            metadata = {
                "name": name,
                "labels": dict((template.get("metadata") or {}).get("labels") or {}),
                "ownerReferences": [owner_reference(deployment, "Deployment")],
            }
            spec = {"replicas": wanted, "selector": deployment["spec"].get("selector"), "template": template}
            body = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
            await self._create(f"/apis/apps/v1/namespaces/{namespace}/replicasets", body)
        statuses = [item.get("status") or {} for item in mine]
        counts = {key: sum(int(status.get(key, 0)) for status in statuses) for key in ("replicas", "readyReplicas")}
        await self._set_status("deployments", deployment, {**counts, "availableReplicas": counts["readyReplicas"]})

    async def _keep_pods(self, owner: dict[str, Any], kind: str, wanted: int) -> list[dict[str, Any]]:
        pods = [pod for pod in self._living("Pod") if is_owned_by(pod, owner)]
        namespace, name = owner["metadata"]["namespace"], owner["metadata"]["name"]
        for pod in pods[wanted:]:
            with suppress(RequestError):
                await self._api.request("DELETE", f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}")
        taken = {pod["metadata"]["name"] for pod in self._items["Pod"].values() if pod["metadata"]["namespace"] == namespace}
        free = (pod_name for pod_name in _pod_names(name) if pod_name not in taken)
        for _ in range(wanted - len(pods)):
            template = owner["spec"]["template"]
            metadata = {**(template.get("metadata") or {}), "name": next(free), "ownerReferences": [owner_reference(owner, kind)]}
            body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
            await self._create(f"/api/v1/namespaces/{namespace}/pods", body)
        return pods

    async def _create(self, path: str, body: dict[str, Any]) -> None:
        try:
            await self._api.request("POST", path, body)
        except RequestError as error:
            if error.status not in (404, 409):  # the namespace went, or our cache is late
                raise

    async def _set_status(self, plural: str, item: dict[str, Any], status: dict[str, Any]) -> None:
        wanted = {"observedGeneration": item["metadata"].get("generation", 1), **status}
        if (item.get("status") or {}) == wanted:
            return
        meta = item["metadata"]
        path = f"/apis/apps/v1/namespaces/{meta['namespace']}/{plural}/{meta['name']}/status"
        with suppress(RequestError):
            await self._api.request("PATCH", path, {"status": wanted}, patch=True)


def _pod_names(owner_name: str) -> Iterable[str]:
    return (f"{owner_name}-{suffix(f'{owner_name}/{number}', 5)}" for number in range(_MAX_NUMBERS))
