"""A thousand pods: all are told, and nothing is written that does not mean something new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.cluster import Cluster, cluster, until

from oomsight_sandbox.node_tree import MI, Flavour

NODES, PODS_A_NODE = 5, 200


@pytest.fixture
async def generous(tmp_path: Path) -> AsyncIterator[Cluster]:
    """An operator whose write budget lets a thousand patches through within seconds."""
    async with cluster(tmp_path, **{"writes-per-second": "300", "write-burst": "300", "concurrent-writes": "20"}) as running:
        yield running


@pytest.mark.timeout(240)
async def test_a_thousand_pods_are_annotated_once_each_and_then_only_what_changed(generous: Cluster) -> None:
    one = generous
    nodes = [await one.add_node(list(Flavour)[number % 3]) for number in range(NODES)]
    pods = [
        one.start_pod(node, f"web-{number}", namespace=f"team-{team}", anon_bytes=20 * MI)
        for team, node in enumerate(nodes)
        for number in range(PODS_A_NODE)
    ]
    one.apply_policy()

    await until(lambda: sum(one.risk(pod) == "none" for pod in pods) == len(pods), "every pod is annotated", 180)
    await until(lambda: one.matched_pods() == len(pods) + NODES, "the policy counts them all, with the agents")
    written = one.server.requests.count("patch", "pods")
    assert written <= len(pods) + NODES + 20, "one patch a pod; a few were first seen before their row"

    one.grow(pods[417], anon_bytes=118 * MI)
    await one.until_risk(pods[417], "high", "critical")
    others = [pod for index, pod in enumerate(pods) if index != 417]
    assert all(one.risk(pod) == "none" for pod in others)
    assert one.server.requests.count("patch", "pods") - written <= 10, "a change of one pod writes to one pod"
