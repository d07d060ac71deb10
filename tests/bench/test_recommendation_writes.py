"""The simulation of the writes: what it counts stays within what is promised."""

from __future__ import annotations

from recommendation_writes import DAY, HOUR, Simulation, simulate

CALM = 8


async def test_calm_workloads_are_written_seldom_and_one_after_the_other() -> None:
    phases = await simulate(Simulation(CALM, seed=1), 2)
    (first, _), (rest, _), (later, most), (_, at_the_end) = phases.values()
    assert first * 4 * HOUR >= 2 * CALM, "each is made, with its status"
    assert rest < CALM / HOUR, "at most once an hour"
    assert 2 * CALM / DAY <= later < 6 * CALM / DAY, "a few times a day"
    assert most < CALM, "not all at once"
    assert at_the_end == CALM, "once more when the operator ends"


def test_a_killed_one_has_another_run() -> None:
    one = Simulation(100, 1).workloads[-1]
    assert one.kind == "loop"
    one.step(2 * HOUR)
    assert one.pod(2 * HOUR).statuses["app"].last_terminated is not None
