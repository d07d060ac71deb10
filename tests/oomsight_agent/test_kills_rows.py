"""Who stands in the table of kills, and under whose limit."""

from __future__ import annotations

from oomsight_agent.kills_rows import rows_of_counters, rows_of_incidents
from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_api.report import Container, NodeReport, Pod

WEB = Victim(pod_uid="u1", container_id="c1", namespace="shop", pod_name="web-0", container_name="web", pid=7, name="app")


def incident(number: int, scope: OomScope | None, *victims: Victim, **more: object) -> Incident:
    fields = {"id": f"b-{number}", "time_seconds": float(number), "evidence": Evidence.KERNEL_LOG, "scope": scope}
    return Incident(**{**fields, "victims": victims, "victim_count": len(victims), **more})  # type: ignore[arg-type]


def node(*containers: Container, pods: tuple[Pod, ...] = ()) -> NodeReport:
    return NodeReport(
        node="n", instance="", cursor="", full=True, time_seconds=1, interval_seconds=1, containers=containers, pods=pods
    )


def container(kills: int | None, container_id: str = "c1") -> Container:
    return Container(
        pod_uid="u1",
        container_id=container_id,
        cgroup="/c",
        namespace="shop",
        pod_name="web-0",
        container_name="web",
        oom_kills=kills,
    )


def test_each_victim_has_a_line_oldest_first_and_the_limit_is_named_from_its_view() -> None:
    rows = rows_of_incidents(
        [
            incident(3, OomScope.NODE, WEB),
            incident(1, OomScope.CONTAINER, WEB, limit_container_id="c1"),
            incident(2, OomScope.POD, WEB, Victim(pod_uid="u2", container_id="c2" * 32), limit_pod_uid="u1", limit_cgroup="/pod1"),
        ]
    )
    assert [(row.time_seconds, row.limit_of, row.victim_name) for row in rows] == [
        (1, "itself", "shop/web-0/web"),
        (2, "its pod", "shop/web-0/web"),
        (2, "/pod1", "u2/c2c2c2c2c2c2"),
        (3, "the node", "shop/web-0/web"),
    ]


def test_when_a_counters_kill_was_is_not_known_to_who_reads_it_once() -> None:
    (row,) = rows_of_incidents([incident(5, None, WEB, evidence=Evidence.COUNTER)])
    assert (row.time_seconds, row.evidence) == (None, "counter")


def test_a_victim_in_no_container_goes_by_its_cgroup_and_an_unknown_one_by_nothing() -> None:
    rows = rows_of_incidents([incident(1, None, Victim(cgroup="/system.slice/cron.service"), Victim(pid=9))])
    assert [(row.victim_name, row.scope, row.limit_of) for row in rows] == [
        ("/system.slice/cron.service", None, "-"),
        ("-", None, "-"),
    ]


def test_an_oom_that_killed_nobody_has_a_line_and_counts_none() -> None:
    (row,) = rows_of_incidents([incident(1, OomScope.NODE)])
    assert (row.victim, row.count) == (None, 0)


def test_victims_that_are_not_listed_share_a_line() -> None:
    rows = rows_of_incidents([incident(1, OomScope.NODE, WEB, victim_count=1000)])
    assert [row.count for row in rows] == [1, 999]


def test_what_counters_hold_beyond_the_incidents_is_told_of_containers_and_of_those_before_them_in_the_pod() -> None:
    told = [incident(1, OomScope.CONTAINER, WEB, limit_container_id="c1")]
    report = node(container(3), container(None, "c9"), pods=(Pod(pod_uid="u1", cgroup="/p", oom_kills=5),))
    rows = rows_of_counters(report, told)
    assert [(row.victim_name, row.count, row.time_seconds) for row in rows] == [
        ("shop/web-0", 2, None),
        ("shop/web-0/web", 2, None),
    ]
    assert rows_of_counters(node(container(1), pods=(Pod(pod_uid="u1", cgroup="/p", oom_kills=1),)), told) == []


def test_victims_of_a_group_that_are_not_listed_are_not_told_again_by_the_counters() -> None:
    told = [incident(1, OomScope.CONTAINER, WEB, limit_container_id="c1", victim_count=100)]
    pod = Pod(pod_uid="u1", cgroup="/p", oom_kills=101)
    assert [(row.victim_name, row.count) for row in rows_of_counters(node(container(101), pods=(pod,)), told)] == [
        ("shop/web-0/web", 1)
    ]
