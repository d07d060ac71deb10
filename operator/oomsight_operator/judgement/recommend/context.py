"""What a recommendation needs to know beside what is remembered: the container as it is now, and what the policy asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import Cause, QosClass
from oomsight_api.policy import PageCache, RecommendationMode, RecommendationSpec
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.recommend.bounds import floor_bytes
from oomsight_operator.judgement.recommend.state import OomKill, State
from oomsight_operator.judgement.recommend.surroundings import NOWHERE, Surroundings
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, Track
from oomsight_operator.judgement.rounding import is_same_limit
from oomsight_operator.judgement.runtime.setting import HeapSetting

WEEK_HOURS: Final = 7 * HOURS_PER_DAY
"""A whole weekly cycle."""
ENOUGH_HOURS: Final = 3
"""Hours with samples before mode Always recommends: then one at least was watched whole."""


@dataclass(frozen=True, slots=True)
class Context:
    """One container of one pod, now."""

    name: str
    limit_bytes: int | None
    request_bytes: int | None
    qos_class: QosClass
    kills: tuple[Kill, ...]
    """All that are known of this replica, oldest first, whatever is to blame."""
    now_seconds: float
    pod_limit_bytes: int | None = None
    """Pod-level resources (`spec.resources`); None where the pod's limit is the sum of its containers'."""
    pod_request_bytes: int | None = None
    """The same of the request."""
    leaks: bool = False
    """It is suspected to leak."""
    brief: bool = False
    """An init container: its run may be over between two samples, so what it held is not all seen."""
    around: Surroundings = NOWHERE
    pod: Pod | None = None
    """With what is recommended for the containers before this one; None: it is alone in its pod."""
    heap: HeapSetting | None = None
    """Of a runtime with a garbage collector, as far as the spec tells."""
    node_memory_bytes: int | None = None
    """All of the node's memory: what a runtime finds where no limit is set."""

    @property
    def leaking(self) -> bool:
        """A finding says so, or the latest kill's cause."""
        last = self.kills[-1].cause if self.kills else None
        return self.leaks or (last is not None and last.cause is Cause.LEAK)


def blamed(kills: Iterable[Kill], pod_limit_bytes: int | None) -> tuple[OomKill, ...]:
    """Those that the container's or its pod's limit is to blame for, as far as known.

    Not when the node ran out or some other cgroup did: that calls for a request. Nor by a pod-level limit that is not made of the
    containers': a higher limit of the container would change nothing. Equal limits are both to blame.
    """
    found = []
    for kill in kills:
        if kill.limit_bytes is None or kill.scope in (OomScope.NODE, OomScope.CGROUP):
            continue
        if kill.scope is OomScope.POD and pod_limit_bytes is not None and not is_same_limit(kill.limit_bytes, pod_limit_bytes):
            continue
        found.append(OomKill(kill.limit_bytes, kill.time_seconds))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of memory, and what is remembered of it."""

    track: Track
    words: str
    """Such as `working set`."""


def stands_in(state: State) -> bool:
    """Whether the working set of the past stands in for what the kernel cannot free: it is never less, so a limit that fits it is
    safe. Until that was watched for a week itself, and only where the past is a monitoring system's, that knew no better."""
    near, far = state.unreclaimable, state.working_set
    if near is None or far is None or not far.imported_hours:
        return False
    return near.observed_hours < min(WEEK_HOURS, far.observed_hours)


def needed_kind(state: State) -> Kind | None:
    """The kind of memory that must fit: what the kernel cannot free; the nearest kind that is known where that is not."""
    if state.working_set is not None and stands_in(state):
        return Kind(state.working_set, "working set")
    known = (
        (state.unreclaimable, "unreclaimable memory"),
        (state.working_set, "working set"),
        (state.usage, "usage (page cache included)"),
    )
    return next((Kind(track, words) for track, words in known if track is not None), None)


def cache_kind(state: State, page_cache: PageCache) -> Kind | None:
    """The kind of memory that tells how much page cache the policy wants room for; None for none."""
    if page_cache is PageCache.WORKING and state.working_set is not None:
        return Kind(state.working_set, "working set")
    if page_cache is PageCache.INCLUDE and state.usage is not None:
        return Kind(state.usage, "usage")
    return None


def is_wanted(state: State, kind: Kind | None, context: Context, spec: RecommendationSpec) -> bool:
    """Whether policy and evidence allow any recommendation; a kill of one replica speaks for all of them."""
    if spec.mode is RecommendationMode.OFF:
        return False
    if context.kills or (state.floor is not None and floor_bytes(state.floor, context.now_seconds) is not None):
        return True
    return spec.mode is RecommendationMode.ALWAYS and kind is not None and kind.track.observed_hours >= ENOUGH_HOURS
