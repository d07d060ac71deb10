"""Which incidents an answer holds, and how many an agent remembers."""

from __future__ import annotations

from msgspec.structs import replace

from oomsight_agent import told_incidents
from oomsight_agent.told_incidents import MAX_INCIDENT_BYTES, ToldIncidents
from oomsight_api.bounds import Text
from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_api.report import MAX_INCIDENTS


def incident(number: int, *victims: Victim) -> Incident:
    return Incident(id=f"boot-{number}", time_seconds=1000.0 + number, evidence=Evidence.COUNTER, victims=victims)


def ids(told: tuple[Incident, ...]) -> list[Text]:
    return [each.id for each in told]


def test_each_is_told_since_the_revision_that_told_it_last_and_all_of_them_oldest_first() -> None:
    told = ToldIncidents()
    assert told.record([incident(2), incident(1)], revision=5)
    assert told.record([incident(3)], revision=6)
    assert ids(told.since(-1)) == ["boot-1", "boot-2", "boot-3"]
    assert ids(told.since(5)) == ["boot-3"]
    clearer = replace(incident(1), scope=OomScope.POD)
    assert told.record([clearer], revision=7)
    assert told.since(6) == (clearer,)
    assert ids(told.since(-1)) == ["boot-1", "boot-2", "boot-3"]


def test_the_same_again_is_no_news() -> None:
    told = ToldIncidents()
    assert told.record([incident(1)], revision=1)
    assert not told.record([incident(1)], revision=2)
    assert told.since(1) == ()


def test_the_oldest_are_forgotten_first() -> None:
    told = ToldIncidents()
    told.record([incident(number) for number in range(MAX_INCIDENTS + 3, 0, -1)], revision=1)
    assert ids(told.since(-1)) == [f"boot-{number}" for number in range(4, MAX_INCIDENTS + 4)]


def test_what_comes_after_the_clock_was_set_back_is_not_taken_for_the_oldest() -> None:
    told = ToldIncidents()
    told.record([incident(10**6 + number) for number in range(MAX_INCIDENTS)], revision=1)
    told.record([incident(1)], revision=2)
    assert ids(told.since(1)) == ["boot-1"]


def test_long_names_cannot_make_an_answer_long() -> None:
    told = ToldIncidents()
    victims = tuple(Victim(name="x" * 1024, cgroup="/" + "y" * 4095, pid=pid) for pid in range(64))
    for number in range(40):
        told.record([incident(number, *victims)], revision=number)
    kept = told.since(-1)
    assert 0 < len(kept) < 40
    assert ids(kept)[-1] == "boot-39"
    size = sum(len(told._encoder.encode(each)) for each in kept)
    assert size <= MAX_INCIDENT_BYTES == told_incidents.MAX_INCIDENT_BYTES
    assert size == told._bytes
