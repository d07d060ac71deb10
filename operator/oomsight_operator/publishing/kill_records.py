"""Kills as a MemoryRecommendation remembers them: each counted once, under the name that it keeps whatever is learned of it. Pure.

The latest ten stand in the status with what is known of them; of the others the hash of their name stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from oomsight_api.incident import OomScope
from oomsight_api.quantity import QuantityError, format_bytes, parse_bytes
from oomsight_api.recommendation import (
    MAX_INCIDENT_LENGTH,
    MAX_KILLS,
    MAX_PROCESS_LENGTH,
    MAX_SENTENCE_LENGTH,
    KillEvidence,
    KillOutcome,
    KillRecord,
    KillScope,
)
from oomsight_api.times import TimeError, format_time, parse_time
from oomsight_operator.judgement.kills.model import Kill, KillCause, KillSource
from oomsight_operator.judgement.recommend.track import MAX_BYTES
from oomsight_operator.judgement.words import short_hash
from oomsight_operator.publishing.events import one_line

MAX_KNOWN_KILLS = 512
"""Names of kills remembered per container, so that none is counted twice."""

_SOURCES = {
    KillEvidence.STATUS: KillSource.STATUS,
    KillEvidence.COUNTER: KillSource.COUNTER,
    KillEvidence.KERNEL_LOG: KillSource.KERNEL_LOG,
}
_EVIDENCE = {source: evidence for evidence, source in _SOURCES.items()}
_SCOPES = {
    KillScope.CONTAINER: OomScope.CONTAINER,
    KillScope.POD: OomScope.POD,
    KillScope.NODE: OomScope.NODE,
    KillScope.CGROUP: OomScope.CGROUP,
}
_SCOPE_WORDS = {scope: word for word, scope in _SCOPES.items()}


@dataclass(frozen=True, slots=True)
class ContainerMemory:
    """What is remembered of one container of the workload, whatever becomes of its pods."""

    oom_kills: int = 0
    kills: tuple[KillRecord, ...] = ()
    """The latest, newest last."""
    known: tuple[str, ...] = ()
    """Hashes of the names of kills that were counted, oldest first."""


def remember(memory: ContainerMemory, kills: Iterable[Kill], pod_name: str, pod_uid: str) -> ContainerMemory:
    """Add the kills that are not known yet, and what was learned of those that are; the same object where nothing is new."""
    told = {kill_hash(kill): kill for kill in kills}
    known = set(memory.known)
    kept: list[KillRecord] = []
    count = memory.oom_kills
    for record in memory.kills:
        kill = told.get(record_hash(record))
        after = record_of(kill, pod_name, pod_uid) if kill is not None and record.pod_uid == pod_uid else record
        count += max(0, after.processes - record.processes)
        kept.append(after)
    new = {name: kill for name, kill in told.items() if name not in known}
    if not new and tuple(kept) == memory.kills:
        return memory
    records = sorted((*kept, *(record_of(kill, pod_name, pod_uid) for kill in new.values())), key=_time_of)
    return ContainerMemory(
        oom_kills=count + sum(max(1, kill.processes) for kill in new.values()),
        kills=tuple(records[-MAX_KILLS:]),
        known=(*memory.known, *new)[-MAX_KNOWN_KILLS:],
    )


def merge_memories(standing: ContainerMemory, own: ContainerMemory) -> ContainerMemory:
    """What stands in the object, and what this process saw before it knew the object; kills that both know count once."""
    processes = {record_hash(record): record.processes for record in own.kills}
    common = sum(processes.get(name, 1) for name in set(own.known) & set(standing.known))
    kills = {record_hash(record): record for record in (*standing.kills, *own.kills)}
    return ContainerMemory(
        oom_kills=standing.oom_kills + max(0, own.oom_kills - common),
        kills=tuple(sorted(kills.values(), key=_time_of)[-MAX_KILLS:]),
        known=tuple(dict.fromkeys((*standing.known, *own.known)))[-MAX_KNOWN_KILLS:],
    )


def explained(memory: ContainerMemory) -> int:
    """How much is known of the kills that are shown; rises when something is learned of one."""
    fields = ("incident", "scope", "cause", "process", "pid")
    return sum(getattr(record, name) is not None for record in memory.kills for name in fields)


def kill_hash(kill: Kill) -> str:
    """16 hexadecimal digits for the kill's name."""
    return short_hash(*_bounded(kill).identity)


