"""A log or a node that is out of all measure must not make the agent grow."""

from __future__ import annotations

import tracemalloc

import msgspec
from tests.oomsight_agent.incidents.nodes import A, Agent, Node, container_id, kills_counted

from oomsight_agent.incidents.cases import REMEMBERED
from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_api.report import MAX_INCIDENTS


def test_an_incident_that_is_not_remembered_any_more_is_not_told_again() -> None:
    node = Node()
    node.start(A)
    agent = Agent(node)
    agent.observe()
    for number in range(REMEMBERED + 200):
        node.kill(A, number)
        node.now += 0.001
    assert len(agent.observe(0.1)) == REMEMBERED + 200
    assert agent.observe(log=tuple(node.log[:200])) == []  # by a reader that began anew
    agent.settle()
    assert len(kills_counted(agent)) == REMEMBERED + 200
    assert agent.tracker.unattributed_oom_kills == 0


def test_a_container_that_dies_whole_again_and_again_with_thousands_of_processes_costs_only_its_latest_deaths() -> None:
    node = Node()
    node.start(A, group=True)
    agent = Agent(node)
    agent.observe()
    sizes = []
    tracemalloc.start()
    for number in range(5):
        group = [LogKill(seq, 10**9, seq, "x", anon_rss_bytes=seq * 4096) for seq in range(number * 10_000, number * 10_000 + 2000)]
        agent.observe(
            log=(LogOom(group[0].seq, 10**9, is_global=False, group_cgroup=node.containers[A].cgroup, kills=tuple(group)),)
        )
        agent.settle()
        del group
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sum(incident.victim_count for incident in agent.told.values()) == 10_000
    assert sizes[4] - sizes[2] < (sizes[1] - sizes[0]) / 2, sizes


def test_a_counter_of_millions_from_before_the_start_tells_its_latest_kills() -> None:
    node = Node()
    node.start(A)
    node.containers[A].kills = 5_000_000
    agent = Agent(node, follows_log=False)
    told = agent.observe()
    assert len(told) == MAX_INCIDENTS
    assert max(incident.victims[0].ordinal or 0 for incident in told) == 5_000_000


def test_each_incident_can_be_read_by_the_operator_whatever_the_clocks_say() -> None:
    node = Node()
    node.start(A)
    agent = Agent(node)
    ooms = [LogOom(seq, usec, None, kills=(LogKill(seq, usec, seq, "x"),)) for seq, usec in ((1, -(10**30)), (2, 10**30))]
    agent.observe(log=tuple(ooms))
    agent.settle()
    assert len(agent.told) == 2
    for incident in agent.told.values():
        assert msgspec.json.decode(msgspec.json.encode(incident), type=type(incident)) == incident


def test_containers_by_the_thousand_come_and_go() -> None:
    node = Node()
    agent = Agent(node, follows_log=False)
    agent.observe()
    for number in range(30):
        for index in range(200):
            node.start(f"{number:04x}{index:04x}" + container_id("0")[:56])
        node.count(next(iter(node.containers)))
        agent.observe()
        node.containers.clear()
    agent.settle()
    assert len(kills_counted(agent)) == 30
