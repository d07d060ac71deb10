"""A new operator beside a Prometheus that has watched the cluster for two weeks: the real one, of recorded series."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cluster import Cluster, Running, cluster, until
from tests.integration.prometheus import Past, prometheus_with

from oomsight_api.policy import PageCache
from oomsight_operator.prometheus.access import Access, parse_url
from oomsight_operator.prometheus.client import PrometheusClient
from oomsight_operator.prometheus.fetch import Found, Wanted, fetch
from oomsight_operator.prometheus.names import Living, Workload
from oomsight_sandbox.node_tree import MI, Flavour

pytestmark = pytest.mark.timeout(600)  # the first run downloads Prometheus

WORKING_SET = "container_memory_working_set_bytes"
NEWEST, BEFORE, OLDEST = "ledger-7f9c6b5d48-q8w7r", "ledger-6d5f8c9b7d-x2z4b", "ledger-55c9f7b6d4-hostl"
"""Two pods as a Deployment names them, and one that only kube-state-metrics knows to be its."""
STRANGER = "ledger-api-6d5f8c9b7d-x2z4b"


def of(pod: str) -> str:
    return f'pod="{pod}",container="app",image="app"'


PAST = (
    Past(WORKING_SET, of(OLDEST), 130.0 * MI, -336, -200, {-240: 400.0 * MI}),
    Past(WORKING_SET, of(BEFORE), 120.0 * MI, -199, -73),
    Past(WORKING_SET, of(NEWEST), 125.0 * MI, -72, -1, {-72: 390.0 * MI}),
    Past(WORKING_SET, of(STRANGER), 4096.0 * MI),
    Past(WORKING_SET, of(NEWEST) + ',exported_pod="other"', 6144.0 * MI),
    Past(WORKING_SET, of(NEWEST) + ',cluster="other"', 5120.0 * MI),
    Past(
        "kube_pod_owner",
        f'pod="{OLDEST}",owner_kind="ReplicaSet",owner_name="ledger-55c9f7b6d4",owner_is_controller="true"',
        1,
        -336,
        -200,
    ),
    Past("kube_replicaset_owner", 'replicaset="ledger-55c9f7b6d4",owner_kind="Deployment",owner_name="ledger"', 1, -336, -200),
    Past(WORKING_SET, of("batch"), 30.0 * MI),
    Past("container_oom_events_total", of("batch"), 0, -336, -49),
    Past("container_oom_events_total", of("batch"), 1, -48, -1),
    Past("container_spec_memory_limit_bytes", of("batch"), 128.0 * MI),
    # Everything else that can be asked for.
    Past("oomsight_container_memory_unreclaimable_bytes", of("full"), 20.0 * MI),
    Past("oomsight_container_memory_working_set_bytes", of("full"), 30.0 * MI),
    Past(WORKING_SET, of("full"), 31.0 * MI),
    Past("oomsight_container_memory_peak_bytes", of("full"), 50.0 * MI),
    Past("container_memory_usage_bytes", of("full"), 49.0 * MI),
    Past("oomsight_container_oom_kills_by_scope_total", of("full") + ',scope="pod",node="n"', 1, -20, -1, {-1: 2}),
    Past("oomsight_container_memory_limit_bytes", of("full"), 64.0 * MI),
    Past("oomsight_pod_memory_limit_bytes", 'pod="full",node="n"', 64.0 * MI),
    Past("kube_pod_owner", 'pod="full",owner_kind="<none>",owner_name="<none>"', 1),
    Past("kube_replicationcontroller_owner", 'replicationcontroller="full",owner_kind="<none>",owner_name="<none>"', 1),
    Past("kube_job_owner", 'job_name="full",owner_kind="CronJob",owner_name="full"', 1),
    Past(WORKING_SET, of("restarted"), 30.0 * MI),
    Past("kube_pod_container_status_last_terminated_reason", of("restarted") + ',reason="OOMKilled",uid="u"', 1, -30, -1),
    Past("kube_pod_container_status_restarts_total", of("restarted") + ',uid="u"', 0, -336, -31),
    Past("kube_pod_container_status_restarts_total", of("restarted") + ',uid="u"', 1, -30, -1),
    Past("kube_pod_container_resource_limits", of("restarted") + ',resource="memory",unit="byte"', 32.0 * MI),
    Past("kube_pod_container_resource_limits", of("restarted") + ',resource="cpu",unit="core"', 1e9),
)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL."""
    with prometheus_with(tmp_path_factory.mktemp("prometheus"), PAST) as url:
        yield url


async def workloads(running: Cluster) -> tuple[Running, Running]:
    """A pod of the Deployment ledger, which needs little today, and the bare pod batch."""
    node = await running.add_node(Flavour.V2_SYSTEMD)
    running.apply_policy(recommendation={"mode": "Always"})
    pod = {"metadata": {"labels": {"app": "ledger"}}, "spec": {"containers": [{"name": "app", "image": "app"}]}}
    spec = {"selector": {"matchLabels": {"app": "ledger"}}, "template": pod}
    (deployment,) = running.server.load([_apps("Deployment", "ledger", spec)])
    owner = _owner("Deployment", "ledger", deployment.uid)
    (replicaset,) = running.server.load([_apps("ReplicaSet", "ledger-7f9c6b5d48", spec, owner)])
    owner = _owner("ReplicaSet", "ledger-7f9c6b5d48", replicaset.uid)
    ledger = running.start_pod(node, NEWEST, limit_bytes=256 * MI, anon_bytes=60 * MI, owner=owner)
    return ledger, running.start_pod(node, "batch", limit_bytes=128 * MI, anon_bytes=20 * MI)


