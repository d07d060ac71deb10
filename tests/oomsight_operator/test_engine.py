"""What is judged when, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.engine_world import MIB, POLICY, World, running

from oomsight_api.incident import Evidence, Incident, OomScope
from oomsight_api.names import RiskLevel
from oomsight_api.report import Container, NodeMemory, NodeReport, Process
from oomsight_operator.inventory.constraints import LimitRange, ResourceQuota
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import (
    ContainerHistory,
    ContainerKind,
    ContainerSpec,
    ContainerStatus,
    Owner,
    Pod,
    PodHistory,
    Termination,
)
from oomsight_operator.judgement.node import Node
from oomsight_operator.judgement.recommend.state import NOTHING, OomKill, on_oom
from oomsight_operator.judgement.recommend.surroundings import LimitRule, QuotaRule


def two_healthy_pods() -> World:
    """On one node, under a policy, both told by its agent."""
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2"):
        world.add_pod(uid)
    world.report({"u1": 10, "u2": 10})
    return world


async def test_a_report_judges_the_pods_whose_rows_changed_and_no_others() -> None:
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2", "u3"):
        world.add_pod(uid)
    world.report({"u1": 99, "u2": 10, "u3": 10})
    async with running(world):
        await world.settled()
        assert world.published.level("u1") is RiskLevel.CRITICAL
        assert world.published.level("u2") is RiskLevel.NONE
        world.published.assessments.clear()
        world.report({"u2": 85}, full=False, time=1001.0)
        await world.settled()
        assert world.published.judged() == ["u2"]


async def test_the_cost_is_linear_in_what_changes() -> None:
    world = World()
    world.policies.observe(POLICY)
    for number in range(1000):
        world.add_pod(f"u{number}")
    world.report({f"u{number}": 10 for number in range(1000)})
    async with running(world):
        await world.settled()
        before = world.engine.judged
        for step in range(100):
            world.report({f"u{step}": 20 + step % 3}, full=False, time=1001.0 + step)
        await world.settled()
        assert world.engine.judged - before == 100


async def test_without_a_policy_pods_are_withdrawn_and_never_judged() -> None:
    world = World()
    world.add_pod("u1")
    world.report({"u1": 99})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        assert world.published.withdrawn == ["u1"]
        world.policies.observe(POLICY)
        await world.settled()
        assert world.published.level("u1") is RiskLevel.CRITICAL
        world.policies.observe(POLICY, deleted=True)
        await world.settled()
        assert world.published.withdrawn == ["u1", "u1"]


async def test_new_labels_of_a_namespace_move_its_pods_under_another_policy() -> None:
    world = World()
    selector = {"namespaceSelector": {"matchLabels": {"team": "data"}}, "defaults": {}}
    world.policies.observe({**POLICY, "spec": selector})
    world.add_pod("u1")
    world.report({"u1": 99})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        world.namespaces.upsert(Namespace("n1", "shop", {"team": "data"}, "2"))
        await world.settled()
        assert world.published.judged() == ["u1"]


async def test_a_pod_whose_namespace_is_not_known_yet_waits_for_it() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1", namespace="new")
    world.report({"u1": 99})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        assert world.published.withdrawn == []
        world.namespaces.upsert(Namespace("n2", "new", {}))
        await world.settled()
        assert world.published.judged() == ["u1"]


async def test_a_deleted_pod_is_forgotten() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    async with running(world):
        world.pods.delete("u1")
        await world.settled()
        assert world.published.forgotten == ["u1"]
        assert world.published.judged() == []
        assert world.published.complete


async def test_a_container_of_another_node_cannot_be_touched_by_this_nodes_agent() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1", node_name="node-b")
    async with running(world):
        await world.settled()
        world.report({"u1": 99})
        await world.settled()
        assert world.published.judged() == []


async def test_a_pods_workload_is_known_when_its_replicaset_arrives_late() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1", owner=Owner("apps/v1", "ReplicaSet", "web-1", "r1"))
    world.report({"u1": 99})
    deployment = Owner("apps/v1", "Deployment", "web", "d1")
    async with running(world):
        await world.settled()
        world.intermediates.upsert(Intermediate("r1", "shop", "web-1", deployment))
        await world.settled()
        assert world.published.workloads["u1"] == deployment


async def test_a_node_that_runs_short_is_judged_anew_as_a_whole() -> None:
    world = two_healthy_pods()
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        world.report({}, full=False, available_mib=80, time=1001.0)
        await world.settled()
        assert sorted(world.published.judged()) == ["u1", "u2"]


async def test_a_node_that_was_resized_is_judged_anew_as_a_whole_whichever_of_its_pods_is_judged_first() -> None:
    world = two_healthy_pods()
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        world.nodes.upsert(Node("uid-node-a", "node-a", allocatable_bytes=500 * MIB))
        world.add_pod("u1", labels={"changed": "yes"}, resource_version="2")
        await world.settled()
        assert set(world.published.judged()) == {"u1", "u2"}


async def test_who_is_no_longer_the_first_to_die_is_judged_anew_also_when_the_nodes_event_asks_for_its_conditions() -> None:
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2"):
        world.add_pod(uid)

    def grown(uid: str, mib: int) -> Container:
        process = Process(pid=7, name="app", oom_score_adj=0, rss_bytes=mib * MIB, swap_bytes=0, page_tables_bytes=0)
        return Container(pod_uid=uid, container_id=f"id-{uid}", cgroup=f"/{uid}", processes=(process,), process_count=1)

    def tell(*rows: Container, at: float, **more: Any) -> None:
        memory = NodeMemory(total_bytes=1000 * MIB, available_bytes=80 * MIB, swap_total_bytes=0, page_size_bytes=4096)
        more = {"node": "node-a", "instance": "i", "cursor": "c", "interval_seconds": 1.0, "node_memory": memory, **more}
        world.engine.report_arrived("node-a", NodeReport(time_seconds=at, containers=rows, **more))

    def ask(node_name: str, incident: Incident) -> None:
        node = world.telemetry.get(node_name)
        assert node is not None
        world.engine.node_context(node)

    world.published.node_incident = ask  # type: ignore[method-assign]
    tell(grown("u1", 50), grown("u2", 10), at=1000.0, full=True)
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        out_of_memory = Incident(id="boot-1", time_seconds=1000.0, scope=OomScope.NODE, evidence=Evidence.KERNEL_LOG)
        tell(grown("u2", 90), at=1001.0, full=False, incidents=(out_of_memory,))
        await world.settled()
        assert set(world.published.judged()) == {"u1", "u2"}


async def test_history_of_an_earlier_run_is_gone_on_from() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    history = PodHistory(containers={"app": ContainerHistory(level=RiskLevel.HIGH, peak_bytes=98 * MIB)})
    world.engine.restore({"u1": history, "gone": history})
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        assert world.published.assessments[-1].previous_level is RiskLevel.HIGH


async def test_what_an_earlier_run_learned_of_a_workload_is_gone_on_from_by_all_of_its_pods() -> None:
    world = World()
    world.policies.observe(POLICY)
    deployment = Owner("apps/v1", "Deployment", "web", "uid-web")
    world.intermediates.upsert(Intermediate("uid-rs", "shop", "web-1", deployment))
    for uid in ("u1", "u2"):
        world.add_pod(uid, owner=Owner("apps/v1", "ReplicaSet", "web-1", "uid-rs"))
    state = on_oom(NOTHING, [OomKill(100 * MIB, world.now - 60)])
    world.engine.restore({}, {"shop/uid-web": {"app": state}})
    world.report({"u1": 10, "u2": 20})
    async with running(world):
        await world.settled()
        recommended = [found.containers[0].recommendation for found in world.published.assessments]
        assert [found.limit_bytes for found in recommended if found is not None] == [125 * MIB, 125 * MIB]
        learned = world.published.assessments[-1].containers[0].learned
        assert learned is not None
        assert learned.unreclaimable is not None
        assert learned.unreclaimable.peak_bytes == 20 * MIB, "the worst replica"


async def test_a_recommendation_fits_into_the_namespace_and_the_nodes() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    world.limit_ranges.upsert(LimitRange("l1", "shop", (LimitRule("mem", max_bytes=120 * MIB),)))
    world.engine.restore({}, {"shop/u1": {"app": on_oom(NOTHING, [OomKill(100 * MIB, world.now - 60)])}})
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        first = world.published.assessments[-1].containers[0].recommendation
        world.nodes.upsert(Node("n1", "node-a", allocatable_bytes=110 * MIB))
        world.report({"u1": 11}, full=False, time=1001.0)
        await world.settled()
        second = world.published.assessments[-1].containers[0].recommendation
    assert first is not None
    assert second is not None
    assert (first.limit_bytes, second.limit_bytes) == (120 * MIB, 110 * MIB)


async def test_a_short_init_container_that_one_report_told_of_is_learned_from_under_its_cronjob() -> None:
    """Its row came and went before the kubelet told whose it was."""
    world = World()
    world.policies.observe(POLICY)
    nightly = Owner("batch/v1", "CronJob", "nightly", "uid-cron")
    for run in (1, 2):
        world.intermediates.upsert(Intermediate(f"uid-job-{run}", "shop", f"nightly-{run}", nightly))
    containers = (ContainerSpec("setup", ContainerKind.INIT, memory_limit_bytes=100 * MIB), ContainerSpec("app"))
    async with running(world):
        for run, mib in ((1, 60), (2, 50)):
            uid = f"u{run}"
            owner = Owner("batch/v1", "Job", f"nightly-{run}", f"uid-job-{run}")
            pod = world.add_pod(uid, owner=owner, containers=containers, phase="Pending", statuses={})
            world.report({uid: mib})
            world.now += 1
            world.report({})
            done = ContainerStatus("setup", f"id-{uid}", 0, "terminated", terminated=Termination(f"id-{uid}", "Completed", 0))
            app = ContainerStatus("app", f"id-{uid}-app", 0, "running", started_at_seconds=world.now)
            world.pods.upsert(replace(pod, phase="Running", statuses={"setup": done, "app": app}, resource_version="2"))
            await world.settled()
            world.now += 16  # the app's row has had its time
            world.engine.tick()
            await world.settled()
    setup = next(each for each in world.published.assessments[-1].containers if each.name == "setup")
    assert world.published.workloads["u2"] == nightly
    assert setup.learned is not None
    assert setup.learned.unreclaimable is not None
    assert setup.learned.unreclaimable.peak_bytes == 60 * MIB


async def test_a_quota_is_held_against_every_living_pod_of_the_workload() -> None:
    world = World()
    world.policies.observe(POLICY)
    web = Owner("apps/v1", "Deployment", "web", "uid-web")
    for name in ("old", "new"):
        world.intermediates.upsert(Intermediate(f"uid-{name}", "shop", f"web-{name}", web))
    for uid, name in (("u1", "old"), ("u2", "new"), ("u3", "new")):
        world.add_pod(uid, owner=Owner("apps/v1", "ReplicaSet", f"web-{name}", f"uid-{name}"))
    world.add_pod("u4", owner=Owner("apps/v1", "ReplicaSet", "web-old", "uid-old"), phase="Failed")
    world.quotas.upsert(ResourceQuota("q1", "shop", QuotaRule("team", limits_left_bytes=50 * MIB)))
    world.engine.restore({}, {"shop/uid-web": {"app": on_oom(NOTHING, [OomKill(100 * MIB, world.now - 60)])}})
    world.report({"u1": 10, "u2": 10, "u3": 10})
    async with running(world):
        await world.settled()
        found = world.published.assessments[-1].containers[0].recommendation
    assert found is not None
    assert found.limit_steps[-1].why.startswith(
        "ResourceQuota team leaves 50Mi of limits.memory, and each of 3 replicas needs 25Mi more, 75Mi in all"
    )


async def test_one_pod_that_breaks_judgement_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks_on_u1(pod: Pod, *rest: Any) -> Any:
        if pod.uid == "u1":
            raise ZeroDivisionError
        return assess_pod(pod, *rest)

    monkeypatch.setattr("oomsight_operator.engine.assess_pod", breaks_on_u1)
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    world.add_pod("u2")
    world.report({"u1": 10, "u2": 10})
    async with running(world):
        await world.settled()
        assert set(world.published.judged()) == {"u2"}
        world.report({"u1": 20})
        await world.settled()
    assert world.faults == 2
    assert [record.levelname for record in caplog.records] == ["ERROR"], "told once, not with each report"


async def test_a_pod_that_is_judged_for_days_is_in_the_agenda_once_though_two_clocks_drift_apart() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    kill = Kill(world.now, "app", "id-u1", KillSource.COUNTER, sequence=1)
    world.engine.restore({"u1": PodHistory(containers={"app": ContainerHistory(kills=(kill,))})})
    async with running(world):
        for _ in range(50):
            world.now += 1.0
            world.drift += 0.0001
            world.report({"u1": 10})
            await world.settled()
        assert len(world.engine._agenda) == 1


async def test_a_tenants_pod_learns_and_teaches_nothing_by_naming_another_namespaces_workload_as_its_owner() -> None:
    world = World()
    world.policies.observe(POLICY)
    deployment = Owner("apps/v1", "Deployment", "web", "uid-web")
    world.add_pod("u1", owner=deployment)
    world.namespaces.upsert(Namespace("n2", "other", {}))
    world.add_pod("u2", owner=deployment, namespace="other")
    world.engine.restore({}, {"other/uid-web": {"app": on_oom(NOTHING, [OomKill(100 * MIB, world.now - 60)])}})
    world.report({"u1": 10, "u2": 90})
    async with running(world):
        await world.settled()
        judged = {each.pod_uid: each.containers[0] for each in world.published.assessments}
    assert judged["u2"].recommendation is not None
    assert judged["u1"].recommendation is None
    learned = judged["u1"].learned
    assert learned is not None
    assert learned.unreclaimable is not None
    assert learned.unreclaimable.peak_bytes == 10 * MIB
