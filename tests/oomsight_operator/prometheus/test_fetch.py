"""From what a Prometheus has to the history of a workload's containers."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.prometheus.records import MI, Record, Records

from oomsight_api.policy import PageCache
from oomsight_operator.judgement.recommend.state import OomKill
from oomsight_operator.prometheus import fetch as module
from oomsight_operator.prometheus.client import QuestionError, TooSlowError
from oomsight_operator.prometheus.fetch import Found, Wanted, fetch
from oomsight_operator.prometheus.names import Living, Workload

NOW = 490_000 * 3600.0 + 1234
H = 490_000
WEB = Workload("Deployment", "web")
OLD, NEW = "web-6d5f8c9b7d-x2z4b", "web-7f9c6b5d48-q8w7r"
ALIVE = Living({NEW: WEB})
WORKING_SET = "container_memory_working_set_bytes"


async def found(
    records: Records, workload: Workload = WEB, living: Living = ALIVE, page_cache: PageCache = PageCache.WORKING
) -> Found:
    return await fetch(records, Wanted("u1", "shop", workload, page_cache), living, {"cluster": "prod-1"}, NOW)


def held(mib: int, pod: str = NEW, metric: str = WORKING_SET, hours: range = range(-336, 0), **more: str) -> Record:
    return Record(metric, pod, {H + hour: float(mib * MI) for hour in hours}, **more)  # type: ignore[arg-type]


async def test_of_all_pods_of_two_weeks_the_worst_replica_counts_in_each_hour() -> None:
    records = Records([held(100), held(700, OLD, hours=range(-300, -200)), held(9000, "web-api-6d5f8c9b7d-x2z4b")])

    history = (await found(records)).containers["app"]
    assert history.hours == 336
    assert set(history.working_set.values()) == {100 * MI, 700 * MI}
    assert history.working_set[H - 250] == 700 * MI
    assert (history.unreclaimable, history.usage) == ({}, {})
    assert records.asked("web-api-6d5f8c9b7d") == 0, "of a stranger nothing is asked"
    assert records.asked('cluster=\\"prod-1\\"') == len(records.questions), "of another cluster nothing is asked, either"


async def test_each_kind_of_memory_comes_from_whom_it_is_known_best() -> None:
    records = Records(
        [
            held(300),
            held(290, metric="oomsight_container_memory_working_set_bytes", hours=range(-24, 0)),
            held(200, metric="oomsight_container_memory_unreclaimable_bytes", hours=range(-24, 0)),
            held(500, metric="container_memory_usage_bytes"),
            held(150, metric="container_memory_rss"),
        ]
    )

    history = (await found(records)).containers["app"]
    assert (len(history.unreclaimable), len(history.working_set), history.usage) == (24, 336, {})
    assert records.asked("container_memory_rss") == 0, "it is neither of the kinds"
    included = (await found(records, page_cache=PageCache.INCLUDE)).containers["app"]
    assert set(included.usage.values()) == {500 * MI}


async def test_where_only_usage_is_known_usage_is_taken() -> None:
    history = (await found(Records([held(500, metric="container_memory_usage_bytes")]))).containers["app"]

    assert (history.working_set, set(history.usage.values())) == ({}, {500 * MI})


async def test_a_workload_that_is_new_costs_two_questions_and_an_empty_namespace_one() -> None:
    strangers = Records([held(100, "db-0")])
    assert (await found(strangers)) == Found()
    assert len(strangers.questions) == 2
    empty = Records()
    assert (await found(empty)) == Found()
    assert len(empty.questions) == 1


async def test_owners_of_kube_state_metrics_are_asked_for_where_they_are_known() -> None:
    owner = {"owner_kind": "ReplicaSet", "owner_name": "other-1"}
    records = Records([held(100), held(900, OLD), Record("kube_pod_owner", OLD, {}, container="", more=owner)])

    assert set((await found(records)).containers["app"].working_set.values()) == {100 * MI}


async def test_a_kill_comes_with_the_limit_that_was_in_force() -> None:
    records = Records(
        [
            held(100),
            Record("container_oom_events_total", OLD, {H - 50: 1.0}),
            Record("container_spec_memory_limit_bytes", OLD, {H - 50: 256.0 * MI}),
            Record("container_oom_events_total", NEW, {H - 20: 2.0}),
            held(90, OLD, hours=range(-60, -50)),
        ]
    )

    whole = await found(records)
    assert whole.containers["app"].kills == ((OomKill(256 * MI, (H - 49.5) * 3600),),)
    assert whole.left_out == ("2 OOM kills whose limit is not known, or was not the container's",)


async def test_a_pods_kill_is_compared_with_its_containers_limit() -> None:
    by_scope = "oomsight_container_oom_kills_by_scope_total"
    records = Records(
        [
            held(100),
            Record(by_scope, NEW, {H - 9: 1.0}, more={"scope": "pod"}),
            Record("oomsight_container_memory_limit_bytes", NEW, {H - 9: 256.0 * MI}),
            Record("oomsight_pod_memory_limit_bytes", NEW, {H - 9: 256.0 * MI}, container=""),
        ]
    )

    assert [kill.limit_bytes for kills in (await found(records)).containers["app"].kills for kill in kills] == [256 * MI]


@pytest.mark.parametrize("refusal", [QuestionError("422 execution: too many samples"), TooSlowError("answered 504")])
async def test_too_much_at_once_is_asked_for_in_halves(refusal: Exception) -> None:
    records = Records([held(100)], refuse_spans_above_hours=40, refusal=refusal)
    assert (await found(records)).containers["app"].hours == 336
    hopeless = Records([held(100)], refuse_spans_above_hours=1, refusal=refusal)
    with pytest.raises(type(refusal)):
        await found(hopeless)
    assert len(hopeless.questions) < 20


async def test_refused_kills_cost_the_kills_alone() -> None:
    class NoKills(Records):
        async def get(self, path: str, parameters: dict[str, str]) -> bytes:  # type: ignore[override]
            if "increase(" in parameters.get("query", ""):
                raise QuestionError("422 execution: unknown function")
            return await super().get(path, parameters)

    whole = await found(NoKills([held(100), Record("container_oom_events_total", NEW, {H - 5: 1.0})]))
    assert whole.containers["app"].hours == 336
    assert whole.left_out == ("OOM kills (422 execution: unknown function)",)


async def test_names_are_asked_for_in_portions_that_fit_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    pods = [f"db-{number}" for number in range(100)]
    monkeypatch.setattr(module, "MAX_PATTERN_LENGTH", 100)
    records = Records([held(number + 1, pod, hours=range(-3, 0)) for number, pod in enumerate(pods)])

    history = (await found(records, Workload("StatefulSet", "db"), Living())).containers["app"]
    assert set(history.working_set.values()) == {100 * MI}
    queries = [parameters["query"] for path, parameters in records.questions if path.endswith("query_range")]
    assert all(len(query) < 260 for query in queries)


async def test_very_many_pods_are_one_pattern_or_are_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PODS", 2)
    three = [held(100 * (number + 1), f"db-{number}", hours=range(-3, 0)) for number in range(3)]
    db = Workload("StatefulSet", "db")

    one_pattern = Records(list(three))
    whole = await found(one_pattern, db, Living())
    assert (set(whole.containers["app"].working_set.values()), whole.left_out) == ({300 * MI}, ())
    assert one_pattern.asked("db-0|db-1") == 0
    with_stranger = await found(Records(list(three)), db, Living({"db-2": Workload("Pod", "db-2"), "db-x": db}))
    assert set(with_stranger.containers["app"].working_set.values()) == {200 * MI}
    unnamed = Living({f"odd-{number}": Workload("Thing", "odd") for number in range(3)})
    odd = Records([held(100, f"odd-{number}", hours=range(-3, 0)) for number in range(3)])
    assert (await found(odd, Workload("Thing", "odd"), unnamed)).left_out == ("1 of 3 pods",)


async def test_nonsense_is_left_out_and_said() -> None:
    records = Records([Record(WORKING_SET, NEW, {H - 3: float("nan"), H - 2: -1.0, H - 1: 5.0 * MI})])

    whole = await found(records)
    assert whole.containers["app"].working_set == {H - 1: 5 * MI}
    assert whole.left_out == ("2 samples that are no amounts of memory, or of no hour asked for",)


async def test_a_warning_is_passed_on_once() -> None:
    whole = await found(Records([held(100)], warning="store 10.0.0.7 did not answer"))

    assert whole.left_out == ("perhaps more, as Prometheus warned: store 10.0.0.7 did not answer",)
