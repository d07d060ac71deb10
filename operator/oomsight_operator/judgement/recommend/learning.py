"""What one look at one replica adds to what is remembered of its workload's container."""

from __future__ import annotations

from collections.abc import Sequence

from oomsight_api.policy import PageCache
from oomsight_api.report import Memory
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import LastRow
from oomsight_operator.judgement.recommend.cache import CacheFit, CacheLook
from oomsight_operator.judgement.recommend.context import blamed, stands_in
from oomsight_operator.judgement.recommend.state import Sample, State, brought_back, observe, on_oom, on_refaults, on_swap
from oomsight_operator.judgement.recommend.swapped import swapped_in
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS


def learned(
    state: State,
    memory: Memory | None,
    *,
    page_cache: PageCache,
    kills: Sequence[Kill],
    pod_limit_bytes: int | None,
    sample_seconds: float | None,
    now_seconds: float,
    cache: CacheLook | None = None,
    fit: CacheFit | None = None,
    untold_refaults: bool | None = None,
    ended: Sequence[LastRow] = (),
) -> State:
    """The state with a sample, the last ones of runs that ended, refaults and kills; all may have been taken in before.

    A sample counts for now, as it came within seconds: `sample_seconds` is the node's clock, which may be wrong by days, and says
    only how much older the last row of an ended run is. Where our own clock was set back, so is what it dated.
    """
    state = brought_back(state, now_seconds)
    for last in ended:
        age = max(0.0, sample_seconds - last.time_seconds) if sample_seconds is not None else 0.0
        at = max(0.0, now_seconds - age)
        if at >= _newest_hour(state) * HOUR_SECONDS:  # an older one was taken in then, and would count for now again
            state = observe(state, sample_of(last.row.memory, page_cache, at, working_set_too=stands_in(state)))
    if memory is not None and sample_seconds is not None:
        state = observe(state, sample_of(memory, page_cache, now_seconds, working_set_too=stands_in(state)))
        state = on_swap(state, swapped_in(memory, int(now_seconds) // HOUR_SECONDS))
    state = on_refaults(state, cache, untold_refaults, fit)
    # A kill that lies ahead was taken in before the clock was set back.
    return on_oom(state, blamed((kill for kill in kills if kill.time_seconds <= now_seconds), pod_limit_bytes))


def _newest_hour(state: State) -> int:
    """Hours since 1970."""
    return max((track.hour for track in (state.usage, state.working_set, state.unreclaimable) if track is not None), default=0)


def sample_of(memory: Memory, page_cache: PageCache, time_seconds: float, *, working_set_too: bool = False) -> Sample:
    """What the kernel cannot free, and what tells of page cache as the policy wants it; both cost space, so no more than that.

    `working_set_too`: its past stands in for the other's, so it has to be kept up to date.
    """
    usage = max((amount for amount in (memory.peak_interval_bytes, memory.usage_bytes) if amount is not None), default=None)
    known = memory.unreclaimable_bytes is not None
    wants_working_set = page_cache is PageCache.WORKING or not known or working_set_too
    wants_usage = page_cache is PageCache.INCLUDE or (not known and memory.working_set_bytes is None)
    return Sample(
        time_seconds,
        usage_bytes=usage if wants_usage else None,
        working_set_bytes=memory.working_set_bytes if wants_working_set else None,
        unreclaimable_bytes=memory.unreclaimable_bytes,
    )
