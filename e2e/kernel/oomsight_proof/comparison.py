"""What was told against what happened: lost, doubled, invented, and which of the fields of a kill are right."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oomsight_api.incident import Evidence, OomScope
from oomsight_proof.consumer import ToldKill


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the log must say of a container's kills."""

    scope: OomScope
    limit_cgroup: str | None = None
    limit_pod_uid: str | None = None
    limit_container_id: str | None = None
    trigger_container_id: str | None = None
    """None: not checked."""
    check_limit_owner: bool = True
    """Whether pod and container of the limit are compared, too."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill that happened."""

    pid: int
    name: str
    container_id: str | None
    pod_uid: str | None
    cgroup: str
    expected: Expectation
    is_init: bool | None = None


@dataclass(slots=True)
class Verdict:
    """The comparison of one scenario under one way of evidence."""

    kills: int
    matched: int = 0
    by_row: int = 0
    """Told by the container's counter in its row alone."""
    unattributed: int = 0
    """Told as killed, without whose they were."""
    doubled: int = 0
    invented: int = 0
    right: Counter[str] = field(default_factory=Counter)
    """By field."""
    wrong: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        """Kills of which the agent told in any way."""
        return self.matched + self.by_row + self.unattributed

    @property
    def lost(self) -> int:
        """Kills of which nothing was told."""
        return self.kills - self.found


def compare(
    kills: Sequence[Kill],
    told: Sequence[ToldKill],
    *,
    evidence: set[Evidence],
    unattributed: int = 0,
    row_kills: dict[str, int] | None = None,
) -> Verdict:
    """Match each told kill with one that happened.

    evidence: what an incident may say that it stands on. unattributed: kills that the node counted beyond the incidents; they stand
    for kills of which there is no incident. row_kills: counters of the containers' rows, where those count as told (an agent was
    down); None where they do not.
    """
    verdict = Verdict(len(kills))
    verdict.wrong.extend(one.contradiction for one in told if one.contradiction)
    left, spare = list(kills), list(told)
    for name_of_told, name_of_kill in _NAMES:
        left, spare = _match(verdict, left, spare, name_of_told, name_of_kill, evidence)
    killed_pids = {kill.pid for kill in kills}
    owners = {owner for kill in kills for owner in (kill.container_id, kill.pod_uid) if owner}
    for one in spare:
        victim = one.victim
        known = victim.pid in killed_pids if victim.pid is not None else (victim.container_id or victim.pod_uid) in owners
        if known:
            verdict.doubled += 1
        else:
            verdict.invented += 1
        verdict.wrong.append(f"{'doubled' if known else 'invented'}: {describe(one)}")
    _count_rows(verdict, left, told, row_kills or {})
    verdict.unattributed = min(verdict.kills - verdict.matched - verdict.by_row, unattributed)
    return verdict


def describe(one: ToldKill) -> str:
    """One line for a fault's report."""
    victim, incident = one.victim, one.incident
    owner = (victim.container_id or victim.pod_uid or victim.cgroup or "nobody")[:12]
    words = f"{incident.id} {incident.evidence} {incident.scope}: pid {victim.pid} ({victim.name}) of {owner}"
    return f"{words}, ordinal {victim.ordinal}, by {victim.attributed_by}"


_Name = tuple[object, ...] | None
"""What a told kill and one that happened have in common when they are the same; None: not this."""


def _match(
    verdict: Verdict,
    kills: Sequence[Kill],
    told: Sequence[ToldKill],
    name_of_told: Callable[[ToldKill], _Name],
    name_of_kill: Callable[[Kill], _Name],
    evidence: set[Evidence],
) -> tuple[list[Kill], list[ToldKill]]:
    """Take away the pairs of one name; gives what is left of both."""
    by_name: dict[_Name, deque[Kill]] = defaultdict(deque)
    for kill in kills:
        by_name[name_of_kill(kill)].append(kill)
    spare = []
    for one in told:
        name = name_of_told(one)
        if name is not None and by_name.get(name):
            verdict.matched += 1
            _judge(verdict, by_name[name].popleft(), one, evidence)
        else:
            spare.append(one)
    left = {id(kill) for open_kills in by_name.values() for kill in open_kills}
    return [kill for kill in kills if id(kill) in left], spare


