"""Nothing learned is lost: an engine and a publisher over one API, in several lives of the operator; time is in the test's hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.oomsight_operator.engine_world import MIB, POLICY, World
from tests.oomsight_operator.engine_world import running as judging
from tests.oomsight_operator.publishing.builders import Clock, MemoryApi, Stage
from tests.oomsight_operator.publishing.builders import a_publisher as publisher_over

from oomsight_api.names import API_VERSION, Annotation
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.model import Owner, Pod

HOUR, DAY = 3600.0, 86400.0
LEAKS = Owner("apps/v1", "StatefulSet", "leaks", "uid-leaks")
CRON_JOB = Owner("batch/v1", "CronJob", "report", "uid-report")
ALWAYS = {**POLICY, "spec": {"defaults": {"recommendation": {"mode": "Always"}}}}


@dataclass
class Life:
    """One run of the operator."""

    world: World
    stage: Stage

    async def pass_time(self, seconds: float) -> None:
        self.stage.clock.advance(seconds)
        self.world.now = self.stage.clock.now
        await self.rest()

    async def rest(self) -> None:
        """Until everything is judged and written, also what one brings about of the other."""
        for _ in range(3):
            await self.world.settled()
            await self.stage.drain()
            for pod in tuple(self.world.pods):
                if (now := self.stage.api.pod(pod)) != pod:
                    self.world.pods.upsert(now)

    async def watch(self, used: dict[str, int]) -> None:
        """The agent tells unreclaimable MiB by pod uid."""
        self.world.report(used)
        await self.rest()

    def run_of(self, job: str, uid: str, workload: Owner = CRON_JOB) -> Pod:
        """A pod of a Job of the workload."""
        self.world.intermediates.upsert(Intermediate(f"uid-{job}", "shop", job, workload))
        return self.start(uid, Owner("batch/v1", "Job", job, f"uid-{job}"))

    def start(self, uid: str, owner: Owner) -> Pod:
        """A pod with one container of 100 MiB."""
        pod = self.world.add_pod(uid, owner=owner)
        self.stage.api.add_pod(pod)
        return pod

    def told(self, pod: Pod, what: Annotation = Annotation.RECOMMENDED_LIMIT) -> str | None:
        found = self.stage.api.pod(pod).own_annotations.get(what)
        return None if found is None else str(found)


@asynccontextmanager
async def life(api: MemoryApi, clock: Clock, *pods: Pod) -> AsyncIterator[Life]:
    """The operator, started over what the API has; these pods are there already."""
    stage = publisher_over(api, clock)
    world = World(publisher=stage.publisher)
    world.now = clock.now
    world.policies.observe(ALWAYS)
    stage.publisher.follow_recalled(world.engine.recall)
    for pod in pods:
        world.pods.upsert(api.pod(pod))
    documents = [
        {"apiVersion": API_VERSION, "kind": "MemoryRecommendation", **each}
        for path, each in api.objects.items()
        if "/memoryrecommendations/" in path
    ]
    restored = stage.publisher.restore(documents)
    world.engine.restore(restored.histories, restored.learned)
    async with judging(world), stage.writing():
        yield Life(world, stage)


async def first_run(one: Life) -> str:
    """Four hours of a job that needs 90 MiB; the limit that is recommended then."""
    pod = one.run_of("report-1", "first")
    for _ in range(4):
        await one.watch({"first": 90})
        await one.pass_time(HOUR)
    limit = one.told(pod)
    assert limit is not None
    one.world.pods.delete("first")
    await one.rest()
    return limit


async def a_week_passes(one: Life) -> None:
    """In which other workloads come and go, and this one is forgotten."""
    for day in range(8):
        await one.pass_time(DAY)
        one.run_of(f"other-{day}", f"other-{day}", Owner("batch/v1", "CronJob", f"other-{day}", f"uid-other-{day}"))
        await one.watch({f"other-{day}": 10})
        one.world.pods.delete(f"other-{day}")
        await one.rest()


async def second_run(one: Life) -> str | None:
    """The next run, which has only just started; the limit that is recommended for it."""
    pod = one.run_of("report-2", "second")
    await one.watch({"second": 10})
    await one.pass_time(301)
    await one.watch({"second": 11})
    return one.told(pod)


async def test_a_weekly_job_knows_the_peak_of_the_run_before() -> None:
    async with life(MemoryApi(), Clock()) as one:
        limit = await first_run(one)
        await a_week_passes(one)
        assert await second_run(one) == limit


@pytest.mark.parametrize("restart_after_days", [0, 8])
async def test_a_weekly_job_knows_it_across_a_restart_too(restart_after_days: int) -> None:
    api, clock = MemoryApi(), Clock()
    async with life(api, clock) as before:
        limit = await first_run(before)
        if restart_after_days:
            await a_week_passes(before)
    async with life(api, clock) as after:
        if not restart_after_days:
            await a_week_passes(after)
        assert await second_run(after) == limit


async def test_what_the_second_run_learned_is_added_to_the_first_and_both_reach_the_third() -> None:
    api, clock = MemoryApi(), Clock()
    async with life(api, clock) as one:
        await first_run(one)
        await a_week_passes(one)
        await second_run(one)
        one.world.pods.delete("second")
        await one.pass_time(600)
    (path,) = (path for path in api.objects if path.endswith("/cronjob-report"))
    digest = api.objects[path]["status"]["containers"][0]["digest"]
    assert f"{90 * MIB}]" in digest
    assert f"{11 * MIB}]" in digest


async def test_the_jobs_object_says_all_the_time_what_it_recommends() -> None:
    api, clock = MemoryApi(), Clock()
    async with life(api, clock) as one:
        limit = await first_run(one)
        await a_week_passes(one)
        await second_run(one)
    statuses = [each.body["status"] for each in api.writes("PATCH", "/cronjob-report/status")]
    said: list[Any] = [status["summary"].get("recommendedLimit") for status in statuses]
    assert said[-1] == limit.removeprefix("app=")
    assert None not in said[said.index(said[-1]) :]


async def test_a_deployments_first_hours_outlive_an_operator_that_ends_in_time() -> None:
    api, clock = MemoryApi(), Clock()
    web = Owner("apps/v1", "StatefulSet", "web", "uid-web")
    async with life(api, clock) as one:
        pod = one.start("web-0", web)
        for _ in range(2):
            await one.watch({"web-0": 60})
            await one.pass_time(HOUR / 2)
        one.stage.publisher.flush()
        await one.rest()
    async with life(api, clock, replace(pod)) as after:
        await after.watch({"web-0": 61})
        await after.pass_time(HOUR)
        await after.watch({"web-0": 61})
        await after.pass_time(301)
        await after.watch({"web-0": 61})
        assert after.told(pod) is not None, "three hours were seen, together"


def writes_on(api: MemoryApi, pod: Pod) -> int:
    """Patches of the pod and Events on it, so far."""
    return len(api.writes(contains=f"/pods/{pod.name}")) + len(api.writes(contains="/events"))


def story_of(api: MemoryApi, pod: Pod) -> list[tuple[str, ...]]:
    """What was told: level and reasons at each patch of the pod, and the Events."""
    story: list[tuple[str, ...]] = []
    for each in api.writes():
        if each.path.endswith(f"/pods/{pod.name}"):
            said = each.body["metadata"]["annotations"]
            story.append((said.get(Annotation.OOM_RISK, "as before"), said.get(Annotation.OOM_RISK_REASONS, "as before")))
        elif "/events" in each.path:
            story.append((str(each.body.get("reason")), str(each.body.get("message", each.body.get("note")))[:20]))
    return story


async def leak(one: Life, minutes: range, pod: Pod) -> None:
    """A container that keeps 40 MiB an hour, until it has nearly all of its 100."""
    for minute in minutes:
        await one.watch({pod.uid: 20 + minute * 40 // 60})
        await one.pass_time(60)


@pytest.mark.parametrize("how", ["it ends in time", "it is killed"])
@pytest.mark.parametrize("after_minutes", [91, 97, 104])
async def test_a_restart_in_the_middle_of_a_leak_changes_nothing_that_is_told(how: str, after_minutes: int) -> None:
    undisturbed, disturbed = MemoryApi(), MemoryApi()
    async with life(undisturbed, Clock()) as one:
        pod = one.start("leaks-0", LEAKS)
        await leak(one, range(115), pod)
    clock = Clock()
    async with life(disturbed, clock) as one:
        pod = one.start("leaks-0", LEAKS)
        await leak(one, range(after_minutes), pod)
        assert "LeakSuspected" in (one.told(pod, Annotation.OOM_RISK_REASONS) or "")
        if how == "it ends in time":
            one.stage.publisher.flush()
            await one.rest()
    async with life(disturbed, clock, pod) as after:
        await leak(after, range(after_minutes, 115), pod)
    assert story_of(disturbed, pod) == story_of(undisturbed, pod)


async def test_a_reason_that_is_held_over_a_restart_falls_when_it_would_have() -> None:
    api, clock = MemoryApi(), Clock()
    async with life(api, clock) as one:
        pod = one.start("web-0", Owner("apps/v1", "StatefulSet", "web", "uid-web"))
        for mib in (95, 95, 30):
            await one.watch({"web-0": mib})
            await one.pass_time(301 if mib == 95 else 60)
        assert one.told(pod, Annotation.OOM_RISK) == "critical"
        one.stage.publisher.flush()
        await one.rest()
    before = writes_on(api, pod)
    async with life(api, clock, pod) as after:
        await after.watch({"web-0": 30})
        await after.pass_time(60)
        assert writes_on(api, pod) == before, "held"
        for _ in range(8):
            await after.watch({"web-0": 30})
            await after.pass_time(60)
        assert after.told(pod, Annotation.OOM_RISK) != "critical"
