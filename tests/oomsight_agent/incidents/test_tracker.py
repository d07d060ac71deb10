"""What a user is told of kills, as log and counters come."""

from __future__ import annotations

import msgspec
from tests.oomsight_agent.incidents.nodes import (
    BOOT,
    BOOT_TIME,
    MIB,
    UID_A,
    UID_B,
    A,
    Agent,
    B,
    C,
    Node,
    kills_counted,
    seen_process,
)

from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_api.incident import Attribution, Evidence, Incident, OomScope


def node_with_agent(*containers: str, follows_log: bool = True, version: int = 2) -> tuple[Node, Agent]:
    node = Node(version=version)
    for id_ in containers or (A,):
        node.start(id_)
    agent = Agent(node, follows_log=follows_log)
    assert agent.observe() == []
    return node, agent


def test_a_kill_in_log_and_counter_is_one_incident_with_both_as_evidence() -> None:
    node, agent = node_with_agent()
    oom = node.kill(A, 4711, "java")
    (incident,) = agent.observe(0.05)
    assert incident.id == f"{BOOT}-{oom.seq}"
    assert incident.time_seconds == BOOT_TIME + oom.usec / 1e6
    assert incident.evidence is Evidence.BOTH
    assert incident.scope is OomScope.CONTAINER
    assert (incident.limit_pod_uid, incident.limit_container_id) == (UID_A, A)
    (victim,) = incident.victims
    assert (victim.pod_uid, victim.container_id, victim.ordinal) == (UID_A, A, 1)
    assert (victim.namespace, victim.pod_name, victim.container_name) == ("shop", "web-0", "app")
    assert (victim.pid, victim.name, victim.attributed_by) == (4711, "java", Attribution.KERNEL_LOG)
    assert incident.memory is not None
    assert (incident.memory.age_seconds, incident.memory.usage_bytes) == (None, 128 * MIB)
    agent.settle()
    assert agent.only().victim_count == 1


def test_the_log_before_the_counter_tells_at_once_and_again_with_the_ordinal() -> None:
    node, agent = node_with_agent()
    node.log_kill(A, 4711)
    (early,) = agent.observe(0.05)
    assert (early.evidence, early.victims[0].ordinal) == (Evidence.KERNEL_LOG, None)
    node.count(A)
    (late,) = agent.observe(0.05)
    assert (late.id, late.evidence, late.victims[0].ordinal) == (early.id, Evidence.BOTH, 1)
    agent.settle()
    assert len(agent.told) == 1


def test_the_counter_before_the_log_waits_a_moment_for_its_lines() -> None:
    node, agent = node_with_agent()
    node.count(A)
    assert agent.observe(0.05) == []
    due = agent.tracker.due_seconds()
    assert due is not None
    assert node.now < due <= node.now + 1
    node.log_kill(A, 4711)
    agent.observe(0.5)
    agent.settle()
    assert (agent.only().evidence, agent.only().victims[0].pid) == (Evidence.BOTH, 4711)


def test_a_line_that_comes_later_than_the_grace_is_the_kill_that_the_counter_told() -> None:
    node, agent = node_with_agent()
    node.count(A)
    for _ in range(3):
        agent.observe()
    assert agent.only().id == f"{BOOT}-{A[:12]}-1"
    node.log_kill(A, 4711)
    agent.settle()
    assert len(agent.told) == 2
    assert [kill[:2] for kill in kills_counted(agent)] == [(A, 1)]
    assert agent.tracker.unattributed_oom_kills == 0


def test_without_the_log_a_rise_is_told_at_once_with_what_the_last_sample_showed() -> None:
    node, agent = node_with_agent(follows_log=False)
    node.containers[A].usage_bytes = 120 * MIB
    agent.observe(1.0)
    node.count(A, limit="container")
    node.containers[A].usage_bytes = 5 * MIB
    (incident,) = agent.observe(0.4)
    assert (incident.id, incident.evidence, incident.scope) == (f"{BOOT}-{A[:12]}-1", Evidence.COUNTER, OomScope.CONTAINER)
    assert incident.limit_container_id == A
    assert incident.not_before_seconds == incident.time_seconds - 0.4
    assert incident.memory is not None
    assert incident.before is not None
    assert (incident.memory.usage_bytes, incident.before.usage_bytes) == (120 * MIB, 120 * MIB)
    assert round(incident.before.age_seconds, 3) == 0.4
    assert incident.victims[0].attributed_by is Attribution.COUNTER


