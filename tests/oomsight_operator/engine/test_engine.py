"""What is judged when, and what is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.engine_world import MIB, POLICY, Published, World, running
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_api.names import RiskLevel
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.kills.runs import checksum_of, known_by
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
from oomsight_operator.judgement.recommend.state import NOTHING, OomKill, on_oom


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


async def test_while_many_pods_are_judged_others_get_their_turn_however_long_one_takes() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.judgement_seconds = 0.05
    for number in range(20):
        world.add_pod(f"u{number}")
    world.report({f"u{number}": 10 for number in range(20)})
    seen = list[int]()

    async def other() -> None:
        while True:
            seen.append(world.engine.judged)
            await asyncio.sleep(0)

    async with running(world):
        task = asyncio.create_task(other())
        await world.settled()
        task.cancel()
    assert set(range(1, 20)) <= set(seen)


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


async def test_history_of_an_earlier_run_is_gone_on_from() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    history = PodHistory(containers={"app": ContainerHistory(level=RiskLevel.HIGH, peak_bytes=98 * MIB)})
    world.engine.restore({("shop", "u1"): history, ("shop", "gone"): history})
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        assert world.published.assessments[-1].previous_level is RiskLevel.HIGH


async def test_what_one_namespace_tells_of_another_ones_pod_is_not_believed() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    forged = PodHistory(containers={"app": ContainerHistory(level=RiskLevel.HIGH, oom_kills_seen=10**9)})
    world.engine.restore({("tenants", "u1"): forged})
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        assert world.published.assessments[-1].previous_level is RiskLevel.UNKNOWN
        assert world.published.histories["u1"].containers["app"].oom_kills_seen is None


async def test_a_run_that_an_earlier_run_of_the_operator_kept_the_checksum_of_is_known_again() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    run = known_by(checksum_of("id-u1"))
    history = PodHistory(containers={"app": ContainerHistory(container_id_seen=run, oom_kills_seen=3)})
    world.engine.restore({("shop", "u1"): history, ("shop", "gone"): history})
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        kept = world.published.histories["u1"].containers["app"]
        assert (kept.container_id_seen, kept.oom_kills_seen) == ("id-u1", 3)


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


async def test_one_pod_that_breaks_judgement_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    class BreaksOnOne(Published):
        def offer(self, pod: Pod, *rest: Any) -> None:
            if pod.uid == "u1":
                raise ZeroDivisionError
            super().offer(pod, *rest)

    world = World(publisher=BreaksOnOne())
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


async def test_a_pod_is_judged_again_once_when_its_kill_is_no_longer_recent_though_two_clocks_drift_apart() -> None:
    world = World()
    world.policies.observe({**POLICY, "spec": {"defaults": {"risk": {"holdSeconds": 0, "recentKillSeconds": 600}}}})
    world.add_pod("u1")
    kill = Kill(world.now, "app", "id-u1", KillSource.COUNTER, sequence=1)
    world.engine.restore({("shop", "u1"): PodHistory(containers={"app": ContainerHistory(kills=(kill,))})})
    async with running(world):
        for _ in range(50):
            world.now += 1.0
            world.drift += 0.0001
            world.report({"u1": 10})
            await world.settled()
        world.published.assessments.clear()
        for _ in range(60):
            world.now += 30.0
            world.report({}, full=False)  # the agent is there, and has nothing new
            world.engine.tick()
            await world.settled()
        assert world.published.judged() == ["u1"]


async def test_the_longer_an_agent_is_silent_the_more_room_is_recommended() -> None:
    world = World()
    world.now = 1e9
    world.policies.observe({**POLICY, "spec": {"defaults": {"recommendation": {"mode": "Always"}}}})
    world.add_pod("u1")
    world.engine.restore({}, {"shop/u1": {"app": seen(40 * MIB, 100, until=world.now)}})
    world.report({"u1": 40})
    async with running(world):
        await world.settled()
        first = world.published.recommended_mib("u1")
        for _ in range(49):
            world.now += 3601
            world.engine.tick()
            await world.settled()
        assert (first, world.published.recommended_mib("u1")) == (43, 47)
        assert len(world.published.judged()) < 60, "once an hour"
