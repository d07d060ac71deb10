"""The counters of kills by scope: never too early, never taken back."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from oomsight_agent.incident_totals import FORGET_SECONDS, SETTLE_SECONDS, IncidentTotals
from oomsight_agent.series import Series
from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_api.report import NodeReport, Pod

WEB = Series("shop", "web-0", "web")
VICTIM = Victim(pod_uid="u1", container_id="c1", namespace="shop", pod_name="web-0", container_name="web")
OOM = Incident(id="b-1", time_seconds=0, evidence=Evidence.BOTH, scope=OomScope.CONTAINER, victims=(VICTIM,), victim_count=1)


class Node:
    def __init__(self) -> None:
        self.totals = IncidentTotals()
        self.seconds = 0.0

    def tick(self, seconds: float, *incidents: Incident, pods: Sequence[str] = ("u1",)) -> None:
        self.seconds += seconds
        report = NodeReport(
            node="n",
            instance="",
            cursor="",
            full=True,
            time_seconds=self.seconds,
            interval_seconds=1,
            pods=tuple(Pod(pod_uid=uid, cgroup=f"/{uid}") for uid in pods),
            incidents=incidents,
        )
        self.totals.observe(report)

    @property
    def kills(self) -> dict[tuple[Series, str], int]:
        return dict(self.totals.totals().kills)


def test_an_incident_is_counted_under_what_became_known_of_it_within_seconds() -> None:
    node = Node()
    node.tick(0, replace(OOM, scope=None, evidence=Evidence.COUNTER))
    node.tick(1, OOM)
    assert node.kills == {}
    node.tick(SETTLE_SECONDS)
    assert node.kills == {(WEB, "container"): 1}
    assert node.totals.totals().incidents == {("container", "both"): 1}


def test_what_becomes_clear_later_takes_nothing_back_and_counts_nothing_twice() -> None:
    node = Node()
    node.tick(0, replace(OOM, scope=None, evidence=Evidence.COUNTER))
    node.tick(SETTLE_SECONDS)
    node.tick(1, OOM)
    node.tick(SETTLE_SECONDS)
    assert node.kills == {(WEB, "unknown"): 1}
    assert node.totals.totals().incidents == {("unknown", "counter"): 1}


def test_further_victims_of_a_counted_incident_are_added() -> None:
    node = Node()
    node.tick(0, OOM)
    node.tick(SETTLE_SECONDS)
    node.tick(1, replace(OOM, victims=(VICTIM, replace(VICTIM, pid=7)), victim_count=2))
    assert node.kills == {(WEB, "container"): 2}


def test_kills_add_up_over_restarts_of_the_container() -> None:
    node = Node()
    node.tick(0, OOM)
    node.tick(SETTLE_SECONDS, replace(OOM, id="b-2", victims=(replace(VICTIM, container_id="c2"),)))
    node.tick(SETTLE_SECONDS)
    assert node.kills == {(WEB, "container"): 2}


def test_victims_that_are_not_listed_are_counted_where_all_the_listed_ones_were() -> None:
    other = replace(VICTIM, container_name="sidecar", container_id="c9")
    node = Node()
    node.tick(0, replace(OOM, victim_count=900), replace(OOM, id="b-2", victims=(VICTIM, other), victim_count=10))
    node.tick(SETTLE_SECONDS)
    assert node.kills == {
        (WEB, "container"): 901,
        (Series("shop", "web-0", "sidecar"), "container"): 1,
        (Series(), "container"): 8,
    }


def test_the_last_kill_of_a_pod_is_told_for_a_while_after_it_went() -> None:
    node = Node()
    node.tick(0, OOM, replace(OOM, id="b-2", victims=(Victim(cgroup="/system.slice/cron.service"),)))
    node.tick(SETTLE_SECONDS, pods=())
    assert node.kills == {(WEB, "container"): 1, (Series(), "container"): 1}
    node.tick(FORGET_SECONDS + 1, pods=())
    assert node.kills == {(Series(), "container"): 1}


def test_a_name_that_is_learnt_after_the_kill_was_counted_makes_no_second_kill() -> None:
    node = Node()
    node.tick(0, replace(OOM, victims=(Victim(pod_uid="u1", container_id="c1"),)))
    node.tick(SETTLE_SECONDS)
    node.tick(1, OOM)
    assert node.kills == {(Series(pod_uid="u1", container_id="c1"), "container"): 1}


def test_two_incidents_that_name_the_same_kill_of_a_container_count_once() -> None:
    third = replace(VICTIM, ordinal=3)
    node = Node()
    node.tick(0, replace(OOM, id="b-c1-3", evidence=Evidence.COUNTER, victims=(third,)))
    node.tick(SETTLE_SECONDS, replace(OOM, victims=(third,)))
    node.tick(SETTLE_SECONDS)
    assert node.kills == {(WEB, "container"): 1}
    assert node.totals.totals().incidents == {("container", "counter"): 1}


def test_a_pod_that_comes_again_under_its_name_goes_on_counting_and_its_counter_never_falls() -> None:
    node = Node()
    node.tick(0, OOM)
    node.tick(SETTLE_SECONDS)
    again = replace(OOM, id="b-2", victims=(replace(VICTIM, pod_uid="u2", container_id="c2"),))
    node.tick(1, again, pods=("u2",))
    node.tick(SETTLE_SECONDS, pods=("u2",))
    node.tick(FORGET_SECONDS + 1, pods=("u2",))
    assert node.kills == {(WEB, "container"): 2}