def _container_told(one: ToldKill) -> _Name:
    victim = one.victim
    return (victim.container_id,) if victim.pid is None and victim.container_id is not None else None


def _container_and_name_told(one: ToldKill) -> _Name:
    container = _container_told(one)
    return None if container is None else (*container, one.victim.name)


def _pod_told(one: ToldKill) -> _Name:
    victim = one.victim
    return (victim.pod_uid,) if victim.pid is None and victim.container_id is None and victim.pod_uid is not None else None


def _cgroup_told(one: ToldKill) -> _Name:
    victim = one.victim
    return (victim.cgroup,) if victim.pid is None and victim.container_id is None and victim.pod_uid is None else None


_NAMES: tuple[tuple[Callable[[ToldKill], _Name], Callable[[Kill], _Name]], ...] = (
    (lambda one: (one.victim.pid,) if one.victim.pid is not None else None, lambda kill: (kill.pid,)),
    (_container_and_name_told, lambda kill: (kill.container_id, kill.name)),
    (_container_told, lambda kill: (kill.container_id,)),
    (_pod_told, lambda kill: (kill.pod_uid,)),
    (_cgroup_told, lambda kill: (kill.cgroup,)),
)
"""The surest first."""


def _judge(verdict: Verdict, kill: Kill, one: ToldKill, evidence: set[Evidence]) -> None:
    incident, what = one.incident, f"pid {kill.pid} ({kill.name})"
    for name, found, wanted in (*_victim_fields(kill, one), *_limit_fields(kill, one)):
        if found is None:
            continue
        if found == wanted:
            verdict.right[name] += 1
        else:
            verdict.wrong.append(f"{what}: {name} is told as {found}, it was {wanted}")
    if incident.evidence in evidence:
        verdict.right["evidence"] += 1
    else:
        verdict.wrong.append(f"{what}: evidence is told as {incident.evidence}, expected {' or '.join(sorted(evidence))}")


_Fields = list[tuple[str, object, object]]
"""Name, what is told (None: nothing), what it was."""


def _victim_fields(kill: Kill, one: ToldKill) -> _Fields:
    victim = one.victim
    fields: _Fields = [
        ("pid", victim.pid, kill.pid),
        ("name", victim.name, kill.name),
    ]
    if kill.container_id is None:
        fields.append(("container", victim.container_id or victim.cgroup, kill.cgroup))
    else:
        fields += [("container", victim.container_id, kill.container_id), ("pod", victim.pod_uid, kill.pod_uid)]
    if kill.is_init is not None:
        fields.append(("init", victim.is_container_init, kill.is_init))
    return fields


def _limit_fields(kill: Kill, one: ToldKill) -> _Fields:
    incident, expected = one.incident, kill.expected
    fields: _Fields = [("scope", incident.scope, expected.scope)]
    if expected.scope is OomScope.NODE:
        owner = incident.limit_cgroup or (incident.scope if incident.scope is OomScope.NODE else None)
        fields.append(("limit", owner, OomScope.NODE))
    else:
        fields.append(("limit", incident.limit_cgroup, expected.limit_cgroup))
        if incident.limit_cgroup is not None and expected.check_limit_owner:
            told = (incident.limit_pod_uid, incident.limit_container_id)
            fields.append(("limit owner", told, (expected.limit_pod_uid, expected.limit_container_id)))
    if expected.trigger_container_id is not None:
        trigger = incident.trigger.container_id if incident.trigger is not None else None
        fields.append(("trigger", trigger, expected.trigger_container_id))
    return fields


def _count_rows(verdict: Verdict, left: list[Kill], told: Sequence[ToldKill], row_kills: dict[str, int]) -> None:
    """Kills without incident in a container whose row counts more than its incidents."""
    for container_id, count in row_kills.items():
        spare = count - sum(1 for one in told if one.victim.container_id == container_id)
        mine = sum(1 for kill in left if kill.container_id == container_id)
        taken = max(0, min(spare, mine))
        verdict.by_row += taken
        verdict.right["container"] += taken


def incomplete(verdict: Verdict, fields: Sequence[str]) -> list[str]:
    """Which of these fields are not known for every kill."""
    return [f"{name} known of {verdict.right[name]}" for name in fields if verdict.right[name] < verdict.kills]