def test_without_the_log_the_pods_limit_is_told_by_its_own_counter_and_an_ancestors_is_unknown() -> None:
    node, agent = node_with_agent(follows_log=False)
    node.count(A, limit="pod")
    (of_pod,) = agent.observe()
    assert (of_pod.scope, of_pod.limit_pod_uid, of_pod.limit_container_id) == (OomScope.POD, UID_A, None)
    node.count(A)
    (of_node,) = agent.observe()
    assert (of_node.scope, of_node.limit_cgroup) == (None, None)


def test_on_v1_a_counter_does_not_tell_whose_limit_it_was() -> None:
    node, agent = node_with_agent(follows_log=False, version=1)
    node.count(A, limit="container")
    (incident,) = agent.observe()
    assert incident.scope is None


def test_case_1_fourteen_kills_in_a_moment_with_ten_headers_are_fourteen_kills() -> None:
    node, agent = node_with_agent(A, B)
    node.processes = {111: seen_process(111, "worker", A)}
    for index in range(14):
        node.kill(A, 100 + index, "worker", header=index < 10)
    agent.observe(0.2)
    agent.settle()
    victims = [victim for incident in agent.told.values() for victim in incident.victims]
    assert len(victims) == 14
    assert {victim.container_id for victim in victims} == {A}
    assert sorted(victim.ordinal or 0 for victim in victims) == list(range(1, 15))
    by = {victim.pid: victim.attributed_by for victim in victims}
    assert (by[111], by[112]) == (Attribution.PID_CACHE, Attribution.COUNTER)
    assert agent.tracker.unattributed_oom_kills == 0


def test_without_header_the_counters_tell_whose_limit_it_was() -> None:
    node, agent = node_with_agent()
    node.kill(A, 1, header=False)
    agent.observe(0.1)
    agent.settle()
    incident = agent.only()
    assert (incident.scope, incident.limit_container_id) == (OomScope.CONTAINER, A)
    assert incident.memory is not None
    assert incident.memory.age_seconds is not None


def test_without_header_a_containers_memory_is_not_told_as_that_of_the_pod_whose_limit_it_was() -> None:
    node, agent = node_with_agent()
    node.processes = {1: seen_process(1, "app", A)}
    node.log_kill(A, 1, "app", header=False)
    (at_once,) = agent.observe(0.1)
    assert at_once.memory is not None
    assert at_once.memory.usage_bytes == node.containers[A].usage_bytes
    node.count(A, limit="pod")
    (incident,) = agent.observe(0.1)
    assert incident.scope is OomScope.POD
    assert incident.memory is None or incident.memory.usage_bytes is None
    assert incident.before == at_once.before


def test_headerless_kills_of_two_containers_are_told_by_each_counter_and_not_twice() -> None:
    node, agent = node_with_agent(A, B)
    node.kill(A, 1, header=False)
    node.kill(B, 2, header=False)
    agent.observe(0.1)
    agent.settle()
    assert [kill[:2] for kill in kills_counted(agent)] == [(A, 1), (B, 1)]


def test_a_headerless_kill_that_no_counter_shows_is_told_as_nobodys() -> None:
    node, agent = node_with_agent()
    node.node_counts()
    node.log_kill(None, 77, "mystery", header=False)
    agent.observe(0.1)
    agent.settle()
    (victim,) = agent.only().victims
    assert (victim.name, victim.container_id, victim.attributed_by) == ("mystery", None, None)
    assert agent.tracker.unattributed_oom_kills == 0


def test_a_pid_that_was_given_out_again_is_not_taken_for_the_process_seen_before() -> None:
    node, agent = node_with_agent(A, B)
    node.processes = {500: seen_process(500, "nginx", B)}
    node.kill(A, 500, "java", header=False)
    agent.observe(0.1)
    agent.settle()
    (victim,) = agent.only().victims
    assert (victim.container_id, victim.attributed_by) == (A, Attribution.COUNTER)


def test_case_2_a_node_wide_kill_names_node_as_scope_and_the_pod_of_its_victim() -> None:
    node, agent = node_with_agent()
    node.count(A)
    kill = LogKill(900, node.usec, 31, "python")
    oom = LogOom(900, node.usec, is_global=True, task_cgroup=node.containers[A].cgroup, kills=(kill,), trigger_cpuset="/")
    (incident,) = agent.observe(0.1, log=(oom,))
    assert (incident.scope, incident.limit_cgroup, incident.limit_pod_uid) == (OomScope.NODE, None, None)
    assert (incident.victims[0].container_id, incident.victims[0].container_name) == (A, "app")


