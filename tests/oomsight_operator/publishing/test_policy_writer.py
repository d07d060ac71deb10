"""When the status of a policy is written; time is in the test's hand."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.publishing.builders import POLICY, MemoryApi, Stage, a_pod, an_assessment, running

from oomsight_api.names import RiskLevel
from oomsight_api.parse import parse_policy

PATH = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memorypolicies/default"


def a_policy(spec: dict[str, Any] | None = None, *, generation: int = 1, uid: str = "uid-policy") -> dict[str, Any]:
    return {
        "apiVersion": "oomsight.dev/v1alpha1",
        "kind": "MemoryPolicy",
        "metadata": {
            "name": "default",
            "namespace": "shop",
            "uid": uid,
            "generation": generation,
            "creationTimestamp": "2026-03-01T10:00:00Z",
            "resourceVersion": "1",
        },
        "spec": spec or {},
    }


def an_api(**fields: Any) -> MemoryApi:
    return MemoryApi(objects={PATH: a_policy(**fields)})


def see(stage: Stage, api: MemoryApi) -> None:
    """The handler is called with the policy as it stands."""
    stage.publisher.offer_policy(parse_policy(api.objects[PATH]), api.objects[PATH].get("status"))


def judge(stage: Stage, uid: str, level: RiskLevel) -> None:
    stage.publisher.offer(a_pod(uid=uid, name=uid), an_assessment(level, pod_uid=uid, annotations="None", events="Disabled"))


def status_of(api: MemoryApi) -> dict[str, Any]:
    status = api.objects[PATH]["status"]
    assert isinstance(status, dict)
    return status


def accepted(api: MemoryApi) -> tuple[str, str, str]:
    condition = next(each for each in status_of(api)["conditions"] if each["type"] == "Accepted")
    return condition["status"], condition["reason"], condition["message"]


async def test_a_new_policy_is_accepted_at_once_and_counts_follow_when_all_pods_were_judged() -> None:
    api = an_api()
    async with running(api, policy_status_interval_seconds=30.0) as stage:
        see(stage, api)
        await stage.drain()
        assert accepted(api)[:2] == ("True", "Accepted")
        assert "matchedPods" not in status_of(api)
        judge(stage, "a", RiskLevel.HIGH)
        stage.publisher.set_complete(True)
        stage.clock.advance(30)
        await stage.drain()
    assert status_of(api)["matchedPods"] == 1
    assert status_of(api)["worst"][0]["pod"] == "a"


async def test_a_refused_spec_is_said_at_once_even_within_the_interval_and_never_loops() -> None:
    api = an_api()
    async with running(api) as stage:
        see(stage, api)
        await stage.drain()
        api.objects[PATH] |= {"spec": {"risk": {"holdSeconds": -1}}}
        api.objects[PATH]["metadata"]["generation"] = 2
        for _ in range(5):  # our own status write comes back as an event
            see(stage, api)
            await stage.drain()
    status, reason, message = accepted(api)
    assert (status, reason) == ("False", "InvalidSpec")
    assert "spec.risk.holdSeconds" in message
    assert status_of(api)["observedGeneration"] == 2
    assert len(api.writes("PATCH", "/status")) == 2


async def test_counts_that_change_all_the_time_are_written_once_per_interval() -> None:
    api = an_api()
    async with running(api, policy_status_interval_seconds=30.0) as stage:
        see(stage, api)
        stage.publisher.set_complete(True)
        await stage.drain()
        for second in range(120):
            judge(stage, f"pod-{second}", RiskLevel.LOW)
            stage.clock.advance(1)
            await stage.drain()
        stage.clock.advance(30)
        await stage.drain()
        assert status_of(api)["matchedPods"] == 120
        writes = len(api.writes("PATCH", "/status"))
        assert writes <= 1 + 120 // 30 + 1
        stage.clock.advance(3600)
        see(stage, api)
        await stage.drain()
        assert len(api.writes("PATCH", "/status")) == writes, "nothing changed, nothing is written"


async def test_a_restart_keeps_the_counts_until_it_knows_better() -> None:
    api = an_api()
    async with running(api) as stage:
        see(stage, api)
        judge(stage, "a", RiskLevel.HIGH)
        stage.publisher.set_complete(True)
        stage.clock.advance(60)
        await stage.drain()
    before = status_of(api)
    assert before["matchedPods"] == 1
    async with running(api) as restarted:
        see(restarted, api)
        await restarted.drain()
        assert status_of(api) == before
        judge(restarted, "a", RiskLevel.HIGH)
        restarted.publisher.set_complete(True)
        restarted.clock.advance(60)
        await restarted.drain()
    assert status_of(api) == before


async def test_a_policy_made_anew_under_its_name_gets_no_status_of_its_predecessor() -> None:
    api = an_api(uid="new")
    async with running(api) as stage:
        stage.publisher.offer_policy(parse_policy(a_policy(uid="old")), None)
        await stage.drain()
        assert "status" not in api.objects[PATH]
        see(stage, api)
        await stage.drain()
    assert accepted(api)[0] == "True"


async def test_a_deleted_policy_is_not_written_any_more() -> None:
    api = an_api()
    async with running(api) as stage:
        see(stage, api)
        stage.publisher.forget_policy(POLICY)
        await stage.drain()
    assert api.requests == []


async def test_an_object_without_a_name_is_left_alone() -> None:
    api = an_api()
    async with running(api) as stage:
        stage.publisher.offer_policy(parse_policy({"kind": "MemoryPolicy", "apiVersion": "oomsight.dev/v1alpha1"}), None)
        await stage.drain()
    assert api.requests == []


async def test_pods_that_leave_the_policy_leave_its_counts() -> None:
    api = an_api()
    async with running(api, policy_status_interval_seconds=30.0) as stage:
        see(stage, api)
        judge(stage, "a", RiskLevel.HIGH)
        judge(stage, "b", RiskLevel.HIGH)
        stage.publisher.set_complete(True)
        stage.clock.advance(30)
        await stage.drain()
        stage.publisher.forget("a")
        stage.publisher.withdraw(a_pod(uid="b", name="b"))
        stage.clock.advance(30)
        await stage.drain()
    assert status_of(api)["matchedPods"] == 0
    assert status_of(api)["worst"] == []
