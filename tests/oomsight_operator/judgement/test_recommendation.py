"""What would have been right, and why: the chain of steps as a user reads it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW, rules

from oomsight_api.incident import OomScope
from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationSpec
from oomsight_api.quantity import parse_bytes
from oomsight_operator.judgement.model import Kill, KillSource, Recommendation
from oomsight_operator.judgement.recommendation import Evidence, recommend

DAY = 86400.0


def killed(limit: int | None = 512 * MI, at: float = NOW - 60, run: str = "a" * 64) -> Kill:
    return Kill(at, "app", run, KillSource.STATUS, limit_bytes=limit, exit_code=137)


def evidence(*kills: Kill, **more: Any) -> Evidence:
    return Evidence(
        name="app",
        limit_bytes=more.pop("limit", 512 * MI),
        request_bytes=more.pop("request", 256 * MI),
        qos_class=more.pop("qos_class", QosClass.BURSTABLE),
        kills=kills,
        recent_kill_seconds=86400,
        now_seconds=NOW,
        window_seconds=more.pop("window", 0.0),
        **{f"{name}_bytes" if name.startswith(("peak", "pod_limit")) else name: value for name, value in more.items()},
    )


def spec(**more: Any) -> RecommendationSpec:
    return rules(recommendation=more).recommendation


def limit_of(known: Evidence, **more: Any) -> int:
    found = recommend(known, spec(**more))
    assert found is not None
    assert found.limit_bytes is not None
    return found.limit_bytes


def story(found: Recommendation | None) -> list[str]:
    assert found is not None
    return [step.rule for step in found.limit_steps]


def test_the_limit_starts_from_the_one_that_killed_and_every_step_says_why() -> None:
    found = recommend(evidence(killed()), spec())

    assert found is not None
    assert (found.limit_bytes, found.current_limit_bytes) == (768 * MI, 512 * MI)
    assert [(step.rule, step.after_bytes // MI, step.why) for step in found.limit_steps] == [
        ("StartFromKillingLimit", 512, "killed at limit 512Mi: it needed more than that"),
        ("BumpAfterKill", 640, "+25 %, at least 16Mi: killed once in 24 h"),
        ("Headroom", 768, "+20 %: headroom of the policy"),
    ]


def test_low_usage_never_talks_the_limit_down_below_what_killed() -> None:
    """A sampler misses the burst that killed: peaks far below the limit prove nothing."""
    assert limit_of(evidence(killed(), peak_unreclaimable=20 * MI, peak=30 * MI)) == 768 * MI


def test_repeated_kills_raise_the_bump_and_it_is_bounded() -> None:
    limits = [
        limit_of(evidence(*(killed(at=NOW - index, run=f"{index:064x}") for index in range(count))), headroomPercent=0)
        for count in (1, 2, 3, 4, 30)
    ]

    assert limits == [640 * MI, 768 * MI, 1024 * MI, 1024 * MI, 1024 * MI]


def test_kills_outside_the_window_do_not_raise_the_bump() -> None:
    old = [killed(at=NOW - 3 * DAY, run=f"{index:064x}") for index in range(5)]

    assert limit_of(evidence(*old, killed()), headroomPercent=0) == 640 * MI


def test_a_small_limit_is_raised_by_a_useful_amount() -> None:
    assert limit_of(evidence(killed(8 * MI), limit=8 * MI, request=8 * MI), headroomPercent=0) == 24 * MI


def test_no_limit_but_a_kill_of_the_node_starts_from_the_peak_without_a_bump() -> None:
    found = recommend(evidence(killed(None), limit=None, peak_unreclaimable=400 * MI, window=2 * DAY), spec())

    assert story(found) == ["StartFromPeak", "Headroom"]
    assert found is not None
    assert found.limit_bytes == 480 * MI


def test_a_container_killed_before_any_sample_and_without_a_limit_gets_no_invented_number() -> None:
    assert recommend(evidence(killed(None), limit=None, request=None), spec()) is None


@pytest.mark.parametrize(("page_cache", "expected"), [("Exclude", 768 * MI), ("Working", 900 * MI), ("Include", 2 * GI)], ids=str)
def test_page_cache_as_the_policy_wants_it(page_cache: str, expected: int) -> None:
    known = evidence(killed(), peak_unreclaimable=100 * MI, peak_working_set=900 * MI, peak=2 * GI)

    assert expected <= limit_of(known, pageCache=page_cache) <= expected * 9 // 8


def test_min_limit_lifts_and_max_limit_caps() -> None:
    assert limit_of(evidence(killed()), minLimit="1Gi") == GI
    assert limit_of(evidence(killed()), maxLimit="600Mi") == 600 * MI


@pytest.mark.parametrize("most", ["256Mi", "512Mi"])
def test_max_limit_is_kept_even_where_it_killed_and_what_comes_of_it_is_said(most: str) -> None:
    found = recommend(evidence(killed()), spec(maxLimit=most))

    assert found is not None
    assert found.limit_bytes == parse_bytes(most)
    assert found.limit_steps[-1].why == ("not enough: it was killed at limit 512Mi and will be again, unless maxLimit is raised")


def test_max_limit_below_what_was_held_speaks_of_no_kill_that_never_was() -> None:
    found = recommend(evidence(peak_unreclaimable=300 * MI, window=2 * DAY), spec(mode="Always", maxLimit="256Mi"))

    assert found is not None
    assert found.limit_steps[-1].why == ("not enough: it held 300Mi unreclaimable and will be killed, unless maxLimit is raised")


def test_limits_of_the_policy_stand_as_they_were_written() -> None:
    assert limit_of(evidence(killed(8 * MI), limit=8 * MI), minLimit="100Mi") == 100 * MI
    assert limit_of(evidence(killed()), maxLimit="601Mi") == 601 * MI


def test_a_kill_before_the_window_is_not_called_recent() -> None:
    found = recommend(evidence(killed(at=NOW - 3 * DAY)), spec())

    assert found is not None
    assert found.limit_steps[1].why == "+25 %, at least 16Mi: killed, but not in the last 24 h"


def test_a_limit_that_was_raised_since_the_kill_is_not_talked_down() -> None:
    assert limit_of(evidence(killed(), limit=2 * GI)) == 2 * GI


@pytest.mark.parametrize("mode", ["OnOOMKill", "Off"])
def test_without_a_kill_only_mode_always_recommends(mode: str) -> None:
    assert recommend(evidence(peak_unreclaimable=300 * MI, window=9 * DAY), spec(mode=mode)) is None


def test_mode_off_recommends_nothing_even_after_a_kill() -> None:
    assert recommend(evidence(killed()), spec(mode="Off")) is None


def test_mode_always_waits_for_an_hour_of_samples() -> None:
    assert recommend(evidence(peak_unreclaimable=300 * MI, window=3599.0), spec(mode="Always")) is None
    assert recommend(evidence(peak_unreclaimable=300 * MI, window=3600.0), spec(mode="Always")) is not None


def test_little_history_widens_the_margin_and_says_so() -> None:
    known = evidence(peak_unreclaimable=1000 * MI, window=6 * 3600.0, limit=None)
    young = recommend(known, spec(mode="Always"))

    assert young is not None
    assert "+15 %: watched for 6 h only, less than a day" in [step.why for step in young.limit_steps]


def test_mode_always_lowers_only_after_a_day() -> None:
    assert limit_of(evidence(peak_unreclaimable=100 * MI, window=DAY - 1), mode="Always") == 512 * MI
    assert limit_of(evidence(peak_unreclaimable=100 * MI, window=DAY), mode="Always") == 120 * MI


def test_request_stays_equal_to_the_limit_for_a_guaranteed_pod() -> None:
    found = recommend(evidence(killed(), request=512 * MI, qos_class=QosClass.GUARANTEED), spec())

    assert found is not None
    assert found.request_bytes == found.limit_bytes


def test_becoming_guaranteed_needs_cpu_equal_too_and_says_so() -> None:
    found = recommend(evidence(killed()), spec(targetQoS="Guaranteed"))

    assert found is not None
    assert found.request_bytes == found.limit_bytes
    assert "cpu request equal" in found.request_steps[-1].why


def test_burstable_request_is_the_highest_working_set_within_the_limit() -> None:
    found = recommend(evidence(killed(), peak_working_set=400 * MI), spec())
    capped = recommend(evidence(killed(), peak_working_set=5 * GI), spec(pageCache="Exclude"))

    assert found is not None
    assert capped is not None
    assert found.request_bytes == 400 * MI
    assert capped.request_bytes == capped.limit_bytes


def test_request_is_never_lowered_on_the_word_of_a_kill() -> None:
    found = recommend(evidence(killed(), peak_working_set=10 * MI, request=256 * MI), spec())

    assert found is not None
    assert found.request_bytes == 256 * MI


def test_best_effort_pod_keeps_its_class_when_the_policy_wants_it_kept() -> None:
    known = evidence(killed(None), limit=None, request=None, qos_class=QosClass.BEST_EFFORT, peak_unreclaimable=100 * MI)

    assert recommend(known, spec()) is None
    assert recommend(known, spec(targetQoS="Burstable")) is not None


AMOUNTS = st.one_of(st.none(), st.integers(MI, 64 * GI))


@given(
    limits=st.lists(AMOUNTS, min_size=1, max_size=4),
    current=AMOUNTS,
    request=AMOUNTS,
    peaks=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS),
    options=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["OnOOMKill", "Always"]),
            "targetQoS": st.sampled_from(["Keep", "Guaranteed", "Burstable"]),
            "pageCache": st.sampled_from(["Exclude", "Working", "Include"]),
            "headroomPercent": st.integers(0, 200),
        },
        optional={"maxLimit": st.sampled_from(["64Mi", "1Gi", "100Gi"])},
    ),
    window=st.floats(0, 10 * DAY),
)
def test_never_below_what_killed_or_was_proven_and_the_steps_add_up(
    limits: list[int | None],
    current: int | None,
    request: int | None,
    peaks: tuple[int | None, int | None, int | None],
    options: dict[str, Any],
    window: float,
) -> None:
    kills = [killed(limit, at=NOW - index, run=f"{index:064x}") for index, limit in enumerate(limits)]
    unreclaimable, working_set, usage = peaks
    known = evidence(
        *kills,
        limit=current,
        request=request,
        window=window,
        peak_unreclaimable=unreclaimable,
        peak_working_set=working_set,
        peak=usage,
    )
    found = recommend(known, spec(**options))

    if found is None:
        return
    if found.limit_bytes is not None and found.limit_bytes != spec(**options).max_limit_bytes:
        assert all(found.limit_bytes > limit for limit in limits if limit is not None)
        assert found.limit_bytes >= (unreclaimable or MI)
    if found.limit_bytes is not None and found.request_bytes is not None:
        assert found.request_bytes <= found.limit_bytes
    for steps, result in ((found.limit_steps, found.limit_bytes), (found.request_steps, found.request_bytes)):
        assert (steps[-1].after_bytes if steps else None) == result
        assert all(before.after_bytes == after.before_bytes for before, after in pairwise(steps))
        assert all(step.why and step.why.isascii() and step.why.isprintable() for step in steps)


@pytest.mark.parametrize("scope", [OomScope.NODE, OomScope.CGROUP])
def test_a_kill_that_the_limit_is_not_to_blame_for_raises_no_limit(scope: OomScope) -> None:
    not_its_fault = replace(killed(), scope=scope)
    found = recommend(evidence(not_its_fault, peak_working_set=300 * MI, peak_unreclaimable=290 * MI), spec())

    assert found is not None
    assert (found.limit_bytes, found.limit_steps) == (None, ())
    assert found.request_bytes is not None
    assert found.request_bytes >= 300 * MI
    assert limit_of(evidence(not_its_fault, killed())) == limit_of(evidence(killed()))


def test_a_pod_level_limit_that_killed_raises_no_containers_limit_unless_they_are_equal() -> None:
    by_pod = replace(killed(), scope=OomScope.POD)
    found = recommend(evidence(by_pod, pod_limit=384 * MI), spec())

    assert found is None or found.limit_bytes is None
    cut = replace(by_pod, limit_bytes=499_998_720)
    assert limit_of(evidence(cut, limit=500_000_000, pod_limit=500_000_000)) > 500_000_000
    assert limit_of(evidence(by_pod, pod_limit=512 * MI)) == limit_of(evidence(by_pod)) == limit_of(evidence(killed()))
