"""A thousand kills within seconds: the kernel logs ten headers in five seconds, and a `Killed process` line for each."""

from __future__ import annotations

from tests.oomsight_agent.incidents.nodes import Agent, Node, container_id, kills_counted

CONTAINERS = tuple(container_id(letter) for letter in "abcdef")


def storm(node: Node, agent: Agent, *, samples: int, kills_between: int) -> int:
    """On a node so busy that two seconds pass between samples; gives the number of kills."""
    pid = 1000
    for _ in range(samples):
        for number in range(kills_between):
            pid += 1
            node.now += 0.001
            node.kill(CONTAINERS[pid % len(CONTAINERS)], pid, header=number < 10)
        agent.observe(2.0)
    agent.settle()
    return pid - 1000


def test_a_storm_of_more_kills_than_are_remembered_is_told_to_the_last() -> None:
    node = Node(version=1)
    for id_ in CONTAINERS:
        node.start(id_)
    agent = Agent(node)
    agent.observe()
    kills = storm(node, agent, samples=4, kills_between=300)
    counted = kills_counted(agent)
    assert {owner for owner, _, _ in counted} == set(CONTAINERS)
    assert len(counted) == kills
    assert agent.tracker.unattributed_oom_kills == 0


def test_lines_wait_for_their_counters_also_where_samples_are_five_seconds_apart() -> None:
    node = Node(version=1)
    for id_ in CONTAINERS:
        node.start(id_)
    agent = Agent(node)
    agent.observe()
    for pid in range(24):  # logged after the counters were read, and before the sample was told
        node.log_kill(CONTAINERS[pid % len(CONTAINERS)], 1000 + pid, header=False)
    agent.observe(5.0)
    for pid in range(24):
        node.count(CONTAINERS[pid % len(CONTAINERS)])
    for _ in range(4):
        agent.observe(5.0)
    assert len(kills_counted(agent)) == 24
    assert agent.tracker.unattributed_oom_kills == 0


def test_a_line_that_is_ahead_of_its_counter_takes_no_ordinal_from_lines_without_owner() -> None:
    node = Node(version=1)
    for id_ in CONTAINERS:
        node.start(id_)
    agent = Agent(node)
    agent.observe()
    pid = 1000
    ahead = 0
    for _ in range(4):
        node.count(CONTAINERS[0], ahead)
        for id_ in CONTAINERS[:2] * 5:
            pid += 1
            node.kill(id_, pid, header=False)
        for _ in range(4):  # logged after this sample has read the counters
            pid += 1
            node.log_kill(CONTAINERS[0], pid)
        ahead = 4
        agent.observe(1.0)
    node.count(CONTAINERS[0], ahead)
    agent.settle()
    assert len(kills_counted(agent)) == pid - 1000
    assert agent.tracker.unattributed_oom_kills == 0