def _apps(kind: str, name: str, spec: dict[str, Any], owner: dict[str, Any] | None = None) -> dict[str, Any]:
    owners = {"ownerReferences": [owner]} if owner is not None else {}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "shop", **owners}, "spec": spec}


def _owner(kind: str, name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}


async def test_recommendations_start_from_two_weeks_of_prometheus(tmp_path: Path, prometheus: str) -> None:
    async with cluster(tmp_path, **{"prometheus-url": prometheus, "prometheus-matchers": 'cluster=""'}) as running:
        ledger, batch = await workloads(running)

        said = await until_recommended(running, ledger)
        assert said["recommended-limit"] == "app=436Mi", "the weekly peak of 400Mi in a pod that is gone, and 8.5 %"
        summary = " ".join(said["summary"].split())
        assert "highest working set in 14 days: 400Mi" in summary
        known = re.search(r"known for (\d+) hours, of which (\d+) hours from Prometheus", summary)
        assert known is not None
        assert int(known[1]) - 2 <= int(known[2]) in (335, 336), "one less where the hour turned while this ran"
        assert (
            f"Confidence medium: {known[2]} of its {known[1]} hours are from Prometheus, which knows its working set alone"
            in summary
        )

        said = await until_recommended(running, batch)
        assert "killed at limit 128Mi, says Prometheus: it needed more than that" in " ".join(said["summary"].split())
        assert said["recommended-limit"] == "app=158Mi"

        def written() -> list[dict[str, Any]]:
            found = running.objects("oomsight.dev", "memoryrecommendations")
            return [each for each in found if each["metadata"]["name"] == "deployment-ledger" and each.get("status")]

        (recommendation,) = await until(written, "the MemoryRecommendation of the Deployment")
        (container,) = recommendation["status"]["containers"]
        assert container["observedHours"] >= 336
        assert {"FromPrometheus"} <= {step["rule"] for step in container["steps"]}
        assert running.operator.said("recommendations start from the history that Prometheus has")


async def test_without_prometheus_they_start_from_nothing(tmp_path: Path, prometheus: str) -> None:
    async with cluster(tmp_path) as running:
        ledger, _ = await workloads(running)
        said = await running.until_risk(ledger, "none")
        assert "recommended-limit" not in said
        assert not running.operator.said(prometheus)


async def test_a_prometheus_that_is_not_there_delays_nothing_and_is_told(tmp_path: Path) -> None:
    async with cluster(tmp_path, **{"prometheus-url": "http://127.0.0.1:1"}) as running:
        ledger, _ = await workloads(running)
        await running.until_risk(ledger, "none")
        await until(lambda: running.operator.said("Prometheus gives no usable answer"), "the log says so")
        assert running.operator.said("Prometheus gives no usable answer") == 1


async def until_recommended(running: Cluster, pod: Running) -> dict[str, str]:
    """The pod's annotations, once there is a recommendation among them."""
    await until(lambda: "recommended-limit" in running.annotations(pod), lambda: f"{pod.name}: see {running.operator.log}")
    return running.annotations(pod)


async def past_of(prometheus: str, name: str, namespace: str = "shop", page_cache: PageCache = PageCache.INCLUDE) -> Found:
    """Of a bare pod, as the operator's own questions find it."""
    client = PrometheusClient(Access(parse_url(prometheus)))
    try:
        wanted = Wanted("u", namespace, Workload("Pod", name), page_cache)
        return await fetch(client, wanted, Living({name: wanted.workload}), {}, time.time())
    finally:
        await client.close()


async def test_every_question_is_one_that_prometheus_understands(prometheus: str) -> None:
    full = (await past_of(prometheus, "full")).containers["app"]
    assert set(full.unreclaimable.values()) == {20 * MI}
    assert set(full.working_set.values()) == {31 * MI}, "of two that tell the same the higher"
    assert set(full.usage.values()) == {50 * MI}
    ((first, second),) = full.kills
    assert (first.limit_bytes, second.limit_bytes) == (64 * MI, 64 * MI)
    assert second.time_seconds - first.time_seconds == 19 * 3600
    restarted = await past_of(prometheus, "restarted")
    assert [[kill.limit_bytes for kill in kills] for kills in restarted.containers["app"].kills] == [[32 * MI]]
    assert restarted.left_out == ()


@pytest.mark.parametrize("hostile", ['x"} or vector(1) #', "a\nb", "back\\slash", "(((", "*", "{}", "\x00", "\ufffd"])
async def test_names_that_no_cluster_has_are_questions_without_an_answer(prometheus: str, hostile: str) -> None:
    assert (await past_of(prometheus, hostile)).containers == {}
    assert await past_of(prometheus, "full", namespace=hostile) == Found()
