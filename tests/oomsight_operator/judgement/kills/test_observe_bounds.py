"""How much is remembered of kills, and for how long: bounded, whatever an agent or its clock makes up, and nothing twice."""

from __future__ import annotations

from collections import Counter

from tests.oomsight_operator.judgement.build import FIRST_RUN, NOW, running
from tests.oomsight_operator.judgement.kills.watch import DAY, Watch, counted, oom, restarted, victim

from oomsight_operator.judgement.kills.observe import MAX_KILLS, MAX_WAITING
from oomsight_operator.judgement.kills.tellings import MAX_RUNS


def test_what_waits_has_a_bound_and_nothing_of_it_is_lost() -> None:
    watch = Watch()
    told = [counted(number + 1, at=NOW + number / 1000) for number in range(3 * MAX_KILLS)]
    for number in range(0, len(told), MAX_KILLS):
        watch.look(running(), *told[number : number + MAX_KILLS], at=NOW + 1 + number / 1000)
        assert len(watch.history.waiting) <= MAX_WAITING
    watch.look(running(), at=NOW + 100)

    assert sorted(kill.sequence for kill in watch.announced) == list(range(1, len(told) + 1))


def test_an_incident_tells_of_a_few_runs_of_a_container_however_many_an_agent_makes_up() -> None:
    """The run that the kubelet knows is among them where it comes first, as the kernel tells its victims."""
    watch = Watch()
    made_up = [victim(f"{number:064x}", container_name="app") for number in range(63)]
    watch.look(running(), *(oom(f"boot-{number}", victim(), *made_up, container_survived=True) for number in range(64)))
    watch.look(running(), at=NOW + 100)

    runs = Counter(kill.container_id for kill in watch.announced)
    assert runs[FIRST_RUN] == 64
    assert len(runs) == MAX_RUNS


def test_kills_from_before_the_operator_looked_are_known_and_told_when_recent() -> None:
    watch = Watch()
    old, recent = oom("boot-1", at=NOW - 2 * DAY, container_survived=True), oom("boot-2", at=NOW - 600, container_survived=True)

    told = watch.look(running(), old, recent)

    assert [kill.incident_id for kill in told] == ["boot-2"]
    assert [kill.incident_id for kill in watch.kills] == ["boot-1", "boot-2"]


def test_a_counter_from_before_the_agent_looked_is_a_past_kill_of_unknown_moment() -> None:
    watch = Watch()
    told = watch.look(running(), counted(1, container_survived=True, not_before_seconds=NOW - 2 * DAY))

    assert told == ()
    assert watch.kills[0].not_before_seconds == NOW - 2 * DAY


def test_a_nodes_clock_that_is_years_ahead_keeps_no_kill_recent_for_good() -> None:
    watch = Watch()
    ahead = oom(at=NOW + 9e9, container_survived=True)
    for seconds in (0, 100, 2 * DAY):
        watch.look(restarted(at=NOW + 9e9), ahead, at=NOW + seconds)

    assert [kill.time_seconds for kill in watch.kills] == [NOW]
    assert len(watch.announced) == 1


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_not_told_again() -> None:
    watch = Watch()
    storm = [oom(f"boot-{number}", ordinal=number + 1, at=NOW + number, container_survived=True) for number in range(3 * MAX_KILLS)]
    for number in range(0, len(storm), 10):
        watch.look(running(), *storm[max(0, number - 20) : number + 10], at=NOW + number + 10)
    for _ in range(2):
        watch.look(running(), *storm[-MAX_KILLS:], at=NOW + 500)

    assert len(watch.announced) == len(storm) == watch.memory.oom_kills
    assert len(watch.kills) == MAX_KILLS
    assert len(watch.history.counted) < 1000
    assert watch.history.oom_kills_seen is None
