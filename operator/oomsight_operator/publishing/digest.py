"""What a restarted operator goes on from: histories of pods, packed into MemoryRecommendation and read back. Pure.

A status may have been written by an older or newer version, or by somebody else: whatever makes no sense is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from oomsight_api.names import RiskLevel
from oomsight_api.recommendation import MAX_DIGEST_LENGTH, ContainerRecommendation
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import ContainerHistory, PodHistory
from oomsight_operator.judgement.recommend.digest import StateDigest, from_digest, to_digest
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.publishing.kill_records import MAX_KNOWN_KILLS, ContainerMemory, kill_hash, kill_of
from oomsight_operator.publishing.recommendations import Contribution

_MAX_ENDED = 3
"""The kubelet shows at most two ends of a container (`state` and `lastState`)."""
_MAX_ENTRIES = 64
_MAX_COUNTED = 32
_MAX_COUNTED_LENGTH = MAX_DIGEST_LENGTH // 4
"""Characters of the names of counted victims, of one pod."""
_FEW_COUNTED = 8
_RUN = "~"
"""Stands for the id of the run in a name: 64 characters that `seen` has already."""


class _Pod(msgspec.Struct, frozen=True, omit_defaults=True):
    """One container of one pod, fields named as short as the space asks."""

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


class _Digest(msgspec.Struct, frozen=True, omit_defaults=True):
    v: int
    pods: tuple[_Pod, ...] = ()
    known: tuple[str, ...] = ()
    """Identities of kills that were counted, newest last."""
    learned: StateDigest | None = None
    """What the recommender remembers, of all replicas."""


def encode_digest(name: str, contributions: Iterable[Contribution], memory: ContainerMemory, learned: State | None = None) -> str:
    """The digest of the container `name`: what was learned, as many pods as fit, killed and biggest first, and as many known kills
    as fit."""
    entries: list[tuple[tuple[bool, int, str], _Pod]] = []
    for contribution in contributions:
        for container in contribution.containers:
            history = container.history
            if container.name != name or history == ContainerHistory():
                continue
            entry = _Pod(
                uid=contribution.pod_uid[:63],
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
                counted=_shortened(history.counted, history.container_id_seen),
            )
            entries.append(((bool(container.kills), history.peak_bytes or 0, entry.uid), entry))
    entries.sort(key=lambda item: item[0], reverse=True)
    pods = [entry for _, entry in entries[:_MAX_ENTRIES]]
    known = list(memory.known)
    state = to_digest(learned) if learned is not None else None
    while True:
        text = msgspec.json.encode(_Digest(1, tuple(pods), tuple(known), state)).decode()
        if len(text) <= MAX_DIGEST_LENGTH:
            return text
        # Known kills are worth half of the space: without them kills would be counted twice, without pods peaks would be lost.
        if known and (len(known) * 19 > MAX_DIGEST_LENGTH // 2 or not pods):
            del known[: max(1, len(known) // 8)]
        elif any(len(pod.counted) > _FEW_COUNTED for pod in pods):
            pods = [msgspec.structs.replace(pod, counted=pod.counted[-_FEW_COUNTED:]) for pod in pods]
        elif pods:
            pods.pop()
        else:
            return text[:0]


def _shortened(names: tuple[str, ...], run: str | None) -> tuple[str, ...]:
    """The newest names that fit."""
    kept: list[str] = []
    room = _MAX_COUNTED_LENGTH
    for name in reversed(names[-_MAX_COUNTED:]):
        if _RUN in name:
            continue  # no agent of ours names anything so
        short = name.replace(run, _RUN) if run else name
        room -= len(msgspec.json.encode(short)) + 1
        if room < 0:
            break
        kept.append(short)
    return tuple(reversed(kept))


def memory_of(container: ContainerRecommendation) -> ContainerMemory:
    """What the status remembers of a container's kills."""
    digest = _decode(container.digest)
    known = dict.fromkeys(
        (*(digest.known if digest else ()), *(kill_hash(kill) for kill in map(kill_of, container.kills, _names(container)) if kill))
    )
    return ContainerMemory(oom_kills=container.oom_kills, kills=container.kills, known=tuple(known)[-MAX_KNOWN_KILLS:])


def learned_of(containers: Iterable[ContainerRecommendation], now_seconds: float) -> dict[str, State]:
    """What was learned, by container name."""
    digests = ((container.name, _decode(container.digest)) for container in containers)
    return {
        name: from_digest(digest.learned, now_seconds)
        for name, digest in digests
        if digest is not None and digest.learned is not None
    }


def histories_of(containers: Iterable[ContainerRecommendation]) -> dict[str, PodHistory]:
    """Histories by pod uid: kills that were told, and what was learned."""
    found: dict[str, dict[str, ContainerHistory]] = {}
    for container in containers:
        digest = _decode(container.digest)
        pods = {pod.uid: pod for pod in digest.pods} if digest else {}
        known = frozenset(digest.known[-MAX_KNOWN_KILLS:]) if digest else frozenset()
        kills: dict[str, list[Kill]] = {}
        for record in container.kills:
            kill = kill_of(record, container.name)
            if kill is not None and record.pod_uid:
                kills.setdefault(record.pod_uid, []).append(kill)
        for uid in pods.keys() | kills.keys():
            history = _history(pods.get(uid), tuple(kills.get(uid, ())))
            found.setdefault(uid, {})[container.name] = replace(history, known=known)
    return {uid: PodHistory(containers=histories) for uid, histories in found.items()}


def _history(pod: _Pod | None, kills: tuple[Kill, ...]) -> ContainerHistory:
    ended = tuple(kill.container_id for kill in kills if kill.source is KillSource.STATUS)
    if pod is None:
        return ContainerHistory(kills=kills, ended_container_ids=ended[-_MAX_ENDED:])
    return ContainerHistory(
        level=pod.level,
        kills=kills,
        oom_kills_seen=pod.kills,
        container_id_seen=pod.seen,
        peak_bytes=pod.peak,
        peak_unreclaimable_bytes=pod.floor,
        peak_working_set_bytes=pod.ws,
        limit_bytes_seen=pod.limit,
        ended_container_ids=tuple(dict.fromkeys((*ended, *pod.ended)))[-2 * _MAX_ENDED :],
        counted=tuple(name.replace(_RUN, pod.seen) if pod.seen else name for name in pod.counted[-_MAX_COUNTED:]),
        first_sample_seconds=pod.first,
        last_sample_seconds=pod.last,
    )


def _decode(text: str | None) -> _Digest | None:
    if not text:
        return None
    try:
        digest = msgspec.json.decode(text, type=_Digest)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return digest if digest.v == 1 else None


def _names(container: ContainerRecommendation) -> Iterable[str]:
    return (container.name for _ in container.kills)
