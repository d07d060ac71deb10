"""Incidents are kept by id, told anew when they changed, and never beyond their bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_operator.polling import incidents as module
from oomsight_operator.polling.incidents import NodeIncidents


def oom(incident_id: str, *pods: str, at: float = 1.0, **more: Any) -> Incident:
    victims = tuple(Victim(pod_uid=pod or None, pid=number) for number, pod in enumerate(pods))
    return Incident(id=incident_id, time_seconds=at, evidence=Evidence.COUNTER, victims=victims, **more)


def ids(kept: NodeIncidents, pod: str = "u1") -> list[str]:
    return [incident.id for incident in kept.of_pod(pod)]


def test_an_incident_concerns_the_pods_of_its_victims() -> None:
    kept = NodeIncidents()
    news, pods = kept.take([oom("a", "u1", "u2"), oom("b", "u2", at=0.5), oom("c", "")])
    assert [incident.id for incident in news] == ["a", "b", "c"]
    assert pods == {"u1", "u2"}
    assert (ids(kept, "u1"), ids(kept, "u2"), ids(kept, "u3")) == (["a"], ["b", "a"], [])


def test_the_newest_telling_of_an_id_counts_and_the_same_again_is_no_news() -> None:
    kept = NodeIncidents()
    kept.take([oom("a", "u1")])
    assert kept.take([oom("a", "u1")]) == ((), set())
    clearer = oom("a", "u1", scope=OomScope.POD)
    assert kept.take([clearer]) == ((clearer,), {"u1"})
    assert kept.of_pod("u1") == (clearer,)


def test_a_victim_that_turns_out_to_be_another_pods_concerns_both() -> None:
    kept = NodeIncidents()
    kept.take([oom("a", "u1")])
    assert kept.take([oom("a", "u2")])[1] == {"u1", "u2"}
    assert (ids(kept, "u1"), ids(kept, "u2")) == ([], ["a"])


def test_a_storm_in_one_pod_leaves_the_newest_and_the_other_pods_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PER_POD", 3)
    kept = NodeIncidents()
    kept.take([oom("both", "u1", "u2", at=0.0)])
    kept.take([oom(f"s{number}", "u1", at=number + 1.0) for number in range(5)])
    assert ids(kept, "u1") == ["s2", "s3", "s4"]
    assert ids(kept, "u2") == ["both"]


def test_what_an_agent_tells_has_a_bound_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 5_000)
    kept = NodeIncidents()
    kept.take([oom(f"s{number}", f"u{number}", at=float(number), limit_cgroup="x" * 1000) for number in range(20)])
    assert len(kept) == 4
    assert [ids(kept, f"u{number}") for number in (15, 16, 19)] == [[], ["s16"], ["s19"]]


tellings = st.lists(
    st.builds(
        oom, st.sampled_from("abcdefgh"), st.sampled_from(["u1", "u2"]), st.sampled_from(["u2", "u3", ""]), at=st.floats(0, 9)
    ),
    max_size=30,
)


@given(tellings)
def test_whatever_is_told_the_bounds_hold_and_every_kept_incident_is_found_by_its_pods(told: list[Incident]) -> None:
    kept = NodeIncidents()
    before = (module.MAX_PER_POD, module.MAX_PER_NODE)
    try:
        module.MAX_PER_POD, module.MAX_PER_NODE = 3, 5
        for incident in told:
            kept.take([incident])
    finally:
        module.MAX_PER_POD, module.MAX_PER_NODE = before
    found = {incident.id for pod in ("u1", "u2", "u3") for incident in kept.of_pod(pod)}
    assert len(found) == len(kept) <= 5
    assert all(len(kept.of_pod(pod)) <= 3 for pod in ("u1", "u2", "u3"))
    newest = {incident.id: incident for incident in told}
    assert all(incident == newest[incident.id] for pod in ("u1", "u2", "u3") for incident in kept.of_pod(pod))
