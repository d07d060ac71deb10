"""What the engine keeps of workloads, and when it forgets one."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.judgement.build import GI, MI, NOW, judge, memory, pod, row, spec
from tests.oomsight_operator.judgement.recommend.scenes import DAY, HOUR, seen

from oomsight_operator.engine.learned import IDLE_SECONDS, MOST_IDLE, Learned
from oomsight_operator.judgement.model import Assessment
from oomsight_operator.judgement.recommend.state import NOTHING, propose


def assessed() -> Assessment:
    return judge(pod(spec(limit=GI)), {"app": row(uses=memory(100 * MI, GI))})[0]


def without_news(of: Assessment) -> Assessment:
    return replace(of, containers=tuple(replace(container, learned=None) for container in of.containers))


def test_a_workload_goes_on_from_what_its_pods_taught() -> None:
    store = Learned()
    store.take("web", assessed(), 0.0)

    assert store.get("web")["app"].unreclaimable is not None
    assert store.get("other") == {}


def test_a_container_that_the_policy_leaves_out_now_is_still_remembered() -> None:
    store = Learned()
    store.restore({"web": {"old": propose(NOTHING, GI, 1.0)}}, 0.0)
    store.take("web", assessed(), 1.0)
    store.take("web", without_news(assessed()), 2.0)

    assert set(store.get("web")) == {"old", "app"}


def test_a_daily_job_is_remembered_and_a_workload_that_is_gone_is_not() -> None:
    store = Learned()
    store.take("gone", assessed(), 0.0)
    for day in range(4):
        store.take("daily", assessed(), day * DAY + 1)

    assert store.get("gone") == {}
    assert store.get("daily") != {}
    assert IDLE_SECONDS > 2 * DAY


def test_of_very_many_those_that_nobody_judges_are_forgotten_sooner() -> None:
    store = Learned()
    once = assessed()
    for index in range(MOST_IDLE + 100):
        store.take(f"job-{index}", once, 0.0)
    assert len(store) == MOST_IDLE + 100, "all of them may be alive"
    store.take("web", once, HOUR + 1)

    assert len(store) == MOST_IDLE


def test_what_an_object_tells_is_added_to_what_its_pods_taught_meanwhile() -> None:
    store = Learned()
    store.take("report", assessed(), NOW)
    store.recall("report", {"app": seen(GI, 4, until=NOW - 7 * DAY), "proxy": seen(GI, 1)}, NOW)

    track = store.get("report")["app"].unreclaimable
    assert track is not None
    assert (track.peak_bytes, track.hours[-1]) == (GI, 100 * MI)
    assert "proxy" in store.get("report")

    store.recall("unknown", {"app": seen(GI, 1)}, NOW)
    assert "app" in store.get("unknown")
