"""What a restarted operator goes on from: histories of pods, packed into MemoryRecommendation and read back. Pure.

A status may have been written by an older or newer version, or by somebody else: whatever makes no sense is left out, part by part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from heapq import nlargest
from typing import Any, Final

import msgspec

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.parse import describe
from oomsight_api.recommendation import MAX_DIGEST_LENGTH, ContainerRecommendation
from oomsight_operator.judgement.forecast.history import MAX_POINTS
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.kills.names import NAME_LENGTH, name_of_hash
from oomsight_operator.judgement.model import ContainerHistory, PodHistory
from oomsight_operator.judgement.recommend.digest import StateDigest, from_digest, to_digest
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.publishing.contributions import ContainerContribution, Contribution
from oomsight_operator.publishing.dense_digest import from_dense, to_dense
from oomsight_operator.publishing.kill_records import MAX_KNOWN_KILLS, MAX_NAMES, ContainerMemory, kill_of, with_names_of
from oomsight_operator.publishing.pod_digest import PodDigest, bare, fill, history_of, with_course, with_names

VERSION: Final = 1
MAX_PODS: Final = 64
_CONTAINERS_AT_ONCE: Final = 16
"""Of one object, as good as always."""
_COURSES_TRIED: Final = 16
"""Of calm pods; more do not fit."""
_AHEAD_SECONDS: Final = 86400.0
"""A kill is of a node's clock; one from farther ahead is none."""
_NAMES: Final = re.compile(rf"(?:[\w-]{{{NAME_LENGTH}}}){{1,{MAX_NAMES}}}", re.ASCII)
"""Of one kill, in one word. Other characters may take more room when they are written again than they seem to."""
_NO_HISTORY: Final = ContainerHistory()
_FRAME: Final = len('{"v":1,"pods":[],"dense":[],"names":"","learned":}')


class _Digest(msgspec.Struct, frozen=True, omit_defaults=True):
    v: int
    pods: tuple[PodDigest, ...] = ()
    dense: tuple[str, ...] = ()
    """More pods, of workloads in which many leak."""
    names: str = ""
    """Of each kill that was counted its names, in one word; newest last."""
    learned: StateDigest | None = None
    """What the recommender remembers, of all replicas."""


