"""The chart grants what the operator asks of the API, each verb of each resource, and nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.helm.test_chart import IMAGE, named, render
from tests.oomsight_operator.small_cluster import SmallCluster, small_cluster
from tests.oomsight_operator.test_main import process

from oomsight_operator.kube.errors import target_of
from oomsight_sandbox.apiserver.faults import FailureRule

Right = tuple[str, str, str]
"""Group, resource, verb."""


def granted(account: str = "oomsight-operator", **operator: Any) -> set[Right]:
    """By the chart to one of its accounts, with these values of `operator`."""
    objects = render({**IMAGE, "operator": operator})
    roles = [named(objects, kind, account) for kind in ("ClusterRole", "Role")]
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def asked(cluster: SmallCluster) -> set[Right]:
    """What was asked since the last call."""
    records = [record for record in cluster.server.requests.records if record.verb]
    cluster.server.requests.reset()
    return {(target_of(record.method, record.path).group, record.resource, record.verb) for record in records}


async def kill(cluster: SmallCluster, number: int) -> None:
    """The container of the pod `web` was OOM-killed a moment ago, for the `number`-th time, and runs again."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": now, "containerID": f"containerd://{number:064x}"}
    status = {
        "name": "app",
        "image": "x",
        "imageID": "x",
        "ready": True,
        "restartCount": number,
        "state": {"running": {"startedAt": now}},
        "lastState": {"terminated": ended},
        "containerID": f"containerd://{number + 1:064x}",
    }
    await cluster.client.request(
        "PATCH",
        "/api/v1/namespaces/shop/pods/web/status",
        body={"status": {"phase": "Running", "containerStatuses": [status]}},
        content_type="application/merge-patch+json",
    )


async def until(what: str, holds: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(40):
            while not holds():  # noqa: ASYNC110 - what another process does
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"waited in vain for {what}")


async def test_the_operator_has_the_rights_that_it_uses_and_no_others(tmp_path: Path) -> None:
    async with small_cluster() as cluster:
        requests = cluster.server.requests
        await cluster.make_policy()
        policy = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryPolicy", "metadata": {"name": "own"}}
        # Both kills get the same advice, so that they are one Event.
        spec = {"recommendation": {"maxLimit": "600Mi"}}
        path = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memorypolicies"
        await cluster.client.request("POST", path, body={**policy, "spec": spec})
        uid = await cluster.make_pod("web", container_id=f"{2:064x}")
        cluster.agent.say(uid, f"{2:064x}", unreclaimable_mib=100)
        await kill(cluster, 1)
        requests.reset()
        cluster.server.faults.refuse_watch_list = True  # an older API server: it lists in pages
        # Made, but the answer is lost: the operator finds its own object there.
        cluster.server.faults.fail(FailureRule(verb="create", resource="memoryrecommendations", disconnect=True, after_write=True))
        async with process(cluster, tmp_path) as first:
            for verb, resource in (
                ("patch", "pods"),
                ("create", "events"),
                ("patch", "memoryrecommendations/status"),
                ("patch", "memorypolicies/status"),
                ("patch", "clustermemorypolicies/status"),
                ("update", "leases"),
            ):
                await until(f"{verb} {resource}", lambda: requests.count(verb, resource) > 0)  # noqa: B023 - awaited at once
            first.terminate()
            await first.wait()
        used = asked(cluster)
        await kill(cluster, 2)
        cluster.agent.say(uid, f"{3:064x}", unreclaimable_mib=100)
        requests.reset()
        async with process(cluster, tmp_path) as second:
            await until("an Event to be continued", lambda: requests.count("patch", "events") > 0)
            second.terminate()
            await second.wait()
        cleanup = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "oomsight_operator.main", "cleanup", f"--kubeconfig={tmp_path / 'kubeconfig'}"
        )
        assert await cleanup.wait() == 0
        used |= asked(cluster)
    assert used - granted() == set(), "rights that the operator lacks"
    assert granted() - used == set(), "rights that it does not need"


async def test_reading_kubelets_configuration_needs_one_right_more_and_is_off_by_default(tmp_path: Path) -> None:
    right = ("", "nodes/proxy", "get")
    assert granted(readKubeletConfig=True) - granted() == {right}
    async with small_cluster() as cluster:
        await cluster.client.request("POST", "/api/v1/nodes", body={"metadata": {"name": "node-a"}})
        async with process(cluster, tmp_path, "--read-kubelet-config") as running:
            await until("a kubelet to be asked", lambda: cluster.server.requests.count("get", "nodes/proxy") > 0)
            running.terminate()
            await running.wait()
        assert right in asked(cluster)


async def test_the_account_of_an_uninstall_has_the_rights_that_its_job_uses_and_no_others(tmp_path: Path) -> None:
    (container,) = named(render(IMAGE), "Job", "oomsight-cleanup")["spec"]["template"]["spec"]["containers"]
    async with small_cluster() as cluster:
        uid = await cluster.make_pod("web", container_id=f"{2:064x}")
        await kill(cluster, 1)
        await cluster.make_policy()
        cluster.agent.say(uid, f"{2:064x}", unreclaimable_mib=100)
        async with process(cluster, tmp_path) as running:
            requests = cluster.server.requests
            for verb, resource in (("patch", "pods"), ("create", "memoryrecommendations"), ("update", "leases")):
                await until(f"{verb} {resource}", lambda: requests.count(verb, resource) > 0)  # noqa: B023 - awaited at once
            running.terminate()
            await running.wait()
        labels = {"app": "oomsight-operator"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "operator", "image": "x"}]}}
        await cluster.client.request(
            "POST",
            "/apis/apps/v1/namespaces/oomsight-system/deployments",
            body={
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "oomsight-operator"},
                "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
            },
        )
        cluster.server.requests.reset()
        words = [sys.executable, "-m", "oomsight_operator.main", *container["command"][1:], *container["args"]]
        cleanup = await asyncio.create_subprocess_exec(*words, f"--kubeconfig={tmp_path / 'kubeconfig'}")
        assert await cleanup.wait() == 0
        assert asked(cluster) == granted("oomsight-cleanup")
