"""What would have been right, and why: limits as a user reads them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import DAY, asked, context, killed, limit_of, seen, spec, story, why

from oomsight_api.incident import OomScope
from oomsight_api.names import Cause
from oomsight_api.quantity import parse_bytes
from oomsight_operator.judgement.kills.model import KillCause
from oomsight_operator.judgement.recommend.context import blamed
from oomsight_operator.judgement.recommend.neighbours import Neighbour, Neighbourhood, leaps_of
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, observe, on_oom
from oomsight_operator.judgement.recommend.surroundings import Surroundings


def test_the_limit_starts_from_the_one_that_killed_and_every_step_says_why() -> None:
    found = asked(NOTHING, context(killed()))

    assert found is not None
    assert (found.limit_bytes, found.current_limit_bytes) == (640 * MI, 512 * MI)
    assert [(step.rule, step.after_bytes // MI, step.why) for step in found.limit_steps] == [
        ("StartFromKillingLimit", 512, "killed at limit 512Mi: it needed more than that"),
        ("BumpAfterKill", 640, "+25 %, at least 16Mi: killed once"),
    ]


def test_low_usage_never_talks_the_limit_down_below_what_killed() -> None:
    """A sampler misses the burst that killed: peaks far below the limit prove nothing."""
    assert limit_of(seen(20 * MI, 100), context(killed()), mode="Always") == 640 * MI


def test_request_256_and_limit_1_gib_with_a_spike_that_no_sample_saw() -> None:
    """VPA would start from the request, and recommend 356Mi."""
    found = asked(seen(200 * MI, 48), context(killed(GI), limit=GI, request=256 * MI))

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (1280 * MI, 256 * MI)


def test_a_steady_container_is_recommended_its_level_and_a_little() -> None:
    found = asked(seen(2 * GI, 24 * 9), context(limit=8 * GI, request=GI), mode="Always")

    assert story(found) == ["StartFromLevel", "JumpRoom", "Round"]
    assert why(found).startswith(
        "highest unreclaimable memory in the latest hour seen: 2Gi; +8.5 %: 5 % is always left; 3.5 %, a ramp"
    )
    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (2208 * MI, 2 * GI)


def test_a_weekly_fourfold_peak_is_never_forgotten() -> None:
    """VPA has forgotten it on the third day."""
    weekly = seen(lambda hour: 4 * GI if hour % 168 < 3 else GI, 24 * 20)

    assert limit_of(weekly, context(limit=8 * GI), mode="Always") > 4 * GI * 107 // 100


def test_a_jump_asks_for_room_for_the_next_one_and_says_which() -> None:
    jumped = seen(1200 * MI, 3, state=seen(GI, 100, until=NOW - 4 * 3600))
    found = asked(jumped, context(limit=GI), mode="Always")

    assert story(found)[:2] == ["StartFromLevel", "JumpRoom"]
    assert "+18.8 %: 15.3 % for a jump, as it rose by 17.2 % within an hour, 3 h ago" in why(found)


def test_a_small_container_gets_room_for_a_process_beside_it_while_little_was_seen() -> None:
    found = asked(seen(40 * MI, 3), context(limit=None), mode="Always")

    assert "+21 %: 17.5 % for a process started beside it (a probe, an exec) as long as little was seen of it (4 hours)" in why(
        found
    )


def test_a_container_that_nobody_watched_for_days_gets_more_room_until_it_is_watched_again() -> None:
    steady = seen(40 * MI, 200, until=NOW - 2 * DAY)
    blind = asked(steady, context(limit=44 * MI), mode="Always")
    again = asked(seen(40 * MI, 0, state=steady), context(limit=44 * MI), mode="Always")

    assert "for a process started beside it (a probe, an exec) as nothing was seen of it for 48 hours" in why(blind)
    assert (blind.limit_bytes if blind is not None else None) == 48 * MI
    assert (again.limit_bytes if again is not None else None) == 44 * MI


def test_two_neighbours_that_jumped_warn_the_others_and_the_sentence_says_how_far() -> None:
    jumped = seen(36 * MI, 0, state=seen(30 * MI, 100, until=NOW - 7200), until=NOW - 3600).unreclaimable
    around = Neighbourhood(tuple(Neighbour(name, "app", leaps_of(jumped)) for name in ("uid-1", "uid-2")), 8)
    warned = asked(seen(40 * MI, 200), context(limit=44 * MI, around=Surroundings(neighbours=around)), mode="Always")

    assert warned is not None
    assert warned.limit_bytes == 47 * MI
    assert (
        "+18.5 %: 15 %, as 2 containers of about its size in the namespace rose by 6Mi within an hour, 1 h ago; 3.5 %, a ramp must"
        " not change it every hour"
    ) in why(warned)


def test_two_samples_are_not_enough_in_mode_always_but_a_kill_is_answered() -> None:
    two = observe(observe(NOTHING, Sample(NOW - 1, unreclaimable_bytes=300 * MI)), Sample(NOW, unreclaimable_bytes=310 * MI))

    assert asked(two, context(), mode="Always") is None
    assert limit_of(two, context(killed()), mode="Always") == 640 * MI


def test_little_history_widens_the_margin_and_says_so() -> None:
    found = asked(seen(1000 * MI, 5), context(limit=None), mode="Always")

    assert "+12.8 %: 9.3 % as long as little was seen of it (6 hours)" in why(found)


def test_a_recommendation_stays_while_it_is_enough() -> None:
    """Nobody follows a number that moves with every hour."""
    first = seen(2000 * MI, 48, until=NOW - DAY)
    state, before = recommend(first, context(limit=8 * GI, now=NOW - DAY), spec(mode="Always"))
    state, after = recommend(seen(2050 * MI, 20, state=state), context(limit=8 * GI), spec(mode="Always"))

    assert before is not None
    assert after is not None
    assert after.limit_bytes == before.limit_bytes == 2176 * MI
    state, raised = recommend(seen(2200 * MI, 0, state=state), context(limit=8 * GI), spec(mode="Always"))
    assert raised is not None
    assert raised.limit_bytes is not None
    assert raised.limit_bytes > 2400 * MI


def test_todays_limit_stays_where_another_one_is_not_worth_a_rollout() -> None:
    kept = asked(seen(960 * MI, 200), context(limit=GI), mode="Always")
    lower = asked(seen(500 * MI, 200), context(limit=GI), mode="Always")

    assert "today's limit 1Gi is enough" in why(kept)
    assert kept is not None
    assert kept.limit_bytes == GI
    assert lower is not None
    assert lower.limit_bytes == 544 * MI


def test_mode_always_lowers_only_after_a_day() -> None:
    assert limit_of(seen(100 * MI, 22), context(), mode="Always") == 512 * MI
    assert limit_of(seen(100 * MI, 26), context(), mode="Always") == 109 * MI


def test_an_init_container_is_raised_as_others_are_and_never_lowered() -> None:
    """It may be over before the next sample: that so little was seen does not prove that it needs so little."""
    seen_little = asked(seen(50 * MI, 24 * 9), context(brief=True), mode="Always")
    killed_once = context(killed(), brief=True)

    assert seen_little is not None
    assert (seen_little.limit_bytes, seen_little.request_bytes) == (512 * MI, 256 * MI)
    assert "not below today's limit 512Mi: an init container may need more between two samples" in why(seen_little)
    assert limit_of(seen(50 * MI, 24 * 9), killed_once, mode="Always") == 640 * MI


def test_why_no_less_is_recommended_than_there_is() -> None:
    limit, request = "not below today's limit 512Mi: ", "not below today's request 256Mi: "
    only_always = "less is recommended only with recommendation.mode Always"
    too_short = "nothing proves yet that less is enough (11 of 26 hours seen)"
    after_kills = why(asked(seen(100 * MI, 24 * 9), context(killed(256 * MI))))
    for_long, after_hours = (why(asked(seen(100 * MI, hours), context(), mode="Always")) for hours in (24 * 9, 10))

    assert (limit + only_always in after_kills, request + only_always in after_kills) == (True, True)
    assert (limit + too_short in after_hours, request + too_short in after_hours) == (True, True)
    assert "not below" not in for_long


@pytest.mark.parametrize("mode", ["OnOOMKill", "Off"])
def test_without_a_kill_only_mode_always_recommends(mode: str) -> None:
    assert asked(seen(300 * MI, 200), context(), mode=mode) is None


def test_mode_off_recommends_nothing_even_after_a_kill() -> None:
    assert asked(NOTHING, context(killed()), mode="Off") is None


def test_repeated_kills_raise_the_bump_and_it_is_bounded() -> None:
    limits = [
        limit_of(NOTHING, context(*(killed(at=NOW - count + index, run=f"{index:064x}") for index in range(count))))
        for count in (1, 2, 3, 4, 30)
    ]

    assert limits == [640 * MI, 768 * MI, 1024 * MI, 1024 * MI, 1024 * MI]


def test_a_loop_that_max_limit_caps_says_that_it_will_be_killed_again() -> None:
    loop = [killed(at=NOW - 300 + index, run=f"{index:064x}") for index in range(9)]
    found = asked(NOTHING, context(*loop), maxLimit="512Mi")

    assert found is not None
    assert found.limit_bytes == 512 * MI
    assert found.limit_steps[-1].why == "not enough: it was killed at limit 512Mi and will be again, unless maxLimit is raised"


def test_max_limit_below_what_was_held_speaks_of_no_kill_that_never_was() -> None:
    found = asked(seen(300 * MI, 48), context(), mode="Always", maxLimit="256Mi")

    assert found is not None
    assert (
        found.limit_steps[-1].why == "not enough: it held 300Mi unreclaimable memory and will be killed, unless maxLimit is raised"
    )


def test_where_page_cache_may_be_in_what_was_held_a_kill_is_no_certainty() -> None:
    state = NOTHING
    for ago in range(48, -1, -1):
        state = observe(state, Sample(NOW - ago * 3600, working_set_bytes=300 * MI))
    found = asked(state, context(), mode="Always", maxLimit="256Mi")

    assert found is not None
    assert found.limit_steps[-1].why == "not enough: it held 300Mi working set and may be killed, unless maxLimit is raised"


def test_no_more_is_recommended_than_the_largest_node_has_and_what_comes_of_it_is_said() -> None:
    found = asked(NOTHING, context(killed(8 * GI), limit=8 * GI, around=Surroundings(largest_node_bytes=7 * GI)))

    assert found is not None
    assert found.limit_bytes == 7 * GI
    assert [step.rule for step in found.limit_steps[-2:]] == ["LargestNode", "NotEnough"]
    assert "no node can allocate more than 7Gi: use a larger node" in why(found)
    assert "it was killed at limit 8Gi and will be again, unless it gets a larger node" in why(found)
    assert limit_of(NOTHING, context(killed(), around=Surroundings(largest_node_bytes=None))) == 640 * MI


def test_a_leak_is_said_and_gets_no_growing_limits() -> None:
    leak = KillCause(Cause.LEAK, "it leaks")
    loop = [killed(at=NOW - 300 + index, run=f"{index:064x}", cause=leak) for index in range(5)]
    found = asked(NOTHING, context(*loop))

    assert found is not None
    assert found.limit_bytes == 640 * MI
    assert "it leaks: no higher limit after 5 kills, which would only put off the next one; mend the leak" in why(found)
    assert "it leaks" in why(asked(seen(300 * MI, 48), context(leaks=True), mode="Always"))


def test_a_leak_that_is_found_after_kills_raised_the_limit_goes_back_to_the_first_bump_at_once() -> None:
    """Else `no higher limit after 3 kills` would stand beside twice the limit, as recommended before."""
    loop = [killed(at=NOW - 300 + index, run=f"{index:064x}") for index in range(3)]
    state, found = recommend(on_oom(NOTHING, blamed(loop, None)), context(*loop), spec())
    assert found is not None
    assert found.limit_bytes == GI

    leaking = recommend(state, context(*loop, leaks=True), spec())[1]

    assert leaking is not None
    assert leaking.limit_bytes == 640 * MI
    assert "+25 %, at least 16Mi: killed 3 times, each within a day of the one before; it leaks: no higher limit" in why(leaking)


def test_a_leak_that_max_limit_caps_is_not_promised_to_end_with_a_higher_one() -> None:
    found = asked(NOTHING, context(killed(), leaks=True), maxLimit="512Mi")

    assert found is not None
    assert found.limit_steps[-1].why == "not enough: it was killed at limit 512Mi and will be again, until its leak is mended"


@pytest.mark.parametrize(("page_cache", "expected"), [("Exclude", 640 * MI), ("Working", 900 * MI), ("Include", 2 * GI)], ids=str)
def test_page_cache_as_the_policy_wants_it(page_cache: str, expected: int) -> None:
    state = observe(NOTHING, Sample(NOW, 2 * GI, 900 * MI, 100 * MI))

    assert expected <= limit_of(state, context(killed()), pageCache=page_cache) <= expected * 9 // 8


def test_cache_that_fills_every_limit_does_not_raise_it() -> None:
    """A working set is never above its limit: room for it must not make both grow for ever."""
    state = observe(seen(100 * MI, 100), Sample(NOW, working_set_bytes=GI - MI))

    assert limit_of(state, context(limit=GI), mode="Always", pageCache="Working") == GI


def test_what_min_limit_lifts_is_not_said_to_be_rounded() -> None:
    found = asked(seen(50 * MI, 24 * 9), context(limit=100 * MI), mode="Always", minLimit="300M")

    assert found is not None
    assert found.limit_bytes == 300_000_000
    assert [(step.rule, step.why) for step in found.limit_steps[-1:]] == [("MinLimit", "minLimit of the policy: 286Mi")]
    assert [step.after_bytes for step in found.limit_steps if step.rule == "Round"] == [54 * MI]


def test_min_limit_lifts_and_max_limit_caps_as_they_were_written() -> None:
    assert limit_of(NOTHING, context(killed()), minLimit="1Gi") == GI
    assert limit_of(NOTHING, context(killed(8 * MI), limit=8 * MI), minLimit="100Mi") == 100 * MI
    assert limit_of(NOTHING, context(killed()), maxLimit="601Mi") == 601 * MI


def test_headroom_of_the_policy_comes_on_top() -> None:
    assert limit_of(NOTHING, context(killed()), headroomPercent=20) == 768 * MI


@pytest.mark.parametrize("scope", [OomScope.NODE, OomScope.CGROUP])
def test_a_kill_that_the_limit_is_not_to_blame_for_raises_no_limit(scope: OomScope) -> None:
    not_its_fault = replace(killed(), scope=scope)
    found = asked(seen(300 * MI, 48), context(not_its_fault))

    assert found is not None
    assert (found.limit_bytes, found.limit_steps) == (None, ())
    assert found.request_bytes is not None
    assert found.request_bytes >= 300 * MI
    assert limit_of(NOTHING, context(not_its_fault, killed())) == limit_of(NOTHING, context(killed()))


def test_a_pod_level_limit_that_killed_raises_no_containers_limit_unless_they_are_equal() -> None:
    by_pod = replace(killed(), scope=OomScope.POD)
    found = asked(NOTHING, context(by_pod, pod_limit=384 * MI))

    assert found is None or found.limit_bytes is None
    cut = replace(by_pod, limit_bytes=499_998_720)
    assert limit_of(NOTHING, context(cut, limit=500_000_000, pod_limit=500_000_000)) > 500_000_000
    assert limit_of(NOTHING, context(by_pod, pod_limit=512 * MI)) == limit_of(NOTHING, context(killed()))


def test_without_a_limit_a_kill_of_the_node_starts_from_what_was_seen_without_a_bump() -> None:
    found = asked(seen(400 * MI, 48), context(killed(None), limit=None))

    assert story(found) == ["StartFromLevel", "JumpRoom", "Round"]


def test_a_container_killed_before_any_sample_and_without_a_limit_gets_no_invented_number() -> None:
    assert asked(NOTHING, context(killed(None), limit=None, request=None)) is None


def test_a_limit_that_was_raised_since_the_kill_is_not_talked_down() -> None:
    assert limit_of(NOTHING, context(killed(), limit=2 * GI)) == 2 * GI


def test_one_replica_of_twenty_that_was_killed_speaks_for_all() -> None:
    """VPA's ninetieth percentile never sees it."""
    state = NOTHING
    for replica in range(20):
        state = seen(100 * MI, 48, state=state, until=NOW - replica)
    unharmed = asked(on_oom(state, blamed((killed(),), None)), context())

    assert unharmed is not None
    assert (unharmed.limit_bytes, unharmed.kills) == (640 * MI, 0)


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
    hours=st.integers(0, 40),
)
def test_never_below_what_killed_or_was_proven_and_the_steps_add_up(
    limits: list[int | None],
    current: int | None,
    request: int | None,
    peaks: tuple[int | None, int | None, int | None],
    options: dict[str, Any],
    hours: int,
) -> None:
    kills = [killed(limit, at=NOW - len(limits) + index, run=f"{index:064x}") for index, limit in enumerate(limits)]
    unreclaimable, working_set, usage = peaks
    state = NOTHING
    for hour in range(hours + 1):
        state = observe(state, Sample(NOW - hours * 3600 + hour * 3600, usage, working_set, unreclaimable))
    found = asked(state, context(*kills, limit=current, request=request), **options)

    if found is None:
        return
    most = parse_bytes(options["maxLimit"]) if "maxLimit" in options else None
    if found.limit_bytes is not None and found.limit_bytes != most:
        assert all(found.limit_bytes > limit for limit in limits if limit is not None)
        assert found.limit_bytes >= (unreclaimable or MI)
    if found.limit_bytes is not None and found.request_bytes is not None:
        assert found.request_bytes <= found.limit_bytes
    for steps, result in ((found.limit_steps, found.limit_bytes), (found.request_steps, found.request_bytes)):
        assert (steps[-1].after_bytes if steps else None) == result
        assert all(before.after_bytes == after.before_bytes for before, after in pairwise(steps))
        assert all(step.why and step.why.isascii() and step.why.isprintable() for step in steps)