class _Raw(msgspec.Struct, frozen=True):
    """The same, part by part."""

    v: int
    pods: msgspec.Raw = msgspec.Raw(b"[]")
    dense: msgspec.Raw = msgspec.Raw(b"[]")
    names: msgspec.Raw = msgspec.Raw(b'""')
    known: msgspec.Raw = msgspec.Raw(b"[]")
    """The same as an earlier version wrote it: one name of each, 16 hexadecimal digits."""
    learned: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class _Parts:
    """What of a digest makes sense."""

    pods: tuple[PodDigest, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()
    learned: StateDigest | None = None
    problems: tuple[str, ...] = ()


def encode_digest(name: str, contributions: Iterable[Contribution], memory: ContainerMemory, learned: State | None = None) -> str:
    """The digest of the container `name`. First what was learned; known kills get at most half of the rest. Then pods: those that
    are killed or grow first, and these with their course, the last of them in short where they do not fit otherwise; then the
    biggest; more of each where there is room."""
    said = nlargest(MAX_PODS, _of_container(name, contributions), key=_importance)
    state = to_digest(learned) if learned is not None else None
    room = MAX_DIGEST_LENGTH - _FRAME - (len(msgspec.json.encode(state)) if state is not None else 4)
    known = _newest_that_fit(memory.known, room // 2)
    room -= len(known)
    notable = [(uid, container.history) for uid, container in said if _is_notable(container)]
    calm = [(uid, container.history) for uid, container in said if not _is_notable(container)]
    full, dense, room = _with_courses(notable, room)
    pods, histories = list(full), [history for _, history in notable[: len(full)]]
    for uid, history in (*notable[len(full) + len(dense) :], *calm):
        entry = bare(uid, history)
        cost = len(msgspec.json.encode(entry)) + 1
        if cost > room:
            break
        room -= cost
        histories.append(history)
        pods.append(entry)
    for enrich, indexes in (
        (partial(with_names), range(len(pods))),
        (partial(with_course), range(len(full), min(len(pods), len(full) + _COURSES_TRIED))),
        (partial(with_course, points=MAX_POINTS), range(len(full))),
    ):
        room = fill(pods, room, ((index, partial(enrich, history=histories[index])) for index in indexes))
    text = msgspec.json.encode(_Digest(VERSION, tuple(pods), dense, known, state)).decode()
    return text if len(text) <= MAX_DIGEST_LENGTH else ""


def _with_courses(notable: Sequence[tuple[str, ContainerHistory]], room: int) -> tuple[list[PodDigest], tuple[str, ...], int]:
    """As many as fit with their course: as many as can be in full, the others in short; and the room that is left."""
    short, costs = _as_many_in_short_as_fit(notable, room)
    behind = sum(costs)
    full: list[PodDigest] = []
    for index, (uid, history) in enumerate(notable):
        entry = with_course(bare(uid, history), history)
        cost, behind = len(msgspec.json.encode(entry)) + 1, behind - sum(costs[index : index + 1])
        if cost + behind > room:
            break
        full.append(entry)
        room -= cost
    dense: list[str] = []
    for text, cost in zip(short[len(full) :], costs[len(full) :], strict=True):
        if cost > room:
            break
        dense.append(text)
        room -= cost
    return full, tuple(dense), room


def _as_many_in_short_as_fit(notable: Iterable[tuple[str, ContainerHistory]], room: int) -> tuple[list[str], list[int]]:
    """Texts of the first ones, and what each costs. One more than fits beside the first in full: then none is kept in full."""
    short: list[str] = []
    costs: list[int] = []
    for uid, history in notable:
        text = to_dense(uid, history)
        if not text or sum(costs[1:]) > room:
            break
        short.append(text)
        costs.append(len(text) + 3)
    return short, costs


def memory_of(container: ContainerRecommendation) -> ContainerMemory:
    """What the status remembers of a container's kills."""
    told = (kill_of(record, container.name) for record in container.kills)
    known, _ = with_names_of(_decode(container).known, (kill for kill in told if kill is not None))
    return ContainerMemory(oom_kills=container.oom_kills, kills=container.kills, known=known[-MAX_KNOWN_KILLS:])


def learned_of(containers: Iterable[ContainerRecommendation], now_seconds: float) -> dict[str, State]:
    """What was learned, by container name."""
    digests = ((container.name, _decode(container).learned) for container in containers)
    return {name: from_digest(learned, now_seconds) for name, learned in digests if learned is not None}


def histories_of(containers: Iterable[ContainerRecommendation], now_seconds: float) -> dict[str, PodHistory]:
    """Histories by pod uid: kills that were told, and what was learned."""
    found: dict[str, dict[str, ContainerHistory]] = {}
    for container in containers:
        digest = _decode(container)
        pods = {pod.uid: pod for pod in digest.pods[:MAX_PODS]}
        kills: dict[str, list[Kill]] = {}
        for record in container.kills:
            kill = kill_of(record, container.name)
            if kill is not None and record.pod_uid and kill.time_seconds <= now_seconds + _AHEAD_SECONDS:
                kills.setdefault(record.pod_uid, []).append(kill)
        for uid in pods.keys() | kills.keys():
            found.setdefault(uid, {})[container.name] = history_of(pods.get(uid), tuple(kills.get(uid, ())), now_seconds)
    return {uid: PodHistory(containers=histories) for uid, histories in found.items()}


def problems_of(containers: Iterable[ContainerRecommendation]) -> list[str]:
    """What of the digests makes no sense, and is left out."""
    return [f"container {container.name}: {problem}" for container in containers for problem in _decode(container).problems]


def _of_container(name: str, contributions: Iterable[Contribution]) -> Iterator[tuple[str, ContainerContribution]]:
    for contribution in contributions:
        for container in contribution.containers:
            if container.name == name and container.history != _NO_HISTORY:
                yield contribution.pod_uid, container


def _is_notable(container: ContainerContribution) -> bool:
    """Something worth acting on is told, advised, or about to be told of it: a restart would change that."""
    history = container.history
    told = (history.level, *(told.finding.level for told in history.told))
    return container.grows or bool(history.advice) or any(level.severity >= RiskLevel.MEDIUM.severity for level in told)


def _importance(item: tuple[str, ContainerContribution]) -> tuple[bool, bool, int, int, str]:
    uid, container = item
    history = container.history
    leaks = container.grows or RiskReason.LEAK_SUSPECTED in {told.finding.reason for told in history.told}
    return bool(container.kills), leaks, history.level.severity, history.peak_bytes or 0, uid


def _decode(container: ContainerRecommendation) -> _Parts:
    return _parts_of(container.digest, container.name) if container.digest else _Parts()


@lru_cache(_CONTAINERS_AT_ONCE)
def _parts_of(text: str, container_name: str) -> _Parts:
    """Remembered for a moment: histories, kills and what was learned are asked for one after the other, and twenty pods in short
    take a millisecond."""
    try:
        raw = msgspec.json.decode(text, type=_Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _Parts(problems=("its digest is cut off, or was never one",))
    if raw.v != VERSION:
        return _Parts(problems=(f"its digest is of version {describe(raw.v)}, and this operator knows {VERSION}",))
    problems: list[str] = []
    pods = (*_each(raw.pods, PodDigest, "pods", problems), *_dense(raw.dense, container_name, problems))
    known = (*_old_names(raw.known, problems), *_names(raw.names, problems))[-MAX_KNOWN_KILLS:]
    learned = _learned(raw.learned, problems)
    return _Parts(pods, known, learned, tuple(problems))


def _dense(raw: msgspec.Raw, name: str, problems: list[str]) -> tuple[PodDigest, ...]:
    found, texts = [], _each(raw, str, "pods in short", problems)
    for text in texts:
        with suppress(ValueError):
            found.append(from_dense(text, name))
    if len(found) < len(texts):
        problems.append(f"{len(texts) - len(found)} of {len(texts)} pods in short in its digest make no sense")
    return tuple(found)


def _newest_that_fit(known: tuple[tuple[str, ...], ...], room: int) -> str:
    """Words of names, newest last."""
    words: list[str] = []
    for names in reversed(known):
        words.append("".join(names))
        room -= len(words[-1]) + 1
        if room < 0:
            words.pop()
            break
    return " ".join(reversed(words))


def _names(raw: msgspec.Raw, problems: list[str]) -> tuple[tuple[str, ...], ...]:
    try:
        words = msgspec.json.decode(raw, type=str).split()
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        problems.append("its digest has no names of known kills")
        return ()
    whole = [word for word in words if _NAMES.fullmatch(word)]
    if len(whole) < len(words):
        problems.append(f"{len(words) - len(whole)} of {len(words)} known kills in its digest make no sense")
    starts = range(0, MAX_NAMES * NAME_LENGTH, NAME_LENGTH)
    return tuple(tuple(filter(None, (word[start : start + NAME_LENGTH] for start in starts))) for word in whole)


def _old_names(raw: msgspec.Raw, problems: list[str]) -> tuple[tuple[str, ...], ...]:
    found = []
    for digits in _each(raw, str, "known kills", problems):
        with suppress(ValueError):
            found.append((name_of_hash(digits),))
    return tuple(found)


def _each(raw: msgspec.Raw, kind: Any, what: str, problems: list[str]) -> tuple[Any, ...]:
    """Those of a list that are what they should be."""
    found, bad = [], 0
    try:
        items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        problems.append(f"its digest has no list of {what}")
        return ()
    for item in items:
        try:
            found.append(msgspec.json.decode(item, type=kind))
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            bad += 1
    if bad:
        problems.append(f"{bad} of {len(items)} {what} in its digest make no sense")
    return tuple(found)


def _learned(raw: msgspec.Raw, problems: list[str]) -> StateDigest | None:
    """As far as its parts make sense, each by itself."""
    try:
        parts = msgspec.json.decode(raw, type=dict[str, msgspec.Raw] | None)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        problems.append("what was learned is not to be read")
        return None
    if parts is None:
        return None
    found = {}
    for field in msgspec.structs.fields(StateDigest):
        if field.encode_name in parts:
            try:
                found[field.name] = msgspec.json.decode(parts[field.encode_name], type=field.type)
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                problems.append(f"{field.encode_name} of what was learned makes no sense")
    return StateDigest(**found)
