"""What the steps of a limit's chain look at, and what it comes to together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oomsight_api.policy import RecommendationSpec
from oomsight_operator.judgement.recommend.bounds import Bounds, bounds_of
from oomsight_operator.judgement.recommend.cache_room import CacheRoom, cache_room
from oomsight_operator.judgement.recommend.context import Context, Kind
from oomsight_operator.judgement.recommend.heap import Heap, heap_in, least_bytes
from oomsight_operator.judgement.recommend.need import Tuning
from oomsight_operator.judgement.recommend.state import OomFloor, State


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the steps look at."""

    state: State
    context: Context
    spec: RecommendationSpec
    kind: Kind | None
    bounds: Bounds
    floor: OomFloor | None
    """Of a leak that of one kill, however often it was killed: a higher limit would only put off the next one."""
    cache: CacheRoom
    tuning: Tuning
    heap: Heap | None = None

    @property
    def needed_bytes(self) -> int:
        """What is needed at least, by what is known of the container."""
        least = self.bounds.least_bytes * (100 + self.spec.headroom_percent) // 100
        return max(least, self.cache.least_bytes, least_bytes(self.heap, self.bounds.target_bytes))

    @property
    def least_bytes(self) -> int:
        """What a limit must leave, or it is raised."""
        return max(self.needed_bytes, self.spec.min_limit_bytes or 0)

    @property
    def repeats(self) -> int:
        """Kills of the latest go, of a leak too, whose `floor` is that of one; 0 where there was none."""
        return self.state.floor.repeats if self.state.floor is not None else 0

    @property
    def killing_bytes(self) -> int | None:
        """The limit that killed, while that still counts."""
        return self.floor.killing_limit_bytes if self.floor is not None and self.bounds.floor_bytes is not None else None


def case_of(state: State, context: Context, spec: RecommendationSpec, kind: Kind | None, tuning: Tuning) -> Case:
    """`kind`: the memory that the policy wants counted; None where it was not seen yet."""
    floor = replace(state.floor, repeats=1) if state.floor is not None and context.leaking else state.floor
    track = kind.track if kind is not None else None
    bounds = bounds_of(track, floor, context.now_seconds, tuning, context.around.neighbours)
    cache = cache_room(state, spec.page_cache, context.now_seconds, limited=context.limit_bytes is not None)
    case = Case(state, context, spec, kind, bounds, floor, cache, tuning)
    peak = bounds.need.peak_bytes if bounds.need is not None else None
    return replace(case, heap=heap_in(context, peak, case.killing_bytes))
