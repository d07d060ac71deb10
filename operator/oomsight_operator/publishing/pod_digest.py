"""One container of one pod as a digest keeps it: in a bare form, so that no kill is counted twice and no peak is lost, and in
fuller ones, so that a restart changes nothing that is told of it. Pure.

What is read back may have been written by anybody: each value is believed as far as it could be one of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

import msgspec

from oomsight_api.names import Advice, RiskLevel, RiskReason
from oomsight_operator.judgement.advice.given import AdviceGiven
from oomsight_operator.judgement.forecast.digest import STORED_POINTS, from_digest, to_digest
from oomsight_operator.judgement.forecast.history import NOTHING_SEEN
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import ContainerHistory, Finding, ToldFinding
from oomsight_operator.judgement.recommend.track import MAX_BYTES
from oomsight_operator.judgement.usual import NOTHING_USUAL, Mean, Usual
from oomsight_operator.publishing.events import one_line

MAX_UID: Final = 63
FEW_COUNTED: Final = 8
MAX_COUNTED: Final = 32
_MAX_COUNTED_LENGTH: Final = 1024
"""Characters of the names of counted victims, of one pod."""
_MAX_ENDED: Final = 3
"""The kubelet shows at most two ends of a container (`state` and `lastState`)."""
_MAX_ID: Final = 128
_MAX_NAME: Final = 256
_MAX_SENTENCE: Final = 240
_MAX_REASONS: Final = len(RiskReason)
_MOST: Final = 2**63 - 1
_RUN: Final = "~"
"""Stands for the id of the run in a name: 64 characters that `seen` has already."""

T = TypeVar("T")


class ReasonDigest(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One reason of risk; a level is empty where it was not told, or not judged."""

    reason: RiskReason
    told: RiskLevel | None = None
    judged: RiskLevel | None = None
    less_since: float | None = None
    sentence: str = ""


class MeanDigest(msgspec.Struct, frozen=True, array_like=True):
    """What is usual of one number."""

    value: float
    latest: float
    at: float
    watched: float


class UsualDigest(msgspec.Struct, frozen=True, array_like=True):
    """As `judgement.usual.Usual`."""

    unreclaimable: MeanDigest | None = None
    refaults: MeanDigest | None = None
    refaults_limit: int | None = None
    swap: MeanDigest | None = None


class PodDigest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Fields named as short as the space asks."""

    uid: str
    level: RiskLevel = RiskLevel.UNKNOWN
    seen: str | None = None
    kills: int | None = None
    peak: int | None = None
    floor: int | None = None
    ws: int | None = None
    limit: int | None = None
    first: float | None = None
    last: float | None = None
    ended: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    """Names of victims that were counted, newest last."""
    lower: float | None = None
    """Since when less than the level is judged."""
    why: tuple[ReasonDigest, ...] = ()
    past: str = ""
    """The floor's history."""
    usual: UsualDigest | None = None
    advice: tuple[tuple[Advice, str], ...] = ()


def bare(uid: str, history: ContainerHistory) -> PodDigest:
    """What no restart may forget."""
    return PodDigest(
        uid=uid[:MAX_UID],
        level=history.level,
        seen=history.container_id_seen,
        kills=history.oom_kills_seen,
        peak=history.peak_bytes,
        floor=history.peak_unreclaimable_bytes,
        ws=history.peak_working_set_bytes,
        limit=history.limit_bytes_seen,
        first=history.first_sample_seconds,
        last=history.last_sample_seconds,
        ended=history.ended_container_ids[-_MAX_ENDED:],
        counted=_shortened(history.counted[-FEW_COUNTED:], history.container_id_seen),
    )


def with_names(entry: PodDigest, history: ContainerHistory) -> PodDigest:
    """And the names of more victims that were counted."""
    return msgspec.structs.replace(entry, counted=_shortened(history.counted, history.container_id_seen))


def with_course(entry: PodDigest, history: ContainerHistory, points: int = STORED_POINTS) -> PodDigest:
    """And its course: the floor's history, what is told of it and since when, what is usual of it."""
    told = {each.finding.reason: each for each in history.told}
    reasons = tuple(
        ReasonDigest(
            reason,
            told[reason].finding.level if reason in told else None,
            history.raised.get(reason),
            told[reason].less_since_seconds if reason in told else None,
            one_line(told[reason].finding.sentence, _MAX_SENTENCE) if reason in told else "",
        )
        for reason in dict.fromkeys((*told, *history.raised))
    )
    return msgspec.structs.replace(
        entry,
        lower=history.lower_since_seconds,
        why=reasons,
        past=to_digest(history.floor, points),
        usual=_usual(history.usual) if history.usual != NOTHING_USUAL else None,
        advice=tuple((given.advice, one_line(given.sentence, _MAX_SENTENCE)) for given in history.advice),
    )