def record_hash(record: KillRecord) -> str:
    """The hash of the kill that the record tells."""
    kill = kill_of(record.model_copy(update={"time": "1970-01-01T00:00:00Z"}), "")
    return kill_hash(kill) if kill is not None else ""


def record_of(kill: Kill, pod_name: str, pod_uid: str) -> KillRecord:
    """The kill as a status tells it."""
    kill = _bounded(kill)
    try:
        time = format_time(kill.time_seconds)
    except TimeError:
        time = format_time(0)  # a status from the year 0 is hostile, but the kill is still one
    outcome = KillOutcome.CONTAINER_ENDED if kill.container_ended else KillOutcome.CONTAINER_WENT_ON
    return KillRecord(
        time=time,
        pod=pod_name,
        pod_uid=pod_uid,
        container_id=kill.container_id,
        source=_EVIDENCE[kill.source],
        limit=_quantity(kill.limit_bytes),
        peak=_quantity(kill.peak_bytes),
        exit_code=kill.exit_code,
        processes=max(1, kill.processes),
        sequence=max(0, kill.sequence),
        incident=kill.incident_id,
        scope=_SCOPE_WORDS[kill.scope] if kill.scope is not None else None,
        outcome=outcome if kill.container_ended is not None else None,
        process=kill.victim_name,
        pid=max(0, kill.victim_pid) if kill.victim_pid is not None else None,
        cause=kill.cause.cause if kill.cause is not None else None,
        cause_sentence=kill.cause.sentence if kill.cause is not None else None,
    )


def kill_of(record: KillRecord, container_name: str) -> Kill | None:
    """The kill that a record tells; None when its time makes no sense to this version."""
    try:
        time = parse_time(record.time)
    except TimeError:
        return None
    return Kill(
        time_seconds=time,
        container_name=container_name,
        container_id=record.container_id,
        source=_SOURCES[record.source],
        limit_bytes=_bytes(record.limit),
        peak_bytes=_bytes(record.peak),
        exit_code=record.exit_code,
        processes=record.processes,
        sequence=record.sequence,
        incident_id=record.incident,
        scope=_SCOPES[record.scope] if record.scope is not None else None,
        container_ended=record.outcome is KillOutcome.CONTAINER_ENDED if record.outcome is not None else None,
        victim_pid=record.pid,
        victim_name=record.process,
        cause=KillCause(record.cause, record.cause_sentence or "") if record.cause is not None else None,
    )


def _bounded(kill: Kill) -> Kill:
    """With every text printable and as short as the schema asks, so that a kill read back has the name it was written under."""
    return replace(
        kill,
        container_id=one_line(kill.container_id, 128),
        incident_id=one_line(kill.incident_id, MAX_INCIDENT_LENGTH) if kill.incident_id is not None else None,
        victim_name=one_line(kill.victim_name, MAX_PROCESS_LENGTH) if kill.victim_name is not None else None,
        cause=replace(kill.cause, sentence=one_line(kill.cause.sentence, MAX_SENTENCE_LENGTH)) if kill.cause is not None else None,
    )


def _time_of(record: KillRecord) -> float:
    try:
        return parse_time(record.time)
    except TimeError:
        return 0.0


def _quantity(amount_bytes: int | None) -> str | None:
    return format_bytes(amount_bytes) if amount_bytes is not None and amount_bytes >= 0 else None


def _bytes(text: str | None) -> int | None:
    try:
        amount = parse_bytes(text) if text is not None else None
    except QuantityError:
        return None
    return amount if amount is not None and 0 <= amount <= MAX_BYTES else None
