"""Kills of the past: each once, by the best witness, and only where the limit that killed is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.recommend.state import OomKill
from oomsight_operator.prometheus.answer import Hourly
from oomsight_operator.prometheus.kills import Kills, KillSeries, Limits, kills_of, limits_by_place, limits_by_pod

MI = 1 << 20
H = 490_000


def series(values: dict[int, float], pod: str = "web-0", **labels: str) -> Hourly:
    return Hourly({"pod": pod, "container": "app", **labels}, {H + hour: value for hour, value in values.items()})


LIMITS = Limits((limits_by_place([series(dict.fromkeys(range(30), 256 * MI))]),))


def kill(hour: int, limit: int = 256 * MI) -> OomKill:
    return OomKill(limit, (H + hour + 0.5) * 3600)


def found(limits: Limits = LIMITS, **witnesses: tuple[Hourly, ...]) -> Kills:
    return kills_of(KillSeries(**witnesses), limits, H)


def test_a_counter_that_begins_with_the_first_kill_counts_from_it() -> None:
    told = found(by_scope=(series({5: 1, 6: 1, 7: 3, 9: 2}, scope="container"),))

    assert told.by_container == {"app": ((kill(5), kill(7), kill(7), kill(9), kill(9)),)}, "a new agent counts from the beginning"


def test_what_a_counter_stood_at_in_the_first_hour_happened_before() -> None:
    assert found(by_scope=(series({0: 7, 1: 8}, scope="container"),)).by_container == {"app": ((kill(1),),)}


def test_a_node_that_ran_out_blames_no_limit() -> None:
    assert found(by_scope=(series({5: 1}, scope="node"), series({5: 1}, scope="cgroup"))).by_container == {}


def test_a_pods_limit_is_the_containers_only_where_they_are_equal() -> None:
    killed = (series({5: 1}, scope="pod"),)
    pods = [Hourly({"pod": "web-0"}, {H + 5: float(256 * MI)})]
    larger = [Hourly({"pod": "web-0"}, {H + 5: float(512 * MI)})]

    assert found(Limits(LIMITS.containers, limits_by_pod(pods)), by_scope=killed).by_container == {"app": ((kill(5),),)}
    assert found(Limits(LIMITS.containers, limits_by_pod(larger)), by_scope=killed) == Kills({}, left_out=1)
    assert found(by_scope=killed) == Kills({}, left_out=1)


def test_one_kill_told_by_three_witnesses_is_one() -> None:
    told = found(by_scope=(series({5: 1}, scope="container"),), events=(series({5: 1.02}),), restarts=(series({6: 1.1}),))

    assert told.by_container == {"app": ((kill(5),),)}


def test_replicas_are_kept_apart_and_extrapolated_increases_are_whole_kills() -> None:
    told = found(
        Limits((limits_by_place([series({5: 64 * MI}), series({5: 64 * MI}, pod="web-1")]),)),
        events=(series({5: 0.4}), series({5: 2.3}, pod="web-1")),
    )

    assert told.by_container == {"app": ((kill(5, 64 * MI),), (kill(5, 64 * MI),) * 2)}


def test_without_a_limit_a_kill_is_left_out_and_counted() -> None:
    assert found(Limits(), events=(series({5: 2}),)) == Kills({}, left_out=2)
    changed = Limits((limits_by_place([series({1: 64 * MI, 20: 128 * MI})]),))
    assert found(changed, events=(series({10: 1}),)).left_out == 1, "which of two limits it was nobody knows"
    constant = Limits((limits_by_place([series({1: 64 * MI, 20: 64 * MI})]),))
    assert found(constant, events=(series({10: 1}),)).by_container == {"app": ((kill(10, 64 * MI),),)}
    endless = Limits((limits_by_place([series({5: float(1 << 62)})]),))
    assert found(endless, events=(series({5: 1}),)).left_out == 1, "what no machine has is no limit"


def test_the_first_source_of_limits_that_knows_is_believed() -> None:
    limits = Limits((limits_by_place([series({9: 64 * MI})]), limits_by_place([series({5: 128 * MI})])))

    assert found(limits, events=(series({5: 1}),)).by_container == {"app": ((kill(5, 64 * MI),),)}


def test_series_without_names_are_nobodys() -> None:
    assert found(events=(Hourly({"container": "app"}, {H: 1.0}), Hourly({}, {H: 1.0}))) == Kills({})
    assert KillSeries(events=(Hourly({}, {H: 1.0}),)).pods == frozenset()


HOURLY = st.builds(
    Hourly,
    st.fixed_dictionaries(
        {"pod": st.sampled_from(["a", "b", ""]), "container": st.sampled_from(["app", ""])},
        optional={"scope": st.sampled_from(["container", "pod", "node", "?"])},
    ),
    st.dictionaries(st.integers(H, H + 20), st.floats(0, 1e300), max_size=6),
)
MANY = st.lists(HOURLY, max_size=3).map(tuple)


@given(st.builds(KillSeries, MANY, MANY, MANY), MANY, MANY)
def test_whatever_is_told_kills_have_a_limit_and_are_in_order(
    told: KillSeries, limits: tuple[Hourly, ...], pods: tuple[Hourly, ...]
) -> None:
    kills = kills_of(told, Limits((limits_by_place(limits),), limits_by_pod(pods)), H)

    for replicas in kills.by_container.values():
        for one in replicas:
            assert all(each.limit_bytes > 0 for each in one)
            assert [each.time_seconds for each in one] == sorted(each.time_seconds for each in one)
            assert len(one) <= 10 * 21
