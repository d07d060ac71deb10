"""What one look at a replica adds: one kind of memory and what tells of page cache, by the node's clock, and kills once."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.judgement.build import GI, MI, NOW, memory, row
from tests.oomsight_operator.judgement.recommend.scenes import killed

from oomsight_api.incident import OomScope
from oomsight_api.policy import PageCache
from oomsight_api.report import Memory
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import LastRow
from oomsight_operator.judgement.recommend.learning import learned, sample_of
from oomsight_operator.judgement.recommend.state import NOTHING, State

WHOLE = memory(100 * MI, GI, usage=900 * MI, peak_interval=950 * MI, working_set=300 * MI)


def after(uses: Memory | None, *kills: Kill, at: float | None = NOW, state: State = NOTHING) -> State:
    return learned(state, uses, page_cache=PageCache.WORKING, kills=kills, pod_limit_bytes=None, sample_seconds=at, now_seconds=NOW)


def test_no_more_is_kept_than_the_policy_asks_for() -> None:
    excluded, working, included = (sample_of(WHOLE, page_cache, NOW) for page_cache in PageCache)

    assert (excluded.usage_bytes, excluded.working_set_bytes, excluded.unreclaimable_bytes) == (None, None, 100 * MI)
    assert (working.usage_bytes, working.working_set_bytes) == (None, 300 * MI)
    assert (included.usage_bytes, included.working_set_bytes) == (950 * MI, None)


def test_where_the_kernel_does_not_tell_the_nearest_that_it_tells_is_kept() -> None:
    of_usage = sample_of(memory(usage=900 * MI), PageCache.EXCLUDE, NOW)

    assert (of_usage.usage_bytes, of_usage.working_set_bytes) == (900 * MI, None)
    assert sample_of(memory(working_set=300 * MI), PageCache.EXCLUDE, NOW).working_set_bytes == 300 * MI


def test_an_agent_whose_clock_runs_ahead_is_not_believed() -> None:
    ahead = after(WHOLE, at=NOW + 30 * 86400)

    assert ahead.unreclaimable is not None
    assert ahead.unreclaimable.hour == int(NOW) // 3600


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
