"""The operator ends, in time or not, in the middle of things: what it learned goes on."""

from __future__ import annotations

import copy
import signal
from typing import Any

from tests.integration.cluster import PODS, Cluster, Running, until

from oomsight_sandbox.apiserver.store import Key
from oomsight_sandbox.node_tree import MI, Flavour


def recommendations(one: Cluster) -> list[dict[str, Any]]:
    return one.objects("oomsight.dev", "memoryrecommendations")


def summary(one: Cluster) -> dict[str, Any]:
    """Of the only MemoryRecommendation; empty where there is none yet."""
    found = recommendations(one)
    said: dict[str, Any] = found[0].get("status", {}).get("summary", {}) if found else {}
    return said


async def until_kills(one: Cluster, count: int) -> str | None:
    """Wait until so many kills are counted; the limit that is recommended then."""
    await until(lambda: summary(one).get("oomKills") == count, lambda: f"{count} kills, has {summary(one)}; see {one.operator.log}")
    limit: str | None = summary(one).get("recommendedLimit")
    return limit


def give_to(one: Cluster, pod: Running, kind: str, name: str) -> None:
    """The pod gets a controller of the group apps."""
    key = Key(PODS, pod.namespace, pod.name)
    stored = one.server.store.get(key)
    assert stored is not None
    data = copy.deepcopy(stored.data)
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-of-{name}", "controller": True}
    data["metadata"]["ownerReferences"] = [owner]
    one.server.store.replace(key, data)


async def test_an_operator_killed_in_an_oom_loop_counts_on_and_recommends_the_same(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    pod = one.start_pod(node, "loops", anon_bytes=100 * MI)
    limits = []
    for count in (1, 2):
        pod = one.oom_kill(pod)
        limits.append(await until_kills(one, count))
    assert limits == ["160Mi", "192Mi"], "a quarter more, then half"

    await one.operator.stop(signal.SIGKILL)
    await one.operator.start()
    await until(lambda: one.annotations(pod).get("recommended-limit") == "app=192Mi", lambda: f"has {one.annotations(pod)}")
    assert await until_kills(one, 2) == "192Mi", "neither forgotten nor counted twice"

    await one.operator.stop(signal.SIGKILL)
    pod = one.oom_kill(pod)  # while nobody looks
    await one.operator.start()
    assert await until_kills(one, 3) == "256Mi", "the repeats go on: twice the limit that killed"


async def test_an_operator_that_is_told_to_stop_keeps_what_it_learned_of_a_healthy_workload(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    pod = one.start_pod(node, "web-0", anon_bytes=40 * MI)
    give_to(one, pod, "StatefulSet", "web")
    bare = one.start_pod(node, "bare", anon_bytes=40 * MI)
    for each in (pod, bare):
        await one.until_risk(each, "none")
    assert recommendations(one) == [], "nothing is worth an object yet"

    assert await one.operator.stop(signal.SIGTERM) == 0

    (kept,) = recommendations(one)
    assert kept["metadata"]["name"] == "statefulset-web"
    (condition,) = kept["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "NoEvidence")
    (container,) = kept["status"]["containers"]
    assert (container["observedHours"], "recommendedLimit" in container) == (1, False)
    assert container["digest"]
