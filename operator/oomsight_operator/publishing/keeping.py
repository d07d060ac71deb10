"""What is worth keeping of what was learned of a workload, and when. Pure.

An object for every workload that lasts, and writes in proportion to what would be lost: soon after something new was learned, an
hour after while little is known, else a few times a day.
"""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Mapping
from typing import Final

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.model import ContainerHistory, Owner, PodHistory
from oomsight_operator.judgement.recommend.context import ENOUGH_HOURS
from oomsight_operator.judgement.recommend.state import NOTHING, State
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, LEAST_JUMP, Track
from oomsight_operator.publishing.contributions import hours_of
from oomsight_operator.publishing.settings import PublisherSettings

SHORT_LIVED: Final = frozenset({"Pod", "Job"})
"""Of these there may be very many, and none comes back."""
_LASTING: Final = frozenset({("v1", "ReplicationController"), ("apps.openshift.io/v1", "DeploymentConfig")})
"""Beside everything of apps/v1."""
_FIRST_SECONDS: Final = 3600.0
_TOLD_FROM: Final = RiskLevel.MEDIUM


def comes_back(target: Owner) -> bool:
    """It is gone between its runs, and what was learned of one is for the next."""
    return (target.api_version, target.kind) == ("batch/v1", "CronJob")


def lasts(target: Owner) -> bool:
    """Whether pods of it follow upon each other, as far as its kind tells: of kinds that nobody knows, hours of samples tell."""
    return comes_back(target) or target.api_version == "apps/v1" or (target.api_version, target.kind) in _LASTING


def spread(uid: str) -> float:
    """From 0 to 1, for each workload its own: what is due for all at once is written one after the other."""
    return zlib.crc32(uid.encode("utf-8", "surrogatepass")) / 2**32


def is_worth_an_object(target: Owner, learned: Mapping[str, State], known_seconds: float, *, rests: bool = False) -> bool:
    """Whether a workload without recommendation and without kills gets an object to keep what was learned of it.

    One to two hours after it was seen first; a CronJob when a run is over (`rests`); what may be short-lived after samples
    of hours.
    """
    hours = max((hours_of(state) for state in learned.values()), default=0)
    if not lasts(target):
        return hours >= ENOUGH_HOURS
    return hours > 0 and ((rests and comes_back(target)) or known_seconds >= _FIRST_SECONDS * (1 + spread(target.uid)))


def digest_interval_seconds(uid: str, learned: Mapping[str, State], settings: PublisherSettings) -> float:
    """How often what changes little is kept: hourly during the first day, then more seldom."""
    hours = max((hours_of(state) for state in learned.values()), default=0)
    interval = settings.digest_interval_seconds if hours < HOURS_PER_DAY else settings.calm_digest_interval_seconds
    return interval * (1 + spread(uid) / 4)


def is_material(kept: Mapping[str, State], learned: Mapping[str, State]) -> bool:
    """Whether a restart now would forget a peak, a jump, a kill, a proposed limit or request, what more page cache brought, or what
    swap had taken."""
    return any(_has_news(kept.get(name, NOTHING), state) for name, state in learned.items() if kept.get(name) is not state)


def _has_news(before: State, after: State) -> bool:
    proposed = (after.proposed_bytes, after.proposed_request_bytes) != (before.proposed_bytes, before.proposed_request_bytes)
    if proposed or after.floor != before.floor or _tried(after) != _tried(before):
        return True
    if after.swapped is not None and (before.swapped is None or after.swapped.held_bytes > before.swapped.held_bytes):
        return True
    tracks = ((before.usage, after.usage), (before.working_set, after.working_set), (before.unreclaimable, after.unreclaimable))
    return any(_has_risen(one, other) for one, other in tracks if other is not None)


def _tried(state: State) -> tuple[int, ...]:
    """How much page cache was tried, and to what effect."""
    need = state.cache
    return (need.room_bytes, need.before_bytes, need.tried_bytes) if need is not None else ()


def _has_risen(before: Track | None, after: Track | None) -> bool:
    if before is None or after is None:
        return after is not None
    if after.days is not before.days and after.peak_bytes > before.peak_bytes * (1 + LEAST_JUMP):
        return True
    latest = after.jumps[-1] if after.jumps else None
    return latest is not None and (not before.jumps or latest.hour > before.jumps[-1].hour)


def standing_of(history: PodHistory) -> Hashable:
    """What a restart must not forget of one pod: runs that ended, and what is told of it at medium risk or above. None for a calm
    one."""
    found = tuple(
        (name, one.floor.packed_runs, told)
        for name, one in sorted(history.containers.items())
        if (told := _told(one)) or one.floor.packed_runs
    )
    return found or None


def _told(history: ContainerHistory) -> tuple[tuple[str, str], ...]:
    return tuple(
        (told.finding.reason.value, told.finding.level.value)
        for told in history.told
        if told.finding.level.severity >= _TOLD_FROM.severity
    )