def test_case_3_a_group_is_one_incident_whose_victims_come_one_by_one() -> None:
    node, agent = node_with_agent()
    path = node.containers[A].cgroup
    kills = tuple(LogKill(900 + index, node.usec, 31 + index, f"p{index}") for index in range(3))

    def oom(count: int) -> LogOom:
        return LogOom(900, node.usec, False, path, path, group_cgroup=path if count > 1 else None, kills=kills[:count])

    agent.observe(0.01, log=(oom(1),))
    node.count(A, 3)
    node.node_counts()  # the kernel counts a group's first victim twice
    agent.observe(0.01, log=(oom(2), oom(3)))
    agent.settle()
    incident = agent.only()
    assert (incident.oom_group, incident.victim_count) == (True, 3)
    assert [(victim.container_id, victim.ordinal) for victim in incident.victims] == [(A, 1), (A, 2), (A, 3)]
    assert agent.tracker.unattributed_oom_kills == 0


def test_a_group_without_the_log_is_one_incident_with_as_many_victims_as_were_counted() -> None:
    node = Node()
    node.start(A, group=True)
    agent = Agent(node, follows_log=False)
    agent.observe()
    node.count(A, 3)
    (incident,) = agent.observe()
    assert (incident.id, incident.oom_group, incident.victim_count) == (f"{BOOT}-{A[:12]}-1", True, 3)


def test_case_6_limit_of_the_pod_victim_b_trigger_a() -> None:
    node, agent = node_with_agent(A, B)
    node.containers[B].name = "sidecar"
    node.count(B, limit="pod")
    kill = LogKill(900, node.usec, 31, "dd")
    pod = f"/kubepods/burstable/pod{UID_A}"
    oom = LogOom(900, node.usec, False, pod, node.containers[B].cgroup, None, 8, "tar", f"cri-containerd-{A}.scope", (kill,))
    (incident,) = agent.observe(0.1, log=(oom,))
    assert (incident.scope, incident.limit_cgroup) == (OomScope.POD, pod)
    assert (incident.limit_pod_uid, incident.limit_container_id) == (UID_A, None)
    assert incident.victims[0].container_id == B
    assert incident.trigger is not None
    assert (incident.trigger.container_id, incident.trigger.container_name, incident.trigger.name) == (A, "app", "tar")


def test_a_limit_nested_inside_a_container_or_outside_pods_is_some_cgroups() -> None:
    node, agent = node_with_agent()
    nested = f"{node.containers[A].cgroup}/worker"
    node.count(A)
    first = LogOom(900, node.usec, False, nested, nested, kills=(LogKill(900, node.usec, 31, "dd"),))
    second = LogOom(950, node.usec, False, "/system.slice", "/system.slice/x", kills=(LogKill(950, node.usec, 32, "x"),))
    inside, outside = agent.observe(0.1, log=(first, second))
    assert (inside.scope, inside.limit_container_id, inside.victims[0].container_id) == (OomScope.CGROUP, A, A)
    assert (outside.scope, outside.limit_pod_uid) == (OomScope.CGROUP, None)
    assert (outside.victims[0].cgroup, outside.victims[0].pod_uid) == ("/system.slice/x", None)


def test_an_oom_that_found_nobody_to_kill_is_told_without_victims() -> None:
    _, agent = node_with_agent()
    (incident,) = agent.observe(log=(LogOom(900, 1_000_000, True),))
    assert (incident.scope, incident.victims, incident.victim_count) == (OomScope.NODE, (), 0)


def test_a_victim_of_a_container_that_is_gone_keeps_its_name() -> None:
    node, agent = node_with_agent()
    node.kill(A, 4711)
    node.stop(A)
    (incident,) = agent.observe(0.1)
    assert (incident.victims[0].container_name, incident.container_survived) == ("app", False)
    assert incident.before is not None


def test_what_a_hostile_log_says_stays_within_the_contract() -> None:
    _, agent = node_with_agent()
    kills = tuple(LogKill(900 + index, -5, index, "x" * 5000, oom_score_adj=5000, total_vm_bytes=1 << 80) for index in range(200))
    oom = LogOom(900, -5, False, "/" + "y" * 9000, "/" + "z" * 9000, "/g", 1, "t" * 5000, "q" * 5000, kills)
    agent.observe(log=(oom,))
    agent.settle()
    incident = agent.only()
    assert msgspec.json.decode(msgspec.json.encode(incident), type=Incident) == incident
    assert (len(incident.victims), incident.victim_count) == (64, 200)


def test_kills_of_two_pods_with_a_shared_storm_stay_apart() -> None:
    node, agent = node_with_agent(A)
    node.start(C, UID_B, "db")
    agent.observe()
    for index in range(40):
        node.kill(A if index % 3 else C, 1000 + index, "w")
        if index % 5 == 0:
            agent.observe(0.05)
    agent.settle()
    counted = kills_counted(agent)
    assert len(counted) == 40
    assert all(ordinal is not None for _, ordinal, _ in counted)
