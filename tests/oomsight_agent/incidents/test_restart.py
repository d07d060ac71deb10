"""An agent that starts again, with the ring and the counters as they are then: the same kills keep their names."""

from __future__ import annotations

from tests.oomsight_agent.incidents.nodes import BOOT, BOOT_TIME, UID_A, A, Agent, B, Node, kills_counted

from oomsight_api.incident import Evidence


def node_after_kills() -> tuple[Node, Agent]:
    """Two kills that the log told, and between them one of which its lines were lost."""
    node = Node()
    node.start(A)
    agent = Agent(node)
    agent.observe()
    node.kill(A, 1)
    agent.observe()
    node.count(A)
    agent.settle()
    node.kill(A, 3)
    agent.settle()
    return node, agent


def names(agent: Agent) -> set[tuple[str, int | None]]:
    return {(incident.id, incident.victims[0].ordinal) for incident in agent.told.values()}


def test_case_8_a_restart_tells_the_same_kills_again_and_none_twice() -> None:
    node = Node()
    node.start(A)
    agent = Agent(node)
    agent.observe()
    for pid in (1, 2, 3):
        node.kill(A, pid)
        agent.observe()
    again = Agent(node)
    again.settle()
    assert names(again) == names(agent)
    assert [again.told[id_].time_seconds for id_ in again.told] == [agent.told[id_].time_seconds for id_ in again.told]
    assert len(kills_counted(agent, again)) == 3
    assert again.tracker.unattributed_oom_kills == 0


def test_lost_lines_leave_no_kill_out_and_none_doubled_after_a_restart() -> None:
    node, agent = node_after_kills()
    assert len(kills_counted(agent)) == 3
    again = Agent(node)
    again.settle()
    assert [kill[:2] for kill in kills_counted(agent, again)] == [(A, 1), (A, 2), (A, 3)]
    assert [kill[:2] for kill in kills_counted(again)] == [(A, 1), (A, 2), (A, 3)]


def test_an_overwritten_ring_leaves_the_ordinals_which_name_the_same_kills() -> None:
    node, agent = node_after_kills()
    node.overwrite_ring()
    again = Agent(node)
    again.settle()
    assert {incident.id for incident in again.told.values()} == {f"{BOOT}-{A[:12]}-{ordinal}" for ordinal in (1, 2, 3)}
    assert [kill[:2] for kill in kills_counted(agent, again)] == [(A, 1), (A, 2), (A, 3)]


def test_kills_from_before_the_first_sample_are_said_to_be_from_any_time_since_boot() -> None:
    node = Node()
    node.start(A)
    node.count(A)
    agent = Agent(node, follows_log=False)
    (incident,) = agent.observe()
    assert (incident.evidence, incident.not_before_seconds) == (Evidence.COUNTER, BOOT_TIME)
    assert agent.tracker.questions() == frozenset()
    assert agent.tracker.unattributed_oom_kills == 0


def test_kills_while_no_agent_ran_are_caught_up() -> None:
    node, agent = node_after_kills()
    node.kill(A, 4)
    node.start(B, UID_A)
    node.kill(B, 5)
    node.stop(B)
    again = Agent(node)
    again.settle()
    counted = kills_counted(agent, again)
    assert [kill[:2] for kill in counted if kill[0] == A] == [(A, ordinal) for ordinal in (1, 2, 3, 4)]
    assert [kill[0] for kill in counted if kill[0] == B] == [B]


def test_a_storm_of_a_thousand_kills_with_few_headers_survives_restarts_in_its_middle() -> None:
    node = Node()
    node.start(A)
    agents = [Agent(node)]
    agents[0].observe()
    for number in range(1000):
        node.kill(A, 1000 + number, "w", header=number % 80 < 10)
        if number % 7 == 0:
            agents[-1].observe(0.1)
        if number % 333 == 332:
            node.ring_from = len(node.log) - 150
            agents.append(Agent(node))
            agents[-1].observe()
    agents[-1].settle()
    counted = kills_counted(*agents)
    assert len(counted) == 1000
    assert all(owner == A and ordinal is not None for owner, ordinal, _ in counted)


def test_the_ring_read_twice_by_the_same_agent_tells_nothing_new() -> None:
    node, agent = node_after_kills()
    before = dict(agent.told)
    assert agent.observe(log=tuple(node.log)) == []
    agent.settle()
    assert agent.told == before
