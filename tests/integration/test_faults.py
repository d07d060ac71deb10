"""What goes wrong in real clusters, end to end: nothing is lost, doubled, or told of the wrong pod; and it heals by itself."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

from tests.integration.cluster import Cluster, cluster, until

from oomsight_sandbox.apiserver.faults import FailureRule
from oomsight_sandbox.node_tree import MI, Flavour


def kills_told(one: Cluster) -> list[int]:
    """Kills that each MemoryRecommendation counts."""
    recommendations = one.objects("oomsight.dev", "memoryrecommendations")
    return [each.get("status", {}).get("summary", {}).get("oomKills", 0) for each in recommendations]


async def test_an_api_server_that_restarts_is_followed_again(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    pod = one.start_pod(node, "web", anon_bytes=20 * MI)
    await one.until_risk(pod, "none")

    await one.server.faults.restart(down_seconds=1.0)
    one.grow(pod, anon_bytes=118 * MI)
    new = one.start_pod(node, "born-later", anon_bytes=118 * MI)

    await one.until_risk(pod, "high", "critical")
    await one.until_risk(new, "high", "critical")
    assert one.operator.running is not None
    assert one.operator.running.returncode is None, "the operator lives through it"


async def test_expired_watches_lose_no_deletion_and_no_new_pod(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    for gone in (pods := [one.start_pod(node, f"gone-{number}", anon_bytes=20 * MI) for number in (1, 2)]):
        await one.until_risk(gone, "none")
    await until(lambda: one.matched_pods() == 3, "both and the node's agent are counted")

    one.server.faults.silence_watches()
    for gone in pods:
        one.delete_pod(gone)
    born = one.start_pod(node, "born-in-the-gap", anon_bytes=118 * MI)
    one.server.faults.expire_watches()
    one.server.faults.silence_watches(False)
    one.server.faults.drop_connections()

    await one.until_risk(born, "high", "critical")
    await until(lambda: one.matched_pods() == 2, "the deleted pods are no longer counted, the new one is")


async def test_a_silent_agent_makes_its_pods_unknown_and_its_return_heals_them(one: Cluster) -> None:
    silent = await one.add_node(Flavour.V2_SYSTEMD)
    other = await one.add_node(Flavour.V2_CGROUPFS)
    one.apply_policy()
    pod = one.start_pod(silent, "web", anon_bytes=20 * MI)
    elsewhere = one.start_pod(other, "elsewhere", anon_bytes=20 * MI)
    await one.until_risk(pod, "none")
    await one.until_risk(elsewhere, "none")

    await silent.agent.stop(signal.SIGKILL)
    await one.until_risk(pod, "unknown")
    assert one.risk(elsewhere) == "none", "only the silent node's pods"

    one.grow(pod, anon_bytes=118 * MI)
    await silent.agent.start()
    await one.until_risk(pod, "high", "critical")


async def test_pods_that_started_before_their_nodes_agent_are_known_as_soon_as_it_speaks(tmp_path: Path) -> None:
    async with cluster(tmp_path, **{"pod-interval-seconds": "300"}) as one:
        new = await one.add_node(Flavour.V2_SYSTEMD, start=False)
        one.apply_policy()
        pod = one.start_pod(new, "web", anon_bytes=20 * MI)
        told = await one.until_risk(pod, "unknown")
        assert f"no report of the agent of node {new.name} yet" in " ".join(told["summary"].split())

        await new.agent.start()
        await one.until_risk(pod, "none")


async def test_an_agent_restart_doubles_no_kill(one: Cluster) -> None:
    node = await one.add_node(Flavour.V1_CGROUPFS)
    one.apply_policy()
    pod = one.start_pod(node, "tight", anon_bytes=100 * MI)
    pod = one.oom_kill(pod)
    await until(lambda: kills_told(one) == [1], "the first kill")

    await node.agent.stop()
    await node.agent.start()
    pod = one.oom_kill(pod)

    await until(lambda: kills_told(one) == [2], "the second kill, and no third")


async def test_a_killed_operator_goes_on_with_what_it_knew(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    pod = one.start_pod(node, "tight", anon_bytes=100 * MI)
    pod = one.oom_kill(pod)
    await until(lambda: kills_told(one) == [1], "the first kill")
    await until(lambda: one.events(pod, "OOMKilled"), "the Event of the first kill")

    await one.operator.stop(signal.SIGKILL)
    pod = one.oom_kill(pod)  # while nobody looks
    await one.operator.start()

    await until(lambda: kills_told(one) == [2], "the kill while the operator was down is caught up")
    said = await until(lambda: one.events(pod, "OOMKilled"), "Events of both kills")
    assert sum(event.get("count") or event.get("series", {}).get("count") or 1 for event in said) <= 2, "no kill is told twice"


async def test_a_pod_of_the_same_name_inherits_nothing(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_CGROUPFS)
    one.apply_policy()
    first = one.oom_kill(one.start_pod(node, "web-0", anon_bytes=100 * MI))
    await one.until_risk(first, "high", "critical")

    one.delete_pod(first)
    second = one.start_pod(node, "web-0", anon_bytes=20 * MI)

    said = await one.until_risk(second, "none")
    assert "last-oom-kill" not in said
    assert second.files.pod_uid != first.files.pod_uid


async def test_a_pods_uid_reported_by_another_node_is_not_believed(one: Cluster) -> None:
    home = await one.add_node(Flavour.V2_SYSTEMD)
    other = await one.add_node(Flavour.V2_CGROUPFS)
    one.apply_policy()
    pod = one.start_pod(home, "web", anon_bytes=20 * MI)
    await one.until_risk(pod, "none")
    neighbour = one.start_pod(other, "neighbour", anon_bytes=20 * MI)
    await one.until_risk(neighbour, "none")

    process = replace(pod.files.processes[0], pid=99_999)
    other.tree.put(replace(pod.files, anon_bytes=127 * MI, oom_kills=3, processes=(process,)))
    one.grow(neighbour, anon_bytes=118 * MI)

    await one.until_risk(neighbour, "high", "critical")  # by then the other node's report has been judged
    said = one.annotations(pod)
    assert said["oom-risk"] == "none"
    assert "last-oom-kill" not in said


async def test_a_refused_write_is_retried_until_it_stands(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    refused = one.server.faults.fail(FailureRule(500, verb="patch", resource="pods", times=3))
    pod = one.start_pod(node, "full", anon_bytes=118 * MI)
    await one.until_risk(pod, "high", "critical")
    assert refused.failed == 3
