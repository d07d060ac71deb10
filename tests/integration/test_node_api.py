"""The operator's API over real reports: files of a node in, its eviction order, kill order and health out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from tests.integration.cluster import DEADLINE_SECONDS, Cluster, Node, cluster

from oomsight_sandbox.node_tree import MI, Flavour


async def ask(one: Cluster, path: str) -> tuple[int, dict[str, Any]]:
    """One question to the operator, which may not listen yet."""
    ports = json.loads((one.directory / "operator.ports").read_text())
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{ports['api']}{path}") as response:
        document: dict[str, Any] = await response.json()
        return response.status, document


async def until_told(one: Cluster, path: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The document as soon as it is as wanted."""
    found: object = None
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                try:
                    status, found = await ask(one, path)
                except (OSError, aiohttp.ClientError, ValueError) as error:
                    found = error
                else:
                    if status == 200 and holds(found):
                        return found
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"waited in vain for {path}; last answer: {json.dumps(found, default=str)[:2000]}; see {one.operator.log}")


async def until_scraped(one: Cluster, text: str) -> str:
    """The operator's metrics as soon as the text is in them."""
    port = json.loads((one.directory / "operator.ports").read_text())["metrics"]
    async with asyncio.timeout(DEADLINE_SECONDS), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        while True:
            async with session.get("/metrics") as response:
                if text in (found := await response.text()):
                    return found
            await asyncio.sleep(0.2)


def register(one: Cluster, node: Node) -> None:
    """The Node object, as a kubelet makes it."""
    memory = {"memory": f"{node.tree.memory_total_bytes // 1024}Ki"}
    status = {
        "capacity": memory,
        "allocatable": {"memory": "3900Mi"},
        "conditions": [{"type": "MemoryPressure", "status": "False"}],
    }
    one.server.load([{"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}, "status": status}])


def used_bytes(eviction_order: dict[str, Any]) -> int:
    """What the kubelet counts as used on the node."""
    memory = eviction_order["signals"][0]
    used: int = memory["capacityBytes"] - memory["availableBytes"]
    return used


@pytest.mark.parametrize("flavour", list(Flavour))
async def test_the_eviction_order_of_a_node_comes_from_its_cgroups_and_pods(one: Cluster, flavour: Flavour) -> None:
    node = await one.add_node(flavour)
    register(one, node)
    one.start_pod(node, "modest", anon_bytes=30 * MI)
    one.start_pod(node, "greedy", anon_bytes=100 * MI)

    def is_whole(found: dict[str, Any]) -> bool:
        """Pods, their processes and what the node has left are read by different looks: a sample may have some of them alone."""
        measured = [each["workingSetFrom"] for each in found.get("pods", ())] == ["pod", "pod"]
        return measured and used_bytes(found) >= 130 * MI and "both orders begin with shop/greedy" in found["differences"]

    document = await until_told(one, f"/v1/nodes/{node.name}/eviction-order", is_whole)
    assert [each["pod"] for each in document["unknownPlace"]] == [f"oomsight-agent-{node.name}"], "it runs, and has no cgroup here"
    by_name = {each["pod"]: each for each in document["pods"]}
    assert by_name["greedy"]["place"] < by_name["modest"]["place"]
    assert by_name["greedy"]["excessBytes"] > 0 > by_name["modest"]["excessBytes"]
    assert "above its request 64Mi" in by_name["greedy"]["why"]
    assert "below its request 64Mi" in by_name["modest"]["why"]
    memory = document["signals"][0]
    assert memory["signal"] == "memory.available"
    assert 0 < memory["availableBytes"] < memory["capacityBytes"] == node.tree.memory_total_bytes
    assert used_bytes(document) < 150 * MI
    assert memory["thresholds"][0]["marginBytes"] == memory["availableBytes"] - 100 * MI
    assert document["thresholds"]["source"] == "assumed"


async def test_every_node_is_listed_with_its_health_and_a_silent_one_is_unknown(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    silent = await one.add_node(Flavour.V2_CGROUPFS, start=False)
    for each in (node, silent):
        register(one, each)
    one.start_pod(node, "web", anon_bytes=100 * MI)

    def is_told(found: dict[str, Any]) -> bool:
        return found["count"] == 2 and any("firstKilled" in each for each in found["nodes"])

    listed = await until_told(one, "/v1/nodes", is_told)
    told = {each["node"]: each for each in listed["nodes"]}
    assert "web" in told[node.name]["firstKilled"]
    assert told[silent.name]["healthy"] == "Unknown"
    assert "agent was not heard" in told[silent.name]["unknownBecause"]

    health = await until_told(one, f"/v1/nodes/{node.name}/health", lambda found: "memory" in found)
    conditions = {each["type"]: each for each in health["conditions"]}
    assert conditions["AvailableMemoryLow"]["status"] == "False"
    assert conditions["OOMKillsAllocatingTask"]["reason"] == "KillsByPoints"
    assert health["kubernetes"]["allocatableBytes"] == 3900 * MI
    kills = await until_told(one, f"/v1/nodes/{node.name}/kill-order", lambda found: "nodeOutOfMemory" in found)
    assert "web" in json.dumps(kills["nodeOutOfMemory"]["order"][0])

    metrics = await until_scraped(one, "oomsight_node_first_victim_info{")
    assert 'pod="web"' in metrics
    assert f'oomsight_node_condition_info{{node="{silent.name}",reason="NotReported",status="Unknown"' in metrics

    status, error = await ask(one, "/v1/nodes/nowhere/health")
    assert status == 404
    assert node.name in error["error"]["message"]

    await node.agent.stop()
    gone = await until_told(one, f"/v1/nodes/{node.name}/health", lambda found: "unknownBecause" in found)
    assert {each["status"] for each in gone["conditions"]} == {"Unknown"}
    assert "memory" not in gone, "stale numbers are never told as fresh"


async def test_thresholds_are_read_from_the_kubelet_when_that_is_wanted(tmp_path: Any) -> None:
    async with cluster(tmp_path, **{"read-kubelet-config": None}) as one:
        node = await one.add_node(Flavour.V2_SYSTEMD)
        one.server.api.kubelet_configs[node.name] = {
            "evictionHard": {"memory.available": "10%"},
            "evictionSoft": {"memory.available": "1Gi"},
            "evictionSoftGracePeriod": {"memory.available": "1m30s"},
        }
        register(one, node)
        path = f"/v1/nodes/{node.name}/eviction-order"
        document = await until_told(one, path, lambda found: found.get("thresholds") == {"source": "kubelet"})
    hard, soft = document["signals"][0]["thresholds"]
    assert hard["thresholdBytes"] == pytest.approx(node.tree.memory_total_bytes / 10, rel=1e-6)
    assert (soft["kind"], soft["thresholdBytes"], soft["gracePeriodSeconds"]) == ("soft", 1024 * MI, 90.0)
