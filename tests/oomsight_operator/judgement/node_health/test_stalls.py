from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_api.report import Pressure
from oomsight_operator.judgement.node_health.condition import Status
from oomsight_operator.judgement.node_health.stalls import stalls


@pytest.mark.parametrize(
    ("some", "full", "status", "reason"),
    [
        (0.0, 0.0, Status.FALSE, "NoStalls"),
        (9.9, 9.9, Status.FALSE, "NoStalls"),
        (80.0, 3.0, Status.FALSE, "SomeTasksStall"),
        (80.0, 10.0, Status.TRUE, "AllTasksStall"),
        (None, 45.5, Status.TRUE, "AllTasksStall"),
        (0.0, float("nan"), Status.UNKNOWN, "NotReported"),
        (0.0, -1.0, Status.UNKNOWN, "NotReported"),
    ],
)
def test_only_time_in_which_all_tasks_wait_is_the_nodes_trouble(
    some: float | None, full: float, status: Status, reason: str
) -> None:
    found = stalls(node(pressure=Pressure(some_avg60=some, full_avg60=full)))
    assert (found.status, found.reason) == (status, reason)


def test_the_false_alarm_says_what_it_is() -> None:
    message = stalls(node(pressure=Pressure(some_avg60=80.0, full_avg60=3.0))).message
    assert message.startswith("some 80.0 %, full 3.0 % of the last 60 s: single tasks wait for memory")


def test_what_is_not_told_is_not_filled_in() -> None:
    assert stalls(node(pressure=Pressure(full_avg60=3.0))).message == "full 3.0 % of the last 60 s"


def test_a_kernel_without_pressure_information_is_told_how_to_have_it() -> None:
    for pressure in (None, Pressure(some_avg60=1.0)):
        found = stalls(node(pressure=pressure))
        assert (found.status, "psi=1" in found.message) == (Status.UNKNOWN, True)


@pytest.mark.parametrize("hostile", [1e308, -1e308, float("nan"), float("inf")])
def test_a_share_of_time_that_cannot_be_stays_readable(hostile: float) -> None:
    assert len(stalls(node(pressure=Pressure(some_avg60=hostile, full_avg60=hostile))).message) < 300
