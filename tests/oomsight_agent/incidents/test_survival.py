"""Whether a container lived on, and who was killed where only a counter tells."""

from __future__ import annotations

from tests.oomsight_agent.incidents.nodes import A, Agent, B, Node, seen_process

from oomsight_api.incident import Attribution


def node_with_agent(*, follows_log: bool = True) -> tuple[Node, Agent]:
    node = Node()
    node.start(A)
    node.start(B)
    node.processes = {
        1: seen_process(1, "init", A, 5, init=True),
        2: seen_process(2, "small", A, 10),
        3: seen_process(3, "big", A, 900),
        4: seen_process(4, "other", B, 5000),
    }
    agent = Agent(node, follows_log=follows_log)
    agent.observe()
    return node, agent


def test_case_7_a_child_is_killed_and_its_container_lives_on() -> None:
    node, agent = node_with_agent()
    node.kill(A, 3, "big")
    (incident,) = agent.observe(0.1)
    assert incident.container_survived is None
    assert incident.victims[0].is_container_init is False
    assert agent.tracker.questions() == {A}
    due = agent.tracker.due_seconds()
    assert due is not None
    assert agent.observe(0.1, survivors={A: True}) == []  # too early: the kernel may still be taking it down
    (later,) = agent.observe(due - node.now, survivors={A: True})
    assert (later.id, later.container_survived) == (incident.id, True)
    assert agent.tracker.questions() == frozenset()


def test_the_first_process_takes_its_container_with_it() -> None:
    node, agent = node_with_agent()
    node.kill(A, 1, "init")
    (incident,) = agent.observe(0.1)
    assert (incident.victims[0].is_container_init, incident.container_survived) == (True, False)


def test_a_container_without_processes_did_not_survive() -> None:
    node, agent = node_with_agent()
    node.kill(A, 2, "small")
    agent.observe(0.1)
    (incident,) = agent.observe(0.5, survivors={A: False})
    assert incident.container_survived is False


def test_an_unanswered_question_is_given_up() -> None:
    node, agent = node_with_agent()
    node.kill(A, 2, "small")
    agent.observe(0.1)
    for _ in range(12):
        agent.observe()
    assert agent.tracker.questions() == frozenset()
    assert agent.only().container_survived is None


def test_without_the_log_the_worst_of_those_that_are_gone_is_named() -> None:
    node, agent = node_with_agent(follows_log=False)
    node.count(A)
    (incident,) = agent.observe(0.1)
    assert (incident.victims[0].name, incident.victims[0].attributed_by) == (None, Attribution.COUNTER)
    (named,) = agent.observe(0.5, survivors={A: True}, gone_pids=frozenset({2, 3, 4}))
    (victim,) = named.victims
    assert (victim.pid, victim.name, victim.attributed_by) == (3, "big", Attribution.PID_CACHE)
    assert (victim.container_id, victim.ordinal, victim.is_container_init) == (A, 1, False)


def test_without_the_log_nobody_is_named_while_it_is_not_known_who_is_gone() -> None:
    node, agent = node_with_agent(follows_log=False)
    node.count(A)
    agent.observe(0.1)
    (incident,) = agent.observe(0.5, survivors={A: True})
    assert (incident.container_survived, incident.victims[0].name) == (True, None)


def test_of_a_dead_container_all_seen_processes_are_gone() -> None:
    node, agent = node_with_agent(follows_log=False)
    node.count(A)
    agent.observe(0.1)
    (incident,) = agent.observe(0.5, survivors={A: False})
    assert (incident.victims[0].name, incident.container_survived) == ("big", False)


def test_two_kills_of_one_container_have_two_names() -> None:
    node, agent = node_with_agent(follows_log=False)
    node.count(A, 2)
    agent.observe(0.1)
    agent.observe(0.5, survivors={A: False})
    assert sorted(incident.victims[0].name or "" for incident in agent.told.values()) == ["big", "small"]
