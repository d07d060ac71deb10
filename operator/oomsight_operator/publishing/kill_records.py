"""Kills as a MemoryRecommendation remembers them: each counted once, under the name that it keeps whatever is learned of it. Pure.

The latest ten stand in the status with what is known of them; of the others their names stay, one for each witness: the one that
comes second may come after a restart, when the operator has heard of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

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
from oomsight_operator.judgement.kills.names import name_of_end, names_of
from oomsight_operator.judgement.recommend.track import MAX_BYTES
from oomsight_operator.judgement.words import short_hash
from oomsight_operator.publishing.events import one_line

MAX_KNOWN_KILLS = 512
"""Kills of which the names are remembered, per container, so that none is counted twice."""
MAX_NAMES = 4
"""Of one kill: of both witnesses, and as many again where an agent has told it under another id."""

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
    known: tuple[tuple[str, ...], ...] = ()
    """Of each kill that was counted its names, oldest first."""


def remember(memory: ContainerMemory, kills: Iterable[Kill], pod_name: str, pod_uid: str) -> ContainerMemory:
    """Add the kills that are not known yet, and what was learned of those that are; the same object where nothing is new."""
    told = {kill_hash(kill): kill for kill in kills}
    known, new = with_names_of(memory.known, told.values())
    kept: list[KillRecord] = []
    count = memory.oom_kills
    for record in memory.kills:
        kill = told.get(record_hash(record))
        after = record_of(kill, pod_name, pod_uid) if kill is not None and record.pod_uid == pod_uid else record
        count += max(0, after.processes - record.processes)
        kept.append(after)
    if known == memory.known and tuple(kept) == memory.kills:
        return memory
    records = sorted((*kept, *(record_of(kill, pod_name, pod_uid) for kill in new)), key=_time_of)
    return ContainerMemory(
        oom_kills=count + sum(max(1, kill.processes) for kill in new),
        kills=tuple(records[-MAX_KILLS:]),
        known=known[-MAX_KNOWN_KILLS:],
    )


def those_unknown(memory: ContainerMemory, kills: Iterable[Kill]) -> tuple[Kill, ...]:
    """Kills that were not counted yet, by whichever witness."""
    return tuple(with_names_of(memory.known, kills)[1])


def with_names_of(known: tuple[tuple[str, ...], ...], kills: Iterable[Kill]) -> tuple[tuple[tuple[str, ...], ...], list[Kill]]:
    """The names of all, and those of the kills that were not known."""
    entries = dict(enumerate(known))
    places = {name: place for place, names in entries.items() for name in names}
    new: list[Kill] = []
    for kill in kills:
        names = names_of(_bounded(kill))
        place = next((places[name] for name in names if name in places), None)
        if place is None:
            place = len(entries)
            new.append(kill)
        before = entries.get(place, ())
        if not kill.ended_container:  # it may have been said so before; another kill will have ended the run
            before = tuple(name for name in before if name in names or name != name_of_end(kill.container_id))
        for name in entries.get(place, ()):
            places.pop(name, None)
        entries[place] = _joined(before, names)
        places |= dict.fromkeys(entries[place], place)
    return tuple(entries.values()), new


def merge_memories(standing: ContainerMemory, own: ContainerMemory) -> ContainerMemory:
    """What stands in the object, and what this process saw before it knew the object; kills that both know count once."""
    processes = {name: record.processes for record in own.kills for name in names_of_record(record)}
    owned = {name: names for names in own.known for name in names}
    both = {owned[name] for names in standing.known for name in names if name in owned}
    common = sum(max(processes.get(name, 1) for name in names) for names in both)
    records = [record for record in standing.kills if processes.keys().isdisjoint(names_of_record(record))]
    known = [_joined(names, *(owned[name] for name in names if name in owned)) for names in standing.known]
    return ContainerMemory(
        oom_kills=standing.oom_kills + max(0, own.oom_kills - common),
        kills=tuple(sorted((*records, *own.kills), key=_time_of)[-MAX_KILLS:]),
        known=(*known, *(names for names in own.known if names not in both))[-MAX_KNOWN_KILLS:],
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
    return kill_hash(_kill_at(record, 0.0, ""))


def names_of_record(record: KillRecord) -> tuple[str, ...]:
    """The names of the kill that the record tells."""
    return names_of(_bounded(_kill_at(record, 0.0, "")))


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
        return _kill_at(record, parse_time(record.time), container_name)
    except TimeError:
        return None


def _kill_at(record: KillRecord, time_seconds: float, container_name: str) -> Kill:
    return Kill(
        time_seconds=time_seconds,
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


def _joined(*names: tuple[str, ...]) -> tuple[str, ...]:
    """All names of one kill, each once."""
    return tuple(dict.fromkeys(chain.from_iterable(names)))[:MAX_NAMES]


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
