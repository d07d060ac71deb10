"""A thousand kills within seconds: the kernel logs ten headers in five seconds, and a `Killed process` line for each."""

from __future__ import annotations

from tests.oomsight_agent.incidents.nodes import Agent, Node, container_id, kills_counted, seen_process

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


def test_no_process_is_guessed_as_a_victim_that_the_log_will_name_later() -> None:
    node = Node(version=1)
    node.start(CONTAINERS[0])
    node.processes = {4711: seen_process(4711, "worker", CONTAINERS[0])}
    agent = Agent(node)
    agent.observe()
    node.count(CONTAINERS[0])  # the log's line of this one was overwritten
    for _ in range(3):
        agent.observe(1.0)
    agent.observe(1.0, survivors={CONTAINERS[0]: True}, gone_pids=frozenset({4711}))
    node.kill(CONTAINERS[0], 4711, "worker")
    agent.settle()
    assert len(kills_counted(agent)) == 2
    victims = [victim for incident in agent.told.values() for victim in incident.victims]
    assert [victim.pid for victim in victims if victim.pid is not None] == [4711]


def test_lines_without_header_that_come_after_their_counters_were_told_are_no_further_kills() -> None:
    node = Node(version=1)
    for id_ in CONTAINERS[:2]:
        node.start(id_)
    agent = Agent(node)
    agent.observe()
    for id_ in CONTAINERS[:2]:
        node.count(id_, 5)
    for _ in range(3):
        agent.observe(1.0)
    assert len(kills_counted(agent)) == 10
    for pid in range(10):
        node.log_kill(CONTAINERS[pid % 2], 1000 + pid, header=False)
    agent.settle()
    assert len(kills_counted(agent)) == 10
    assert agent.tracker.unattributed_oom_kills == 0


def test_lines_that_are_ahead_of_the_counters_do_not_push_out_those_that_wait() -> None:
    node = Node(version=1)
    for id_ in CONTAINERS[:2]:
        node.start(id_)
    agent = Agent(node)
    agent.observe()
    ahead = 0
    for _ in range(4):
        for id_ in CONTAINERS[:2]:
            node.count(id_, ahead)
        for pid in range(10):
            node.kill(CONTAINERS[pid % 2], 2000 + node.seq + pid, header=False)
        for pid in range(10):  # logged after this sample has read the counters
            node.log_kill(CONTAINERS[pid % 2], 3000 + node.seq + pid, header=False)
        ahead = 5
        agent.observe(1.0)
    for id_ in CONTAINERS[:2]:
        node.count(id_, ahead)
    agent.settle()
    assert len(kills_counted(agent)) == 80


def test_lines_of_before_the_start_do_not_stand_for_kills_after_it() -> None:
    node = Node(version=1)
    for pid in range(100, 400):  # an earlier storm, whose containers are gone
        node.log_kill(None, pid, header=False)
    for id_ in CONTAINERS[:4]:
        node.start(id_)
    agent = Agent(node)
    agent.observe(0.3)
    pid = 1000
    for _ in range(20):
        for _ in range(10):
            pid += 1
            node.kill(CONTAINERS[pid % 4], pid, header=False)
        agent.observe(0.3)
    agent.settle()
    since = [kill for kill in kills_counted(agent) if kill[0] is not None]
    assert len(since) == pid - 1000
    assert len(kills_counted(agent)) == 300 + pid - 1000
    assert agent.tracker.unattributed_oom_kills == 0


def test_once_lines_of_several_containers_were_told_by_counters_no_other_line_is_anybodys() -> None:
    node = Node(version=2)
    a, b, c = CONTAINERS[:3]
    for id_ in (a, b, c):
        node.start(id_)
    agent = Agent(node)
    agent.observe()
    node.count(a)
    node.count(b)
    node.log_kill(b, 2001, header=False)
    node.log_kill(c, 3001, header=False)  # its counter is read one sample later
    for _ in range(3):
        agent.observe(1.0)
    node.log_kill(a, 1001, header=False)  # late, and not of the one container whose kill is not explained then
    node.count(c)
    agent.settle()
    assert sorted(owner or "" for owner, _, _ in kills_counted(agent)) == [a, b, c]
    told = {victim.pid: victim.container_id for incident in agent.told.values() for victim in incident.victims}
    assert told.get(1001) in (None, a)
    assert agent.tracker.unattributed_oom_kills == 0
