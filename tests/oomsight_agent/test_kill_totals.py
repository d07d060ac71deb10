"""The kill counter that an alert on "killed repeatedly" stands on."""

from __future__ import annotations

from msgspec.structs import replace

from oomsight_agent.kill_totals import KillTotals
from oomsight_agent.series import Series
from oomsight_api.report import Container, NodeReport, Pod

WEB = Series("shop", "web-0", "web")


def container(container_id: str, kills: int | None, *, pod_uid: str = "uid-1", name: str | None = "web") -> Container:
    row = Container(pod_uid=pod_uid, container_id=container_id, cgroup=f"/{container_id}", oom_kills=kills)
    return row if name is None else replace(row, namespace="shop", pod_name="web-0", container_name=name)


def sample(*containers: Container, pods: tuple[str, ...] = ("uid-1",)) -> NodeReport:
    return NodeReport(
        node="n1",
        instance="",
        cursor="",
        full=True,
        time_seconds=0,
        interval_seconds=1,
        containers=containers,
        pods=tuple(Pod(pod_uid=uid, cgroup=f"/{uid}") for uid in pods),
    )


def test_kills_add_up_over_restarts_also_while_the_container_is_down() -> None:
    totals = KillTotals()
    totals.observe(sample(container("first", 1)))
    totals.observe(sample(container("first", 2)))
    totals.observe(sample())
    assert totals.totals() == {WEB: 2}
    totals.observe(sample(container("second", 0)))
    totals.observe(sample(container("second", 1)))
    assert totals.totals() == {WEB: 3}


def test_the_series_goes_when_the_pod_goes() -> None:
    totals = KillTotals()
    totals.observe(sample(container("first", 1)))
    totals.observe(sample(pods=()))
    assert totals.totals() == {}


def test_a_pod_of_the_same_name_starts_from_zero_once_the_old_one_is_gone() -> None:
    totals = KillTotals()
    totals.observe(sample(container("old", 3)))
    totals.observe(sample(container("new", 0, pod_uid="uid-2"), pods=("uid-2",)))
    assert totals.totals() == {WEB: 0}


def test_kills_from_before_the_agent_started_count_and_unknown_counters_do_not() -> None:
    totals = KillTotals()
    totals.observe(sample(container("first", 7), container("other", None, name="sidecar")))
    assert totals.totals() == {WEB: 7}


def test_a_counter_that_cannot_be_read_for_a_while_keeps_its_value() -> None:
    totals = KillTotals()
    totals.observe(sample(container("first", 2)))
    totals.observe(sample(container("first", None)))
    assert totals.totals() == {WEB: 2}
    totals.observe(sample(container("first", 3)))
    assert totals.totals() == {WEB: 3}


def test_a_counter_that_falls_is_a_new_one() -> None:
    totals = KillTotals()
    totals.observe(sample(container("first", 2)))
    totals.observe(sample(container("first", 1)))
    assert totals.totals() == {WEB: 3}


def test_a_container_whose_name_comes_late_moves_to_its_name() -> None:
    totals = KillTotals()
    totals.observe(sample(container("first", 1, name=None)))
    assert totals.totals() == {Series(pod_uid="uid-1", container_id="first"): 1}
    totals.observe(sample(container("first", 1)))
    assert totals.totals() == {WEB: 1}


def test_an_unnamed_container_leaves_nothing_behind() -> None:
    totals = KillTotals()
    totals.observe(sample(container("first", 1, name=None)))
    totals.observe(sample())
    assert totals.totals() == {}
