"""One container of a pod that leaks, in a hundred and fifty characters: for workloads of which more leak than fit as
`pod_digest.py` has them. Pure.

What is left of it is what a judgement goes on from: the coarse course of the floor, which reasons are told, peaks, counters, and of
the ids of runs a checksum, from which the pod's status tells the run (`judgement/kills/runs.py`). Sentences, advice, what is usual
and the names of victims are not kept. Numbers, packed (`judgement/packing.py`), in base64.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final
from uuid import UUID

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_operator.judgement.forecast.digest import coarse_numbers, text_of
from oomsight_operator.judgement.kills.runs import checksum_of, known_by
from oomsight_operator.judgement.model import ContainerHistory
from oomsight_operator.judgement.packing import pack, unpack
from oomsight_operator.publishing.pod_digest import PodDigest, ReasonDigest

VERSION: Final = 1
LEVELS: Final = (RiskLevel.UNKNOWN, RiskLevel.NONE, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH, RiskLevel.CRITICAL)
"""By their number in a digest. What comes later is added behind."""
REASONS: Final = (
    RiskReason.NEAR_LIMIT,
    RiskReason.LEAK_SUSPECTED,
    RiskReason.OOM_KILLED_RECENTLY,
    RiskReason.CHILD_PROCESS_KILLED,
    RiskReason.MEMORY_PRESSURE,
    RiskReason.CACHE_THRASHING,
    RiskReason.SWAP_THRASHING,
    RiskReason.NO_LIMIT,
    RiskReason.OVER_REQUEST,
    RiskReason.FIRST_TO_DIE,
    RiskReason.LIMIT_EQUALS_PEAK,
    RiskReason.SHARED_MEMORY_HEAVY,
)
"""The same."""
_UID_BYTES: Final = 16
_PAGE: Final = 4096
_MOST_ENDED: Final = 2
_MAX_CHARACTERS: Final = 1024


def to_dense(uid: str, history: ContainerHistory) -> str:
    """The text; empty for a uid that is no UUID, which needs more room than there is here."""
    try:
        known = UUID(uid)
    except ValueError:
        return ""
    if str(known) != uid:
        return ""
    told = {each.finding.reason: each.finding.level for each in history.told}
    reasons = [reason for reason in REASONS if reason in told or reason in history.raised]
    ended = [checksum_of(run) for run in history.ended_container_ids[-_MOST_ENDED:]]
    seen = checksum_of(history.container_id_seen) if history.container_id_seen is not None else None
    first, last = history.first_sample_seconds, history.last_sample_seconds
    numbers = [
        VERSION,
        LEVELS.index(history.level),
        _optional(seen),
        _optional(history.oom_kills_seen),
        _in_pages(history.peak_bytes),
        _in_pages(history.peak_unreclaimable_bytes),
        _in_pages(history.peak_working_set_bytes),
        _in_pages(history.limit_bytes_seen),
        *((_optional(int(last)), int(max(0, last - first))) if first is not None and last is not None else (0, 0)),
        len(ended),
        *ended,
        len(reasons),
        *(
            number
            for reason in reasons
            for number in (REASONS.index(reason), _level(told.get(reason)), _level(history.raised.get(reason)))
        ),
        *_of_run(seen, coarse_numbers(history.floor)),
    ]
    return base64.b64encode(known.bytes + pack(numbers)).decode("ascii")


def from_dense(text: str, container_name: str) -> PodDigest:
    """As `pod_digest.history_of` reads it, which believes no more of it than it could be. Raises ValueError for what is none."""
    if len(text) > _MAX_CHARACTERS:
        raise ValueError("too long")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if len(data) <= _UID_BYTES:
        raise ValueError("too short")
    uid, numbers = str(UUID(bytes=data[:_UID_BYTES])), iter(unpack(data[_UID_BYTES:]))
    sentence = f"container {container_name}: as an earlier run of the operator told"
    try:
        return _read(uid, sentence, numbers)
    except IndexError as error:
        raise ValueError("of a later version") from error


def _read(uid: str, sentence: str, left: Iterator[int]) -> PodDigest:
    version, level, *numbers, ended_count = _some(left, 11)
    if version != VERSION or ended_count > _MOST_ENDED:
        raise ValueError("of another version")
    seen, kills, peak, floor, working_set, limit, last = map(_told, numbers[:-1])
    watched, ended = numbers[-1], _some(left, ended_count)
    (reasons,) = _some(left, 1)
    why = tuple(
        ReasonDigest(REASONS[reason], _level_of(told), _level_of(judged), sentence=sentence)
        for reason, told, judged in (_some(left, 3) for _ in range(min(reasons, len(REASONS))))
    )
    return PodDigest(
        uid=uid,
        level=LEVELS[level],
        seen=known_by(seen) if seen is not None else None,
        kills=kills,
        peak=_in_bytes(peak),
        floor=_in_bytes(floor),
        ws=_in_bytes(working_set),
        limit=_in_bytes(limit),
        first=float(last - watched) if last is not None else None,
        last=float(last) if last is not None else None,
        ended=tuple(known_by(run) for run in ended),
        why=why,
        past=text_of(_of_run(seen, left)),
    )


def _of_run(seen: int | None, floor: Iterable[int]) -> Iterator[int]:
    """The floor's numbers, of which the first is its run's checksum, less what `seen` tells already; or the other way."""
    numbers = iter(floor)
    yield from (run ^ (seen or 0) for run in islice(numbers, 1))
    yield from numbers


def _some(left: Iterator[int], count: int) -> list[int]:
    found = list(islice(left, count))
    if len(found) < count:
        raise ValueError("cut off")
    return found


def _optional(number: int | None) -> int:
    return number + 1 if number is not None and number >= 0 else 0


def _told(number: int) -> int | None:
    return number - 1 if number > 0 else None


def _level(level: RiskLevel | None) -> int:
    return LEVELS.index(level) + 1 if level is not None else 0


def _level_of(number: int) -> RiskLevel | None:
    return LEVELS[number - 1] if number > 0 else None


def _in_pages(amount_bytes: int | None) -> int:
    return _optional(amount_bytes // _PAGE if amount_bytes is not None else None)


def _in_bytes(pages: int | None) -> int | None:
    return pages * _PAGE if pages is not None else None