def history_of(entry: PodDigest | None, kills: tuple[Kill, ...], now_seconds: float) -> ContainerHistory:
    """The history that an entry and the kills in the status tell. Times to come and amounts that nothing has are left out."""
    ended = tuple(kill.container_id for kill in kills if kill.source is KillSource.STATUS)
    if entry is None:
        return ContainerHistory(kills=kills, ended_container_ids=ended[-_MAX_ENDED:])
    seen = entry.seen if entry.seen is not None and len(entry.seen) <= _MAX_ID else None
    first, last = _past(entry.first, now_seconds), _past(entry.last, now_seconds)
    history = ContainerHistory(
        level=entry.level,
        kills=kills,
        oom_kills_seen=_within(entry.kills, _MOST),
        container_id_seen=seen,
        peak_bytes=_within(entry.peak, MAX_BYTES),
        peak_unreclaimable_bytes=_within(entry.floor, MAX_BYTES),
        peak_working_set_bytes=_within(entry.ws, MAX_BYTES),
        limit_bytes_seen=_within(entry.limit, MAX_BYTES),
        ended_container_ids=tuple(dict.fromkeys((*ended, *(run for run in entry.ended if len(run) <= _MAX_ID))))[-2 * _MAX_ENDED :],
        counted=tuple(
            name.replace(_RUN, seen) if seen else name for name in entry.counted[-MAX_COUNTED:] if len(name) <= _MAX_NAME
        ),
        first_sample_seconds=min(first, last) if first is not None and last is not None else None,
        last_sample_seconds=last if first is not None else None,
    )
    return _with_course(history, entry, now_seconds)


def _with_course(history: ContainerHistory, entry: PodDigest, now_seconds: float) -> ContainerHistory:
    told, raised = [], {}
    for each in {reason.reason: reason for reason in entry.why[:_MAX_REASONS]}.values():
        if each.told is not None and each.sentence:
            finding = Finding(each.reason, each.told, one_line(each.sentence, _MAX_SENTENCE))
            told.append(ToldFinding(finding, _past(each.less_since, now_seconds)))
        if each.judged is not None:
            raised[each.reason] = each.judged
    given = {advice: AdviceGiven(advice, one_line(sentence, _MAX_SENTENCE)) for advice, sentence in entry.advice[: len(Advice)]}
    return replace(
        history,
        lower_since_seconds=_past(entry.lower, now_seconds),
        raised=raised,
        told=tuple(told),
        floor=from_digest(entry.past) or NOTHING_SEEN,
        usual=_usual_of(entry.usual, now_seconds) if entry.usual is not None else NOTHING_USUAL,
        advice=tuple(given.values()),
    )


def _usual(usual: Usual) -> UsualDigest:
    return UsualDigest(
        _mean(usual.unreclaimable_bytes),
        _mean(usual.refaults_per_second),
        usual.refaults_limit_bytes,
        _mean(usual.swap_bytes),
    )


def _usual_of(digest: UsualDigest, now_seconds: float) -> Usual:
    refaults, limit = _follows(digest.refaults, now_seconds), _within(digest.refaults_limit, MAX_BYTES)
    return Usual(
        unreclaimable_bytes=_follows(digest.unreclaimable, now_seconds),
        refaults_per_second=refaults if limit is not None else None,
        refaults_limit_bytes=limit if refaults is not None else None,
        swap_bytes=_follows(digest.swap, now_seconds),
    )


def _mean(mean: Mean | None) -> MeanDigest | None:
    if mean is None:
        return None
    return MeanDigest(_plain(mean.value), _plain(mean.latest), _plain(mean.at_seconds), _plain(mean.watched_seconds))


def _follows(mean: MeanDigest | None, now_seconds: float) -> Mean | None:
    if mean is None or not all(0 <= value <= MAX_BYTES for value in (mean.value, mean.latest, mean.watched)):
        return None
    at = _past(mean.at, now_seconds)
    return Mean(mean.value, mean.latest, at, min(mean.watched, at)) if at is not None else None


def _plain(value: float) -> float:
    """With as many digits as matter."""
    return round(value, 1) if math.isfinite(value) else 0.0


def _within(value: int | None, most: int) -> int | None:
    return value if value is not None and 0 <= value <= most else None


def _past(seconds: float | None, now_seconds: float) -> float | None:
    return seconds if seconds is not None and 0 <= seconds <= now_seconds else None


def _shortened(names: Iterable[str], run: str | None) -> tuple[str, ...]:
    """The newest names that fit."""
    kept: list[str] = []
    room = _MAX_COUNTED_LENGTH
    for name in reversed(tuple(names)[-MAX_COUNTED:]):
        if _RUN in name:
            continue  # no agent of ours names anything so
        short = name.replace(run, _RUN) if run else name
        room -= len(msgspec.json.encode(short)) + 1
        if room < 0:
            break
        kept.append(short)
    return tuple(reversed(kept))


def fill(entries: list[PodDigest], room: int, richer: Iterable[tuple[int, Callable[[PodDigest], PodDigest]]]) -> int:
    """Replace entries by richer ones, in this order, as long as they fit; the characters that are left."""
    for index, enrich in richer:
        if room <= 0:
            break
        after = enrich(entries[index])
        cost = len(msgspec.json.encode(after)) - len(msgspec.json.encode(entries[index]))
        if cost <= room:
            entries[index], room = after, room - cost
    return room
