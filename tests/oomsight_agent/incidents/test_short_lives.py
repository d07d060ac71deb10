"""Containers that come and go between samples: v2's pod counter keeps their kills, and the node's counter those of nobody."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oomsight_agent.incidents.nodes import (
    BOOT,
    UID_A,
    UID_B,
    A,
    Agent,
    B,
    Node,
    container_id,
    kills_counted,
    owner_of,
)

from oomsight_api.incident import Attribution, Evidence


def pod_with_agent(*, follows_log: bool = True, version: int = 2) -> tuple[Node, Agent]:
    node = Node(version=version)
    node.start(A)
    agent = Agent(node, follows_log=follows_log)
    agent.observe()
    return node, agent


def test_a_kill_in_a_container_that_nobody_saw_is_told_for_its_pod() -> None:
    node, agent = pod_with_agent(follows_log=False)
    node.start(B)
    node.count(B)
    node.stop(B)
    agent.settle()
    incident = agent.only()
    assert (incident.id, incident.evidence) == (f"{BOOT}-pod-{UID_A}-1", Evidence.COUNTER)
    (victim,) = incident.victims
    assert (victim.pod_uid, victim.pod_name, victim.container_id, victim.ordinal) == (UID_A, "web-0", None, 1)
    assert agent.tracker.unattributed_oom_kills == 0


def test_the_log_names_the_container_and_the_pods_counter_adds_no_second_kill() -> None:
    node, agent = pod_with_agent()
    node.start(B)
    node.kill(B, 77)
    node.stop(B)
    agent.observe(0.1)
    agent.settle()
    assert agent.only().victims[0].container_id == B


def test_a_headerless_kill_in_a_container_that_nobody_saw_is_its_pods() -> None:
    node, agent = pod_with_agent()
    node.start(B)
    node.kill(B, 77, "worker", header=False)
    node.stop(B)
    agent.observe(0.1)
    agent.settle()
    (victim,) = agent.only().victims
    assert (victim.pod_uid, victim.container_id, victim.name) == (UID_A, None, "worker")
    assert victim.attributed_by is Attribution.COUNTER


def test_what_pods_had_counted_before_the_agent_started_is_not_news() -> None:
    node = Node()
    node.start(A)
    node.pod_kills[UID_A] = 7
    agent = Agent(node, follows_log=False)
    agent.settle()
    assert agent.told == {}


def test_on_v1_only_the_node_knows_of_a_kill_in_a_container_that_nobody_saw() -> None:
    node, agent = pod_with_agent(follows_log=False, version=1)
    node.start(B)
    node.count(B)
    node.stop(B)
    agent.settle()
    assert agent.told == {}
    assert agent.tracker.unattributed_oom_kills == 1


def test_unattributed_kills_are_told_only_after_a_moment_and_taken_back_when_found() -> None:
    node, agent = pod_with_agent()
    node.node_counts()
    agent.observe(0.1)
    assert agent.tracker.unattributed_oom_kills == 0
    agent.settle()
    assert agent.tracker.unattributed_oom_kills == 1
    node.log_kill(None, 5, "cron")
    agent.observe()
    assert agent.tracker.unattributed_oom_kills == 0


def test_a_node_that_does_not_count_says_nothing() -> None:
    node = Node()
    node.vmstat = None
    fresh = Agent(node)
    fresh.settle()
    assert fresh.tracker.unattributed_oom_kills is None


def test_a_container_that_the_sampler_finds_late_brings_no_second_kill() -> None:
    node, agent = pod_with_agent()
    late = node.start(B)
    node.kill(B, 77)
    node.stop(B)
    for _ in range(12):
        agent.observe()
    node.containers[B] = late
    agent.settle()
    assert [kill[:2] for kill in kills_counted(agent)] == [(B, 1)]


def test_a_counter_that_falls_or_is_not_told_is_no_kill() -> None:
    node, agent = pod_with_agent(follows_log=False)
    node.count(A, 2)
    agent.observe()
    assert len(agent.told) == 2
    node.containers[A].counts = False
    agent.observe()
    node.containers[A].counts = True
    agent.observe()
    node.containers[A].kills = 1
    agent.settle()
    assert len(agent.told) == 2


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("kill"), st.integers(0, 3), st.booleans()),
        st.tuples(st.just("start"), st.sampled_from((UID_A, UID_B))),
        st.tuples(st.just("stop"), st.integers(0, 3)),
        st.tuples(st.just("sample"), st.sampled_from((0.05, 0.6, 1.0))),
    ),
    min_size=8,
    max_size=50,
)


@given(_steps, st.booleans())
@settings(max_examples=300)
def test_each_pod_is_told_as_many_kills_as_happened_in_it(steps: list[tuple[object, ...]], follows_log: bool) -> None:
    node = Node()
    node.start(A, UID_A)
    node.start(B, UID_B)
    agent = Agent(node, follows_log=follows_log)
    agent.observe()
    pods = {A: UID_A, B: UID_B}
    for number, step in enumerate(steps):
        living = sorted(node.containers)
        match step:
            case ("kill", int(index), bool(logged)) if living:
                id_ = living[index % len(living)]
                node.count(id_)
                if logged:
                    node.log_kill(id_, 1000 + number)
            case ("start", str(uid)):
                id_ = f"{number:04x}" + container_id("0")[:60]
                pods[id_] = uid
                node.start(id_, uid)
            case ("stop", int(index)) if living:
                node.stop(living[index % len(living)])
            case ("sample", float(after)):
                agent.observe(after)
    agent.settle()
    counted = [pods.get(owner or "", owner) for owner, _, _ in kills_counted(agent)]
    assert {uid: counted.count(uid) for uid in node.pod_kills} == node.pod_kills
    assert all(owner_of(victim) for incident in agent.told.values() for victim in incident.victims)
    assert agent.tracker.unattributed_oom_kills == 0
