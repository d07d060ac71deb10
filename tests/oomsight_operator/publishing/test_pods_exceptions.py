"""When a pod is written sooner than its interval says: known again, and other rules than before; each bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.publishing.builders import (
    POLICY,
    Clock,
    MemoryApi,
    a_container,
    a_kill,
    a_pod,
    an_assessment,
    running,
)

from oomsight_api.names import Annotation, RiskLevel
from oomsight_api.policy import PolicyRules
from oomsight_operator.judgement.model import Assessment, PolicyRef
from oomsight_operator.kube.errors import ApiError

STRICT = PolicyRef("ClusterMemoryPolicy", "strict")
OFF = PolicyRules.model_validate({"publish": {"events": "Disabled"}})


def patches(api: MemoryApi) -> int:
    return len(api.writes("PATCH", "/pods/"))


def edited(assessment: Assessment, hold_seconds: int) -> Assessment:
    """The same under another generation of its policy."""
    rules = assessment.policy.rules
    risk = rules.risk.model_copy(update={"hold_seconds": hold_seconds})
    return replace(assessment, policy=replace(assessment.policy, rules=rules.model_copy(update={"risk": risk})))


async def test_a_pod_told_as_unknown_before_its_agent_spoke_is_known_as_soon_as_it_does() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api, pod_interval_seconds=300.0) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.UNKNOWN))
        await stage.drain()
        assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "unknown"
        stage.clock.advance(1)
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.NONE))
        await stage.drain()
    assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "none"


async def test_an_agent_that_comes_and_goes_costs_no_two_writes_each_time() -> None:
    api, pod, clock = MemoryApi(), a_pod(), Clock()
    api.add_pod(pod)
    async with running(api, clock, pod_interval_seconds=300.0) as stage:
        for turn in range(120):
            level = RiskLevel.NONE if turn % 2 else RiskLevel.UNKNOWN
            stage.publisher.offer(api.pod(pod), an_assessment(level))
            await stage.drain()
            clock.advance(10)
    assert patches(api) <= 4 * (120 * 10 // 300)


async def test_a_change_of_the_policys_rules_shows_within_half_a_minute_and_once() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api, pod_interval_seconds=300.0, policy_interval_seconds=30.0) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH))
        await stage.drain()
        stage.clock.advance(10)
        for level in (RiskLevel.LOW, RiskLevel.NONE):
            stage.publisher.offer(api.pod(pod), edited(an_assessment(level), 60))
            await stage.drain()
        assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "high"
        stage.clock.advance(20)
        await stage.drain()
        assert api.pod(pod).own_annotations[Annotation.OOM_RISK] == "none"
        stage.publisher.offer(api.pod(pod), edited(an_assessment(RiskLevel.LOW), 60))
        await stage.drain()
        stage.publisher.offer(api.pod(pod), edited(an_assessment(RiskLevel.NONE), 60))
        stage.clock.advance(299)
        await stage.drain()
    assert patches(api) == 3, "the rise to low, and no second one for the same change"


async def test_another_policy_shows_at_once_where_the_pod_was_not_written_lately() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api, pod_interval_seconds=300.0) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.LOW))
        await stage.drain()
        stage.clock.advance(31)
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.LOW, policy=STRICT))
        await stage.drain()
    assert api.pod(pod).own_annotations[Annotation.POLICY] == str(STRICT)


async def test_a_policy_that_was_deleted_and_made_again_is_not_missing_for_an_interval() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    async with running(api, pod_interval_seconds=300.0) as stage:
        stage.publisher.offer(pod, an_assessment(RiskLevel.HIGH))
        await stage.drain()
        stage.publisher.withdraw(api.pod(pod))
        await stage.drain()
        stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.HIGH))
        stage.clock.advance(30)
        await stage.drain()
    assert api.pod(pod).own_annotations[Annotation.POLICY] == str(POLICY)
    assert patches(api) == 3


async def test_a_tenant_who_moves_its_pod_between_policies_by_labels_gets_no_more_writes() -> None:
    api, clock, pod = MemoryApi(), Clock(), a_pod()
    api.add_pod(pod)
    async with running(api, clock, pod_interval_seconds=300.0) as stage:
        for turn in range(60):
            moved = replace(api.pod(pod), labels={"turn": str(turn)})
            stage.publisher.offer(moved, an_assessment(RiskLevel.LOW, policy=STRICT if turn % 2 else POLICY))
            await stage.drain()
            clock.advance(10)
    assert patches(api) <= 1 + 60 * 10 // 300


async def test_a_policy_that_is_edited_again_and_again_costs_a_pod_one_write_in_half_a_minute() -> None:
    api, clock, pod = MemoryApi(), Clock(), a_pod()
    api.add_pod(pod)
    async with running(api, clock, pod_interval_seconds=300.0, policy_interval_seconds=30.0) as stage:
        for turn in range(60):
            stage.publisher.offer(api.pod(pod), an_assessment(RiskLevel.LOW, policy=PolicyRef("MemoryPolicy", f"p{turn}", "shop")))
            await stage.drain()
            clock.advance(5)
    assert patches(api) <= 1 + 60 * 5 // 30


async def test_a_pod_that_the_api_refuses_is_not_asked_more_often_by_editing_its_policy() -> None:
    api, pod = MemoryApi(), a_pod()
    api.add_pod(pod)
    api.failures = [ApiError(422, "Invalid", "metadata.annotations: Too long: must have at most 262144 bytes")] * 20
    async with running(api, pod_interval_seconds=300.0) as stage:
        for turn in range(20):
            stage.publisher.offer(pod, an_assessment(RiskLevel.LOW, policy=PolicyRef("MemoryPolicy", f"p{turn}", "shop")))
            await stage.drain()
            stage.clock.advance(60)
    assert patches(api) == 4


@pytest.mark.parametrize("change", ["rules", "policy"])
async def test_an_edit_that_concerns_many_pods_stays_within_the_clusters_budget_and_a_kill_goes_before(change: str) -> None:
    api, clock = MemoryApi(), Clock()
    pods = [a_pod(uid=f"u{number}", name=f"p{number}") for number in range(300)]
    for pod in pods:
        api.add_pod(pod)
    async with running(api, clock, writes_per_second=10.0, write_burst=100) as stage:

        async def until_written(count: int) -> None:
            """So many are written, and no more come before the clock goes on."""
            await stage.publisher.drain(0.0)
            await api.until(lambda: patches(api) >= count)
            assert patches(api) == count

        for pod in pods:
            stage.publisher.offer(pod, an_assessment(RiskLevel.LOW, pod_uid=pod.uid))
        for second in range(21):
            await until_written(100 + 10 * second)
            clock.advance(1)
        clock.advance(60)
        for pod in pods:
            policy = STRICT if change == "policy" else POLICY
            later = an_assessment(RiskLevel.NONE, pod_uid=pod.uid, policy=policy)
            stage.publisher.offer(api.pod(pod), later if change == "policy" else edited(later, 60))
        await until_written(300 + 100)
        killed = an_assessment(RiskLevel.NONE, a_container(new_kills=(a_kill(),)), pod_uid="u299", policy=policy)
        stage.publisher.offer(api.pod(pods[299]), replace(killed, policy=replace(killed.policy, rules=OFF)))
        await stage.publisher.drain(0.0)
        await api.until(lambda: Annotation.LAST_OOM_KILL in api.pod(pods[299]).own_annotations)
        assert patches(api) == 401, "without waiting behind the others"
        few = 5  # what the kill costs beside the pod
        for second in range(1, 19):
            clock.advance(1)
            await stage.publisher.drain(0.0)
            await api.until(lambda least=400 + 10 * second - few: len(api.writes()) >= least)  # type: ignore[misc]
            assert len(api.writes()) <= 400 + 10 * second + few


def test_what_decides_is_compared_by_what_it_says() -> None:
    """A policy that is read again is another object, and no change."""
    one, other = an_assessment(RiskLevel.LOW).policy, an_assessment(RiskLevel.LOW).policy
    assert one is not other
    assert one == other
