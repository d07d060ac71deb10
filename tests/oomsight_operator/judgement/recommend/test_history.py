"""What a monitoring system remembers is put before what was learned, never over it, and called what it is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW, memory
from tests.oomsight_operator.judgement.recommend.scenes import DAY, HOUR, asked, context, limit_of, seen, story, why
from tests.oomsight_operator.judgement.recommend.test_digest import through_json

from oomsight_api.names import Confidence
from oomsight_api.policy import PageCache
from oomsight_operator.judgement.recommend.context import needed_kind
from oomsight_operator.judgement.recommend.history import HISTORY_HOURS, History, lacks_history, past_of
from oomsight_operator.judgement.recommend.learning import learned
from oomsight_operator.judgement.recommend.merging import merged as merged_states
from oomsight_operator.judgement.recommend.need import need_of
from oomsight_operator.judgement.recommend.state import NOTHING, OomFloor, OomKill, Sample, State, observe
from oomsight_operator.judgement.recommend.track import Track

THIS_HOUR = int(NOW) // 3600


def hours(amount: int, first: int = -HISTORY_HOURS, last: int = -1) -> dict[int, int]:
    """The same peak in all hours, counted from now."""
    return {THIS_HOUR + hour: amount for hour in range(first, last + 1)}


def merged(state: State, past: History, now_seconds: float) -> State:
    """The state with its past."""
    return merged_states(state, past_of(state, past, now_seconds))


def weekly(usual: int, peak: int) -> dict[int, int]:
    """Two weeks with one high hour a week."""
    return {**hours(usual), THIS_HOUR - 3 * 24: peak, THIS_HOUR - 10 * 24: peak}


def first_look(amount: int, working_set: int | None = None) -> State:
    return observe(NOTHING, Sample(NOW, None, working_set if working_set is not None else amount, amount))


def test_a_new_operator_holds_the_weekly_peak_and_says_whose_evidence_it_is() -> None:
    state = merged(first_look(200 * MI), History(working_set=weekly(210 * MI, 900 * MI)), NOW)

    found = asked(state, context(), mode="Always")
    assert found is not None
    assert found.limit_bytes == 976 * MI, "the peak of 900Mi and 8.5 %, rounded"
    assert "highest working set in 14 days: 900Mi" in why(found)
    assert "known for 337 hours, of which 336 hours from Prometheus" in why(found)
    assert found.observed_hours == 337
    assert asked(first_look(200 * MI), context(), mode="Always") is None, "without a history there is nothing to go by yet"


def test_a_working_set_is_never_called_what_the_kernel_cannot_free() -> None:
    state = merged(first_look(200 * MI), History(working_set=hours(300 * MI)), NOW)

    assert state.unreclaimable == first_look(200 * MI).unreclaimable
    found = asked(state, context(), mode="Always")
    assert found is not None
    assert found.confidence is Confidence.MEDIUM
    assert (
        found.confidence_why == "336 of its 337 hours are from Prometheus, which knows its working set alone, as often as scraped"
    )


def test_what_the_agent_told_prometheus_is_as_good_as_our_own_samples() -> None:
    state = merged(first_look(200 * MI), History(unreclaimable=hours(200 * MI), working_set=hours(800 * MI)), NOW)

    kind = needed_kind(state)
    assert kind is not None
    assert kind.words == "unreclaimable memory"
    found = asked(state, context(), mode="Always", pageCache="Exclude")
    assert found is not None
    assert found.confidence is Confidence.HIGH


def test_after_a_week_of_its_own_what_the_kernel_cannot_free_decides_again() -> None:
    past = History(working_set=hours(900 * MI))
    at_first = merged(first_look(200 * MI), past, NOW)
    later = at_first
    for hour in range(1, 24 * 7 + 1):
        later = observe(later, Sample(NOW + hour * HOUR, None, 210 * MI, 200 * MI))

    assert [kind.words for kind in (needed_kind(at_first), needed_kind(later)) if kind] == ["working set", "unreclaimable memory"]


def test_while_the_working_set_stands_in_it_is_kept_up_to_date_whatever_the_policy_asks() -> None:
    def looked(state: State) -> State:
        uses = memory(400 * MI, GI, working_set=450 * MI)
        return learned(
            state, uses, page_cache=PageCache.EXCLUDE, kills=(), pod_limit_bytes=None, sample_seconds=NOW, now_seconds=NOW
        )

    started = merged(looked(NOTHING), History(working_set=hours(300 * MI)), NOW)
    assert looked(NOTHING).working_set is None
    grown = looked(started).working_set
    assert grown is not None
    assert grown.peak_bytes == 450 * MI


def test_what_was_learned_by_us_is_never_replaced() -> None:
    own = seen(500 * MI, 30)
    state = merged(own, History(unreclaimable=hours(2 * GI, -20, -1)), NOW)
    assert state is own, "of hours that we watched nobody else is believed"

    older = merged(own, History(unreclaimable=hours(800 * MI)), NOW).unreclaimable
    assert own.unreclaimable is not None
    assert older is not None
    assert older.hour == own.unreclaimable.hour
    assert older.hours == own.unreclaimable.hours, "the last day was all ours"
    assert older.peak_bytes == 800 * MI
    assert older.days[-1] == own.unreclaimable.days[-1]
    assert older.observed_hours == own.unreclaimable.observed_hours + older.imported_hours


def test_gaps_in_what_we_watched_are_not_filled_by_others() -> None:
    own = seen(500 * MI, 1, state=seen(500 * MI, 1, until=NOW - 5 * DAY))
    state = merged(own, History(unreclaimable=hours(3 * GI, -3 * 24, -1)), NOW)

    assert state is own


def test_a_rise_to_less_than_the_past_knows_is_no_jump() -> None:
    risen = seen(lambda hour: 100 * MI if hour < 5 else 300 * MI, 6)
    assert risen.unreclaimable is not None
    assert risen.unreclaimable.jumps

    state = merged(risen, History(unreclaimable=hours(400 * MI, -100, -8)), NOW)
    assert state.unreclaimable is not None
    assert state.unreclaimable.jumps == ()


def test_hours_to_come_and_hours_long_gone_are_not_believed() -> None:
    late = {THIS_HOUR + 1: GI, THIS_HOUR + 999_999: GI, THIS_HOUR - HISTORY_HOURS - 1: GI, -5: GI}

    assert merged(NOTHING, History(unreclaimable=late, kills=((OomKill(GI, NOW + 60),),)), NOW) is NOTHING


def test_an_oom_kill_of_the_past_starts_the_floor_and_says_who_told_it() -> None:
    past = History(kills=((OomKill(256 * MI, NOW - 3 * DAY),), (OomKill(512 * MI, NOW - 2 * DAY),) * 2))
    state = merged(first_look(100 * MI), past, NOW)

    assert state.floor == OomFloor(512 * MI, NOW - 2 * DAY, 2, imported=True), "the latest go of the worst replica"
    found = asked(state, context(limit=512 * MI))
    assert story(found)[0] == "StartFromKillingLimit"
    assert "killed at limit 512Mi, says Prometheus: it needed more than that" in why(found)
    assert limit_of(state, context(limit=512 * MI)) > 640 * MI


def test_a_kill_that_we_saw_ourselves_is_not_taken_for_another_one() -> None:
    own = replace(seen(400 * MI, 2 * 24), floor=OomFloor(512 * MI, NOW - HOUR, 1))
    state = merged(own, History(kills=((OomKill(512 * MI, NOW - 2 * HOUR),),)), NOW)

    assert state is own


def test_a_history_is_asked_for_once_and_not_where_two_weeks_were_watched() -> None:
    short = first_look(200 * MI)
    started = merged(short, History(working_set=hours(300 * MI)), NOW)

    assert lacks_history(NOTHING, NOW)
    assert lacks_history(short, NOW)
    assert not lacks_history(started, NOW)
    assert not lacks_history(through_json(started), NOW), "nor after a restart"
    assert not lacks_history(seen(GI, HISTORY_HOURS, every=HOUR), NOW)


def test_a_restarted_operator_still_knows_what_is_not_its_own() -> None:
    past = History(working_set=hours(300 * MI), kills=((OomKill(GI, NOW - DAY),),))
    state = merged(first_look(200 * MI), past, NOW)

    assert through_json(state) == state


def test_a_status_that_is_found_late_brings_back_whose_evidence_it_is() -> None:
    fresh = first_look(200 * MI)
    kept = through_json(merged(fresh, History(working_set=hours(300 * MI)), NOW))

    for state in (merged_states(fresh, kept), merged_states(kept, fresh)):
        assert state.working_set is not None
        assert (state.working_set.observed_hours, state.working_set.imported_hours) == (337, 336)
        assert not lacks_history(state, NOW)


def test_two_weeks_later_prometheus_is_no_longer_named() -> None:
    state = merged(first_look(200 * MI), History(working_set=hours(300 * MI)), NOW)
    for hour in range(1, HISTORY_HOURS + 1):
        state = observe(state, Sample(NOW + hour * HOUR, None, 300 * MI, 290 * MI))

    assert "Prometheus" not in why(asked(state, context(now=NOW + HISTORY_HOURS * HOUR), mode="Always"))


AMOUNTS = st.integers(-(1 << 62), 1 << 62) | st.integers(0, 1 << 40)
PASTS = st.dictionaries(st.integers(THIS_HOUR - 400, THIS_HOUR + 3) | st.integers(), AMOUNTS, max_size=40)
KILLS = st.lists(st.lists(st.builds(OomKill, AMOUNTS, st.floats(0, 2 * NOW)), max_size=4).map(tuple), max_size=3).map(tuple)
STATES = st.lists(st.tuples(st.integers(0, 500), AMOUNTS, AMOUNTS), max_size=12).map(
    lambda samples: _watched(sorted(samples, reverse=True))
)


def _watched(samples: list[tuple[int, int, int]]) -> State:
    state = NOTHING
    for ago, one, other in samples:
        state = observe(state, Sample(NOW - ago * HOUR, None, one, other))
    return state


@given(STATES, st.builds(History, PASTS, PASTS, PASTS, KILLS))
def test_whatever_is_told_of_the_past_the_state_stays_one_that_can_be_judged(state: State, past: History) -> None:
    after = merged(state, past, NOW)

    for own, track in ((state.working_set, after.working_set), (state.unreclaimable, after.unreclaimable)):
        if track is not None:
            assert 0 <= need_of(track).least_bytes <= need_of(track).target_bytes
            assert 0 <= track.imported_hours <= track.observed_hours
            assert [day.day for day in track.days] == sorted({day.day for day in track.days})
            _keeps(own, track)
    assert through_json(after).floor == after.floor
    assert merged(after, past, NOW) == after, "a second time tells nothing new"
    observe(after, Sample(NOW, 1, 2, 3))


def _keeps(own: Track | None, track: Track) -> None:
    if own is None:
        return
    assert track.hour == own.hour
    assert track.hours[-len(own.hours) :] == own.hours
    peaks = {day.day: day.peak_bytes for day in track.days}
    assert all(peaks.get(day.day, day.peak_bytes) >= day.peak_bytes for day in own.days)
    assert track.peak_bytes >= own.peak_bytes or any(day.day not in peaks for day in own.days)
