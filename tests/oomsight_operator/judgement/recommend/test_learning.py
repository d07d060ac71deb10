"""What one look at a replica adds: one kind of memory and what tells of page cache, by our clock, and kills once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.judgement.build import GI, MI, NOW, memory, row
from tests.oomsight_operator.judgement.recommend.scenes import DAY, killed

from oomsight_api.incident import OomScope
from oomsight_api.policy import PageCache
from oomsight_api.report import Memory
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import LastRow
from oomsight_operator.judgement.recommend.learning import learned, sample_of
from oomsight_operator.judgement.recommend.need import Reason, need_of
from oomsight_operator.judgement.recommend.state import NOTHING, State, propose

WHOLE = memory(100 * MI, GI, usage=900 * MI, peak_interval=950 * MI, working_set=300 * MI)


def after(uses: Memory | None, *kills: Kill, at: float | None = NOW, state: State = NOTHING, now: float = NOW) -> State:
    """`at` is the node's clock, `now` ours."""
    return learned(state, uses, page_cache=PageCache.WORKING, kills=kills, pod_limit_bytes=None, sample_seconds=at, now_seconds=now)


def test_no_more_is_kept_than_the_policy_asks_for() -> None:
    excluded, working, included = (sample_of(WHOLE, page_cache, NOW) for page_cache in PageCache)

    assert (excluded.usage_bytes, excluded.working_set_bytes, excluded.unreclaimable_bytes) == (None, None, 100 * MI)
    assert (working.usage_bytes, working.working_set_bytes) == (None, 300 * MI)
    assert (included.usage_bytes, included.working_set_bytes) == (950 * MI, None)


def test_where_the_kernel_does_not_tell_the_nearest_that_it_tells_is_kept() -> None:
    of_usage = sample_of(memory(usage=900 * MI), PageCache.EXCLUDE, NOW)

    assert (of_usage.usage_bytes, of_usage.working_set_bytes) == (900 * MI, None)
    assert sample_of(memory(working_set=300 * MI), PageCache.EXCLUDE, NOW).working_set_bytes == 300 * MI


@pytest.mark.parametrize("days", [-3, 30])
def test_a_node_with_a_wrong_clock_is_watched_now_all_the_same(days: int) -> None:
    state = NOTHING
    for hour in range(48):
        state = after(WHOLE, at=NOW + (24 * days + hour) * 3600, state=state, now=NOW + hour * 3600)
    ran = (LastRow(NOW + 24 * days * 3600 - 7200, row(uses=memory(2 * GI, 4 * GI))),)
    told = learned(
        after(WHOLE, at=NOW + 24 * days * 3600),
        None,
        page_cache=PageCache.EXCLUDE,
        kills=(),
        pod_limit_bytes=None,
        sample_seconds=NOW + 24 * days * 3600,
        now_seconds=NOW,
        ended=ran,
    )

    assert state.unreclaimable is not None
    need = need_of(state.unreclaimable, int(NOW) // 3600 + 47)
    assert (need.observed_hours, need.room.reason) == (48, Reason.ALWAYS)
    assert told.unreclaimable is not None
    assert told.unreclaimable.peak_bytes == 100 * MI, "that run ended two hours ago, and was taken in then"


def test_a_clock_that_was_ahead_for_a_while_freezes_nothing_once_it_is_set_back() -> None:
    ahead = NOW + 400 * DAY
    state = propose(after(WHOLE, killed(), at=ahead, now=ahead, state=after(WHOLE)), GI, ahead)
    frozen = after(WHOLE, replace(killed(), time_seconds=ahead), at=ahead, now=ahead, state=state)
    for hour in range(24 * 20):
        now = NOW + hour * 3600
        of_ahead = replace(killed(), time_seconds=ahead)
        frozen = after(memory(40 * MI, GI, working_set=50 * MI), of_ahead, at=now, now=now, state=frozen)

    assert frozen.unreclaimable is not None
    assert (frozen.unreclaimable.hour, frozen.unreclaimable.peak_bytes) == (int(NOW) // 3600 + 24 * 20 - 1, 40 * MI)
    assert frozen.proposed_since_seconds == NOW
    assert frozen.floor is not None
    assert frozen.floor.last_seconds == NOW, "the kill fades from then on"


def test_a_silent_agent_teaches_nothing_and_forgets_nothing() -> None:
    known = after(WHOLE)

    assert after(None, state=known) is known
    assert after(WHOLE, at=None, state=known) is known


def test_a_kill_counts_once_and_only_if_the_limit_is_to_blame() -> None:
    once = after(WHOLE, killed())

    assert after(WHOLE, killed(), state=once) is once
    assert once.floor is not None
    assert after(WHOLE, replace(killed(), scope=OomScope.NODE)).floor is None
    assert after(WHOLE, killed(None)).floor is None


def ended(state: State, unreclaimable: int, at: float) -> State:
    """The run is over; nothing else is told now."""
    last = (LastRow(at, row(uses=memory(unreclaimable, GI))),)
    asked = {"page_cache": PageCache.EXCLUDE, "kills": (), "pod_limit_bytes": None, "sample_seconds": NOW, "now_seconds": NOW}
    return learned(state, None, ended=last, **asked)  # type: ignore[arg-type]


def test_one_report_of_a_run_that_is_over_is_enough_to_learn_from() -> None:
    once = ended(NOTHING, 60 * MI, NOW - 20)

    assert once.unreclaimable is not None
    assert once.unreclaimable.peak_bytes == 60 * MI
    assert ended(once, 60 * MI, NOW - 20) is once


def test_a_run_that_ended_in_an_earlier_hour_does_not_count_for_this_one_again() -> None:
    at = NOW - NOW % 3600 - 5
    before = ended(NOTHING, 200 * MI, at)
    later = after(memory(10 * MI), state=before)

    assert ended(later, 200 * MI, at) is later
    assert later.unreclaimable is not None
    assert later.unreclaimable.hours == (200 * MI, 10 * MI)
