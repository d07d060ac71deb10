"""A whole small cluster on this machine: pods become processes, ends become statuses, and nothing stays."""

# ruff: noqa: ASYNC240 - a look whether a folder is there

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from oomsight_sandbox.kubelet.api import RequestError
from oomsight_sandbox.kubelet.cgroups import can_make_cgroups
from oomsight_sandbox.sandbox import NODE_NAME, Sandbox, sandbox

_REASON = can_make_cgroups()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=f"no memory cgroups here: {_REASON}")
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def running() -> AsyncIterator[Sandbox]:
    async with sandbox(None, lambda _: None) as started:
        yield started


def pod(name: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": list(containers), **spec}}


def container(name: str, *command: str, memory: str = "32Mi", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "none", "command": list(command), "resources": {"limits": {"memory": memory}}, **more}


async def until(running: Sandbox, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The pod's status once it is so."""
    async with aclosing(running.api.follow(PODS)) as changes:  # type: ignore[type-var]
        async for change in changes:
            status = change.item.get("status") or {}
            if change.item["metadata"]["name"] == name and holds(status):
                return dict(status)
    raise AssertionError("the watch ended")


def of(status: dict[str, Any], kind: str = "containerStatuses", index: int = 0) -> dict[str, Any]:
    entries = status.get(kind) or []
    return entries[index] if len(entries) > index else {}


def is_killed(status: dict[str, Any]) -> bool:
    return bool(((of(status).get("lastState") or {}).get("terminated") or {}).get("reason") == "OOMKilled")


async def test_a_killed_container_is_oomkilled_with_137_restarted_and_backed_off(running: Sandbox) -> None:
    await running.api.request("POST", PODS, pod("hungry", container("app", "oomsight-workload", "burst", "--mib=64")))
    status = await until(running, "hungry", is_killed)
    assert of(status)["lastState"]["terminated"]["exitCode"] == 137
    assert status["qosClass"] == "Burstable"
    backed_off = await until(
        running, "hungry", lambda now: "waiting" in (of(now).get("state") or {}) and of(now)["restartCount"] == 1
    )
    assert of(backed_off)["state"]["waiting"]["reason"] == "CrashLoopBackOff"


async def test_a_pod_is_bound_and_its_containers_run_in_order(running: Sandbox) -> None:
    init = container("migrate", "sh", "-c", "exit 0")
    sidecar = container("proxy", "sleep", "600", restartPolicy="Always")
    await running.api.request(
        "POST", PODS, pod("job", container("app", "true"), initContainers=[init, sidecar], restartPolicy="Never")
    )
    status = await until(running, "job", lambda now: now.get("phase") == "Succeeded")
    assert of(status, "initContainerStatuses")["state"]["terminated"]["reason"] == "Completed"
    assert (await running.api.request("GET", f"{PODS}/job"))["spec"]["nodeName"] == NODE_NAME


async def test_an_init_container_that_fails_keeps_the_others_from_starting(running: Sandbox) -> None:
    init = container("migrate", "sh", "-c", "exit 3")
    await running.api.request(
        "POST", PODS, pod("stuck", container("app", "sleep", "600"), initContainers=[init], restartPolicy="Never")
    )
    status = await until(running, "stuck", lambda now: now.get("phase") == "Failed")
    assert of(status, "initContainerStatuses")["state"]["terminated"]["exitCode"] == 3
    assert "waiting" in of(status)["state"]


async def test_a_deleted_pods_processes_and_cgroups_are_gone_when_it_is(running: Sandbox) -> None:
    created = await running.api.request("POST", PODS, pod("doomed", container("app", "sleep", "600")))
    await until(running, "doomed", lambda now: now.get("phase") == "Running")
    assert running.cgroups is not None
    cgroup = os.path.join(running.cgroups.kubepods, "burstable", f"pod{created['metadata']['uid']}")
    assert os.path.isdir(cgroup)
    await running.api.request("DELETE", f"{PODS}/doomed")
    async with asyncio.timeout(30), aclosing(running.api.follow(PODS)) as changes:  # type: ignore[type-var]
        async for change in changes:
            if change.kind == "gone":
                break
            try:
                await running.api.request("GET", f"{PODS}/doomed")
            except RequestError:
                break
    assert not os.path.isdir(cgroup)


async def test_a_pod_with_an_image_alone_is_told_what_to_do(running: Sandbox) -> None:
    await running.api.request("POST", PODS, pod("nginx", {"name": "nginx", "image": "nginx"}))
    status = await until(running, "nginx", lambda now: bool(((of(now).get("state") or {}).get("waiting") or {}).get("message")))
    assert "give the container a command" in of(status)["state"]["waiting"]["message"]


async def test_a_deployments_pod_has_the_owners_of_a_real_one_and_goes_with_it(running: Sandbox) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container("app", "sleep", "600")]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    await running.api.request("POST", "/apis/apps/v1/namespaces/default/deployments", body)
    async with aclosing(running.api.follow(PODS)) as changes:  # type: ignore[type-var]
        created = (await anext(changes)).item
    owner = created["metadata"]["ownerReferences"][0]
    replica_set = await running.api.request("GET", f"/apis/apps/v1/namespaces/default/replicasets/{owner['name']}")
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ReplicaSet", replica_set["metadata"]["uid"], True)
    assert replica_set["metadata"]["ownerReferences"][0]["kind"] == "Deployment"
    await until(running, created["metadata"]["name"], lambda now: now.get("phase") == "Running")
    await running.api.request("DELETE", "/apis/apps/v1/namespaces/default/deployments/web")
    async with aclosing(running.api.follow(PODS)) as changes:  # type: ignore[type-var]
        while (await running.api.request("GET", PODS))["items"]:
            await anext(changes)


async def test_nothing_is_left_of_a_sandbox_that_fails_half_way() -> None:
    with pytest.raises(RuntimeError, match="half way"):  # noqa: PT012 - the failure comes from within
        async with sandbox(None, lambda _: None) as started:
            await started.api.request("POST", PODS, pod("a", container("app", "sleep", "600")))
            await until(started, "a", lambda now: now.get("phase") == "Running")
            raise RuntimeError("half way")
    assert started.cgroups is not None
    assert not os.path.exists(started.cgroups.base)
    assert not os.path.exists(started.workspace.directory)
    assert not os.path.exists(started.workspace.shared_memory_directory)
