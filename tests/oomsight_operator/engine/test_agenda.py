from __future__ import annotations

from oomsight_operator.engine.agenda import Agenda


def test_who_is_due_comes_off_the_agenda_in_the_order_of_time() -> None:
    agenda = Agenda(1.0)
    agenda.add("late", 100.0, 20.0)
    agenda.add("soon", 100.0, 5.0)
    assert agenda.seconds_left(100.0) == 5.0
    assert agenda.take_due(104.9) == []
    assert agenda.take_due(130.0) == ["soon", "late"]
    assert agenda.take_due(200.0) == []
    assert len(agenda) == 0


def test_the_earliest_time_that_was_asked_for_counts_and_once() -> None:
    agenda = Agenda(1.0)
    for seconds in (60.0, 90.0, 10.0):
        agenda.add("pod", 0.0, seconds)
    assert agenda.take_due(10.0) == ["pod"]
    assert agenda.take_due(100.0) == []


def test_two_clocks_that_drift_apart_by_less_than_a_tick_make_no_new_entry() -> None:
    agenda = Agenda(1.0)
    for drift in range(100):
        agenda.add("pod", float(drift), 200.0 - drift - 0.0001 * drift)
    assert agenda.take_due(199.0) == []
    assert agenda.take_due(200.0) == ["pod"]


def test_a_pod_that_is_gone_is_never_due() -> None:
    agenda = Agenda(1.0)
    agenda.add("pod", 0.0, 5.0)
    agenda.forget("pod")
    agenda.forget("pod")
    assert agenda.take_due(10.0) == []


def test_an_empty_agenda_waits_for_ever() -> None:
    assert Agenda(1.0).seconds_left(0.0) == float("inf")
