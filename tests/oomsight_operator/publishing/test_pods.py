"""What stands on pods, and how seldom it is written; time is in the test's hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.oomsight_operator.publishing.builders import (
    CONTAINER_ID,
    MI,
    POLICY,
    Clock,
    MemoryApi,
    a_container,
    a_kill,
    a_pod,
    a_recommendation,
    an_assessment,
    running,
)

from oomsight_api.incident import OomScope
from oomsight_api.names import RISK_LABEL, Annotation, RiskLevel
from oomsight_api.report import Container, Memory
from oomsight_operator.judgement.kills.model import KillSource
from oomsight_operator.kube.errors import ApiError


def patches(api: MemoryApi) -> list[dict[str, dict[str, dict[str, str]]]]:
    return [each.body for each in api.writes("PATCH", "/pods/")]


async def test_a_judged_pod_carries_our_annotations_and_keeps_its_own() -> None:
    api, pod = MemoryApi(), a_pod()
    path = api.add_pod(pod)
    api.objects[path]["metadata"]["annotations"]["team"] = "shop"
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH))
        await stage.drain()
    annotations = api.objects[path]["metadata"]["annotations"]
    assert annotations[Annotation.OOM_RISK] == "high"
    assert annotations[Annotation.POLICY] == str(POLICY)
    assert annotations["team"] == "shop"
    request = api.writes("PATCH", "/pods/")[0]
    assert request.content_type == "application/merge-patch+json"
    assert request.body.keys() == {"metadata"}
    assert request.body["metadata"].keys() == {"uid", "annotations"}


async def test_numbers_that_move_are_no_reason_to_write_again() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api) as stage:
        for second in range(50):
            stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.LOW, at=stage.clock.now + second))
            stage.clock.advance(10)
            await stage.drain()
    assert len(patches(api)) == 1


async def test_a_level_that_falls_waits_for_the_interval_and_one_that_rises_does_not() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api, pod_interval_seconds=300.0) as stage:
        for level in (RiskLevel.LOW, RiskLevel.HIGH, RiskLevel.CRITICAL):
            stage.publisher.offer(api.pod(pod), an_assessment(level))
            await stage.drain()
        assert len(patches(api)) == 3
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.NONE))
        stage.clock.advance(299)
        await stage.drain()
        assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "critical"
        stage.clock.advance(1)
        await stage.drain()
        assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "none"
        assert len(patches(api)) == 4


async def test_a_flapping_pod_is_written_at_most_once_per_interval_and_rise() -> None:
    api, pod, clock = MemoryApi(), a_pod(), Clock()
    api.add_pod(pod)
    async with running(api, clock, pod_interval_seconds=300.0) as stage:
        for turn in range(120):
            stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH if turn % 2 else RiskLevel.NONE))
            await stage.drain()
            clock.advance(10)
    assert len(patches(api)) <= 2 * (120 * 10 // 300) + 2


async def test_memory_that_swings_between_two_quarters_of_the_limit_is_refreshed_only_now_and_then() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api, pod_interval_seconds=300.0, numbers_intervals=6) as stage:
        for minute in range(91):
            row = Container(
                pod_uid="uid-1",
                container_id=CONTAINER_ID,
                cgroup="/pod/c",
                memory=Memory(unreclaimable_bytes=(33 if minute % 2 else 31) * MI, limit_bytes=64 * MI),
            )
            stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.NONE, a_container(row=row)))
            await stage.drain()
            stage.clock.advance(60)
    assert 1 < len(patches(api)) <= 1 + 90 // 30


async def test_a_kill_is_written_at_once_even_when_the_level_stays_and_later_offers_do_not_delay_it() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    kill = a_kill()
    async with running(api) as stage:
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH))
        await stage.drain()
        stage.clock.advance(5)
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(kill,))))
        after = a_container(RiskLevel.HIGH, kills=(kill,), recommendation=a_recommendation())
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH, after))
        await stage.drain()
    own = api.pod(pod).own_annotations
    assert "app" in own[Annotation.LAST_OOM_KILL]
    assert "128Mi" in own[Annotation.RECOMMENDED_LIMIT]


async def test_what_the_kernels_log_adds_to_a_kill_is_written_at_once_and_what_only_changes_waits() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    counted = a_kill(source=KillSource.COUNTER, incident_id="boot-c-1", exit_code=137)
    logged = replace(counted, source=KillSource.KERNEL_LOG, scope=OomScope.POD, victim_name="java")
    async with running(api) as stage:
        for kill in (counted, logged, replace(logged, victim_name="python")):
            container = replace(a_container(RiskLevel.HIGH, kills=(kill,)), new_kills=(kill,) if kill is counted else ())
            stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH, container))
            await stage.drain()
            stage.clock.advance(1)
        assert len(patches(api)) == 2
        assert "pod limit, exit code 137, process java" in api.pod(pod).own_annotations[Annotation.LAST_OOM_KILL]
        stage.clock.advance(300)
        await stage.drain()
    assert "process python" in api.pod(pod).own_annotations[Annotation.LAST_OOM_KILL]


async def test_a_storm_of_kills_in_one_pod_is_written_twice_a_second_and_none_is_forgotten() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api) as stage:
        for number in range(20):
            kill = a_kill(container_id=f"{number:064x}", at=stage.clock.now)
            stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(kill,))))
            await stage.drain()
            stage.clock.advance(0.1)
        assert 1 < len(patches(api)) <= 5
        stage.clock.advance(0.5)
        await stage.drain()
    assert f"{19:064x}" in api.pod(pod).own_annotations[Annotation.REPORT]


async def test_a_pod_that_returns_to_what_stands_there_before_it_was_written_is_left_alone() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.MEDIUM))
        await stage.drain()
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.LOW))
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.MEDIUM))
        stage.clock.advance(1000)
        await stage.drain()
    assert len(patches(api)) == 1


async def test_an_informer_that_lags_behind_causes_no_second_write() -> None:
    api, pod = MemoryApi(), a_pod(resource_version="1")
    api.add_pod(pod)
    async with running(api) as stage:
        for _ in range(3):
            stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH))  # still without annotations, as it was listed
            stage.clock.advance(1000)
            await stage.drain()
    assert len(patches(api)) == 1


async def test_a_restarted_operator_writes_nothing_where_its_predecessor_said_the_same() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, peak_bytes=50 * MI)))
        await stage.drain()
    async with running(api) as restarted:
        restarted.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, peak_bytes=60 * MI)))
        await restarted.drain()
    assert len(patches(api)) == 1


async def test_a_restarted_operator_removes_keys_that_no_longer_apply() -> None:
    api, pod = MemoryApi(), a_pod(own_annotations={"oomsight.dev/from-an-old-version": "x"})
    api.add_pod(pod)
    async with running(api) as stage:
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.NONE))
        await stage.drain()
    assert "oomsight.dev/from-an-old-version" not in api.pod(pod).own_annotations


async def test_annotations_that_a_tenant_forged_are_put_right_within_the_interval() -> None:
    api, pod = MemoryApi(), a_pod()
    path = api.add_pod(pod)
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH))
        await stage.drain()
        forged = {**api.objects[path]["metadata"]["annotations"], Annotation.OOM_RISK.value: "none"}
        await api.request("PATCH", path, body={"metadata": {"annotations": forged}})
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH))
        stage.clock.advance(300)
        await stage.drain()
    assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "high"


async def test_withdrawing_takes_everything_away_at_once_and_costs_nothing_where_there_is_nothing() -> None:
    api, pod, bare = MemoryApi(), a_pod(), a_pod(uid="uid-2", name="bare-0")
    api.add_pod(pod)
    api.add_pod(bare)
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH, riskLabel="Enabled"))
        await stage.drain()
        assert api.pod(pod).own_label == "high"
        stage.publisher.withdraw(api.pod(pod))
        stage.publisher.withdraw(api.pod(bare))
        await stage.drain()
        stage.publisher.withdraw(api.pod(pod))
        await stage.drain()
    assert api.pod(pod).own_annotations == {}
    assert api.pod(pod).own_label is None
    assert len(patches(api)) == 2


async def test_a_tenant_who_forges_our_annotations_on_a_pod_of_no_policy_costs_one_write_per_interval() -> None:
    api, pod = MemoryApi(), a_pod()
    path = api.add_pod(pod)
    async with running(api) as stage:
        for _ in range(10):
            api.objects[path]["metadata"]["annotations"] = {Annotation.OOM_RISK.value: "critical"}
            stage.publisher.withdraw(api.pod(pod))
            await stage.drain()
            stage.clock.advance(60)
    assert len(patches(api)) == 2


async def test_a_pod_whose_annotations_the_api_refuses_costs_one_write_per_interval() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    api.failures = [ApiError(422, "Invalid", "metadata.annotations: Too long: must have at most 262144 bytes")] * 10
    async with running(api) as stage:
        for second in range(10):
            kill = a_kill(container_id=f"{second:064x}")
            stage.publisher.offer(pod, an_assessment(RiskLevel.CRITICAL, a_container(new_kills=(kill,)), events="Disabled"))
            await stage.drain()
            stage.clock.advance(60)
    assert len(patches(api)) == 2


async def test_an_offer_in_flight_while_its_policy_goes_is_withdrawn_afterwards() -> None:
    api, pod = MemoryApi(hold=asyncio.Event()), a_pod(resource_version="1")
    api.add_pod(pod)
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH))
        await api.until(lambda: bool(api.writes("PATCH", "/pods/")))
        stage.publisher.withdraw(pod)
        assert api.hold is not None
        api.hold.set()
        await stage.drain()
    assert api.pod(pod).own_annotations == {}


async def test_a_policy_that_comes_and_goes_cannot_make_more_than_two_writes_per_interval() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api) as stage:
        for _ in range(10):
            stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH))
            await stage.drain()
            stage.publisher.withdraw(api.pod(pod))
            await stage.drain()
    assert len(patches(api)) == 2


async def test_a_label_is_written_only_where_asked_and_taken_away_when_the_policy_stops_asking() -> None:
    api, pod = MemoryApi(), a_pod(labels={"app": "web"})
    path = api.add_pod(pod)
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.LOW, annotations="None", riskLabel="Enabled"))
        await stage.drain()
        assert api.objects[path]["metadata"]["labels"] == {"app": "web", RISK_LABEL: "low"}
        assert api.pod(pod).own_annotations == {}
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.LOW, annotations="None"))
        stage.clock.advance(300)
        await stage.drain()
    assert api.objects[path]["metadata"]["labels"] == {"app": "web"}


async def test_a_pod_made_anew_under_the_same_name_never_gets_its_predecessors_data() -> None:
    api, old, new = MemoryApi(), a_pod(uid="old"), a_pod(uid="new")
    api.add_pod(new)
    async with running(api) as stage:
        stage.publisher.offer(old, an_assessment(RiskLevel.HIGH, pod_uid="old"))
        await stage.drain()
        assert api.pod(new).own_annotations == {}
        stage.publisher.offer(old, an_assessment(RiskLevel.CRITICAL, pod_uid="old"))
        await stage.drain()
        assert len(patches(api)) == 1, "a pod known to be gone is not asked for again"
        stage.publisher.forget("old")
        stage.publisher.offer(new, an_assessment(RiskLevel.LOW, pod_uid="new"))
        await stage.drain()
    assert api.pod(new).own_annotations[Annotation.OOM_RISK] == "low"


async def test_pods_that_are_gone_or_going_are_not_written() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        stage.publisher.offer(a_pod(), an_assessment(RiskLevel.HIGH))
        await stage.drain()
        stage.publisher.offer(a_pod(uid="x", deletion_timestamp="2026-03-01T10:00:00Z"), an_assessment(RiskLevel.HIGH, pod_uid="x"))
        await stage.drain()
    assert len(patches(api)) == 1


async def test_the_worst_pods_of_a_cluster_are_written_first() -> None:
    api = MemoryApi()
    levels = [RiskLevel.NONE, RiskLevel.CRITICAL, RiskLevel.LOW, RiskLevel.HIGH, RiskLevel.UNKNOWN, RiskLevel.MEDIUM]
    async with running(api, concurrent_writes=1) as stage:
        for level in levels:
            pod = a_pod(uid=level.value, name=level.value)
            api.add_pod(pod)
            stage.publisher.offer(pod, an_assessment(level, pod_uid=level.value, events="Disabled"))
        await stage.drain()
    order = [patch["metadata"]["annotations"][Annotation.OOM_RISK] for patch in patches(api)]
    assert order == ["critical", "high", "medium", "low", "none", "unknown"]


async def test_an_answer_that_is_lost_is_sent_again_and_ends_in_the_same_state() -> None:
    api, pod = (
        MemoryApi(failures=[ApiError(0, "ConnectionError", "reset"), ApiError(409, "Conflict", "the object has been modified")]),
        a_pod(),
    )
    api.add_pod(pod)
    async with running(api) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.LOW, events="Disabled"))
        for tries in (1, 2):
            await api.until(lambda tries=tries: len(api.requests) == tries and len(api.failures) == 2 - tries)  # type: ignore[misc]
            stage.clock.advance(60)
            await stage.publisher.drain(0.0)
        await stage.drain()
    assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "low"
    assert len(api.requests) == 3
