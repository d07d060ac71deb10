"""What `kubectl describe node` tells of a node that ran out of memory, and when it is told at all."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import MI, NOW, MemoryApi, Stage, a_pod, an_assessment, running
from tests.oomsight_operator.publishing.embedded import a_cluster

from oomsight_api.incident import Evidence, Incident, KillMemory, OomScope, Task, Victim
from oomsight_api.names import EventReason, RiskLevel
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status
from oomsight_operator.publishing.node_events import NodeIncidents, node_event

POD = a_pod()
BOOT = "3b0c5a2e-1111-4222-8333-444455556666"
VICTIM = Victim(
    pod_uid="uid-1",
    namespace="shop",
    pod_name="web-0",
    container_name="app",
    pid=4711,
    name="java",
    anon_rss_bytes=1200 * MI,
    file_rss_bytes=0,
    oom_score_adj=985,
)
INCIDENT = Incident(
    id=f"{BOOT}-99",
    time_seconds=NOW,
    evidence=Evidence.BOTH,
    scope=OomScope.NODE,
    victims=(VICTIM,),
    victim_count=1,
    memory=KillMemory(free_bytes=12 * MI, limit_bytes=4096 * MI),
    tasks=(
        Task(pid=4711, name="java", rss_bytes=1200 * MI, swap_bytes=0),
        Task(pid=88, name="etcd", rss_bytes=900 * MI),
        Task(pid=7, name="gone"),
    ),
)
DEFAULT_EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


def node_events(api: MemoryApi) -> list[dict[str, Any]]:
    return [each for path, each in api.objects.items() if "/events/" in path and each["reason"] == "NodeOutOfMemory"]


def judge(stage: Stage, **publish: Any) -> None:
    stage.publisher.offer(stage.api.pod(POD), an_assessment(RiskLevel.LOW, at=stage.clock.now, **publish))


def an_api() -> MemoryApi:
    api = MemoryApi()
    api.add_pod(POD)
    return api


def test_it_names_the_victim_what_was_left_and_who_had_the_most() -> None:
    event = node_event("node-1", INCIDENT, {})
    assert (event.reason, event.type) == (EventReason.NODE_OUT_OF_MEMORY, "Warning")
    assert event.note == (
        "Node node-1 ran out of memory at 2025-06-15T15:06:40Z (12Mi free of 4Gi): the kernel killed process java (pid 4711) of "
        "container app in pod shop/web-0 (1.17Gi resident, oom_score_adj 985). "
        "Biggest processes then: java (pid 4711) 1.17Gi, etcd (pid 88) 900Mi."
    )


def test_a_victim_without_a_name_is_looked_up_among_the_pods_and_what_is_unknown_is_left_out() -> None:
    nameless = msgspec.structs.replace(INCIDENT, victims=(Victim(pod_uid="uid-1", pid=5),), memory=None, tasks=())
    assert "killed pid 5 in pod shop/web-0." in node_event("node-1", nameless, {"uid-1": ("shop", "web-0")}).note
    assert "killed pid 5 in a pod with uid uid-1." in node_event("node-1", nameless, {}).note
    service = msgspec.structs.replace(nameless, victims=(Victim(name="sshd", pid=5, cgroup="/system.slice/ssh.service"),))
    assert "killed process sshd (pid 5) of no pod." in node_event("node-1", service, {}).note


def test_many_victims_are_counted_and_none_is_said() -> None:
    many = msgspec.structs.replace(INCIDENT, victims=(VICTIM,) * 9, victim_count=70)
    assert " and 66 more. Biggest" in node_event("node-1", many, {}).note
    nobody = msgspec.structs.replace(INCIDENT, victims=(), victim_count=0)
    assert "the kernel found no process that it may kill" in node_event("node-1", nobody, {}).note
    unnamed = msgspec.structs.replace(INCIDENT, victims=(), victim_count=3)
    assert "3 processes were killed, whose is not known" in node_event("node-1", unnamed, {}).note


HOSTILE = st.text(max_size=300)


@given(process=HOSTILE, pod=HOSTILE, namespace=HOSTILE, container=HOSTILE, task=HOSTILE, incident=HOSTILE, node=HOSTILE)
def test_whatever_a_node_tells_the_note_is_one_printable_line_that_fits(
    process: str, pod: str, namespace: str, container: str, task: str, incident: str, node: str
) -> None:
    victim = Victim(name=process, pod_name=pod, namespace=namespace, container_name=container, pid=2**63 - 1)
    told = msgspec.structs.replace(
        INCIDENT,
        id=incident,
        victims=(victim,) * 9,
        victim_count=2**63 - 1,
        tasks=(Task(pid=1, name=task, rss_bytes=2**63 - 1),) * 9,
    )
    event = node_event(node, told, {})
    assert re.fullmatch(r"[ -~]{1,1024}", event.note)


async def test_the_event_stands_where_describe_node_finds_it() -> None:
    api = an_api()
    async with running(api) as stage:
        judge(stage)
        stage.publisher.node_incident("node-1", INCIDENT)
        await stage.drain()
    (event,) = node_events(api)
    assert event["metadata"]["namespace"] == "default"
    assert event["regarding"] == {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "node-1"}
    assert (event["type"], event["action"]) == ("Warning", "Observe")


async def test_without_a_policy_nothing_is_written() -> None:
    api = an_api()
    async with running(api) as stage:
        stage.publisher.node_incident("node-1", INCIDENT)
        stage.publisher.withdraw(stage.api.pod(POD))
        await stage.drain()
        judge(stage, events="Disabled", annotations="None")
        await stage.drain()
    assert api.writes() == []


async def test_an_oom_that_comes_before_the_pods_were_judged_is_told_with_the_first_of_them() -> None:
    api = an_api()
    async with running(api) as stage:
        stage.publisher.node_incident("node-1", INCIDENT)
        stage.publisher.node_incident("node-2", msgspec.structs.replace(INCIDENT, id="other"))
        judge(stage)
        judge(stage)
        await stage.drain()
    assert [event["regarding"]["name"] for event in node_events(api)] == ["node-1"]


async def test_a_pod_that_is_gone_is_no_reason_to_tell() -> None:
    api = an_api()
    async with running(api) as stage:
        judge(stage)
        stage.publisher.forget(POD.uid)
        stage.publisher.node_incident("node-1", INCIDENT)
        await stage.drain()
    assert node_events(api) == []


def test_what_waits_for_a_policy_on_nodes_that_are_gone_is_forgotten() -> None:
    waiting = NodeIncidents(lambda node, event: None, max_age_seconds=600)
    for number in range(20):
        waiting.incident(f"node-{number}", msgspec.structs.replace(INCIDENT, time_seconds=NOW + number), NOW + number)
    assert len(waiting) == 20
    waiting.incident("node-new", msgspec.structs.replace(INCIDENT, time_seconds=NOW + 900), NOW + 900)
    assert len(waiting) == 1


async def test_an_oom_of_two_hours_ago_is_no_news() -> None:
    api = an_api()
    async with running(api) as stage:
        judge(stage)
        stage.publisher.node_incident("node-1", msgspec.structs.replace(INCIDENT, time_seconds=NOW - 7200))
        await stage.drain()
    assert node_events(api) == []


async def test_a_restarted_operator_tells_no_oom_twice_and_the_next_one_once_also_when_more_is_known() -> None:
    api = an_api()
    for _ in range(2):
        async with running(api) as stage:
            judge(stage)
            stage.publisher.node_incident("node-1", INCIDENT)
            stage.publisher.node_incident("node-1", msgspec.structs.replace(INCIDENT, tasks=()))
            await stage.drain()
    (event,) = node_events(api)
    assert "series" not in event
    async with running(api) as stage:
        judge(stage)
        stage.publisher.node_incident("node-1", msgspec.structs.replace(INCIDENT, id=f"{BOOT}-100"))
        await stage.drain()
    assert len(node_events(api)) == 2


async def test_a_storm_of_ooms_gets_a_nodes_share_of_events() -> None:
    api = an_api()
    async with running(api, event_burst=25, write_burst=10_000) as stage:
        judge(stage)
        for number in range(100):
            stage.publisher.node_incident("node-1", msgspec.structs.replace(INCIDENT, id=f"{BOOT}-{number}"))
        await stage.drain()
    assert len(node_events(api)) == 25


async def test_the_api_server_takes_it() -> None:
    async with a_cluster() as cluster, cluster.publisher() as publisher:
        cluster.server.ensure_namespace("default")
        pod = cluster.add_pod("web-0")
        publisher.offer(pod, an_assessment(RiskLevel.LOW, pod_uid=pod.uid))
        publisher.node_incident("node-1", msgspec.structs.replace(INCIDENT, time_seconds=4e9))
        assert await publisher.drain(10)
        items = (await cluster.get("/api/v1/namespaces/default/events"))["items"]
        assert [event["involvedObject"] for event in items] == [
            {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "node-1"}
        ]


def test_the_conditions_that_hold_on_the_node_are_named() -> None:
    conditions = (
        NodeCondition(ConditionType.SWAP_THRASHING, Status.TRUE, Reason.SWAP_IN_AND_OUT, "words"),
        NodeCondition(ConditionType.MEMORY_STALLS, Status.FALSE, Reason.NO_STALLS, "words"),
        NodeCondition(ConditionType.EVICTION_NEAR, Status.TRUE, Reason.EVICTION_THRESHOLD_MET, "words"),
    )
    note = node_event("node-1", INCIDENT, {}, conditions).note
    assert "Conditions of the node now: SwapThrashing, EvictionNear (GET /v1/nodes/node-1/health explains)." in note
    assert "Conditions of the node" not in node_event("node-1", INCIDENT, {}, conditions[1:2]).note
