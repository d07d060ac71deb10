"""What the rules ask of a kill: what the charge consisted of, whose limit it was, what was needed just before, who died.

Every answer may be None, which is unknown; a rule that needs it does not hold then.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from oomsight_api.incident import KillMemory, LastSample, OomScope, Victim
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.rounding import is_same_limit

KNOWN_LIMIT_NEAR_PERCENT = 70
"""Need from which a limit that is known to have fired counts as too near: the default of the policy's `risk.nearLimit.lowPercent`,
below which nobody was warned."""
UNKNOWN_LIMIT_NEAR_PERCENT = 90
"""The same where it is not known whose memory ran out (a choice): so near to its own limit, that limit is what fired."""
NEED_AGE_SECONDS = 600.0
"""A sample older than this says nothing of the kill: the agent tells an unchanged row at least this often."""
CLOCK_TOLERANCE_SECONDS = 5.0
"""The kubelet's times are whole seconds, and of another clock than the kernel's log."""
_POD_IN_PATH = re.compile(r"pod(?:[0-9a-f]{32}|[0-9a-f]{8}[-_][0-9a-f]{4})")
"""A pod's cgroup by its uid, as either driver writes it, or a static pod's by its config hash."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What a cgroup was charged for, by kind."""

    usage_bytes: int | None
    anon_bytes: int | None
    cache_bytes: int | None
    """Page cache without shmem; with it where `cache_with_shmem`, since shmem is not known apart."""
    cache_with_shmem: bool
    shmem_bytes: int | None
    kernel_bytes: int | None
    swap_bytes: int | None
    age_seconds: float | None
    """None: of the moment of the kill, from the kernel's log; else of a sample so long before."""

    @property
    def known(self) -> bool:
        """Whether at least one kind is."""
        return any(part is not None for part in (self.anon_bytes, self.cache_bytes, self.shmem_bytes, self.kernel_bytes))

    @property
    def rest_bytes(self) -> int | None:
        """Of the moment of the kill: what is of none of these kinds, such as the swap cache; None while one of them is unknown."""
        kinds = (self.anon_bytes, self.cache_bytes, self.shmem_bytes, self.kernel_bytes)
        if self.usage_bytes is None or self.age_seconds is not None or self.cache_with_shmem:
            return None
        known = [size for size in kinds if size is not None]
        return max(0, self.usage_bytes - sum(known)) if len(known) == len(kinds) else None


def charge_at_kill(kill: Kill) -> Charge | None:
    """From the kernel's log, of the cgroup whose limit was hit; None node-wide, where the log's numbers are the node's."""
    if kill.memory is None or kill.memory.age_seconds is not None or kill.scope is OomScope.NODE:
        return None
    return _charge(kill.memory, None, kill.memory.swap_bytes)


def charge_before(kill: Kill) -> Charge | None:
    """Of the container, from the last sample before the kill."""
    if kill.before is not None:
        charge = _charge(kill.before, age(kill.before.age_seconds), None)
        if charge is not None:
            return charge
    if kill.memory is None or kill.memory.age_seconds is None:
        return None
    return _charge(kill.memory, age(kill.memory.age_seconds), kill.memory.swap_bytes)


def age(seconds: float) -> float:
    """Not below 0, where clocks disagree; what is no number stays none."""
    return seconds if math.isnan(seconds) else max(0.0, seconds)


def _charge(memory: KillMemory | LastSample, age_seconds: float | None, swap_bytes: int | None) -> Charge | None:
    file, shmem = memory.file_bytes, memory.shmem_bytes
    charge = Charge(
        usage_bytes=memory.usage_bytes,
        anon_bytes=memory.anon_bytes,
        cache_bytes=file if file is None or shmem is None else max(0, file - shmem),
        cache_with_shmem=file is not None and shmem is None,
        shmem_bytes=shmem,
        kernel_bytes=memory.kernel_bytes,
        swap_bytes=swap_bytes,
        age_seconds=age_seconds,
    )
    return charge if charge.known else None


def limit_at_kill(kill: Kill, context: KillContext) -> int | None:
    """The limit that the container came up against; its own where whose limit it was is not known. Node-wide, and where the limit
    of a cgroup above the pod was hit: None."""
    told = kill.memory.limit_bytes if kill.memory is not None and kill.memory.age_seconds is None else None
    if kill.scope is OomScope.NODE:
        limit = None
    elif kill.scope is OomScope.POD:
        limit = told if told is not None else context.pod_limit_bytes
    elif kill.scope is OomScope.CGROUP:
        limit = told if is_nested(kill, context) else None
    elif kill.scope is OomScope.CONTAINER and told is not None:
        limit = told
    else:
        limit = own_limit(kill)
    return limit if limit is not None and limit > 0 else None


def own_limit(kill: Kill) -> int | None:
    """The container's own limit at the kill: as the kill tells it, else as the kernel enforced it at the last sample."""
    if kill.limit_bytes is not None:
        return kill.limit_bytes
    return kill.before.limit_bytes if kill.before is not None else None


def is_nested(kill: Kill, context: KillContext) -> bool:
    """Whether the limit that was hit is of a cgroup inside the container."""
    incident = context.incident
    if incident is None or kill.scope is not OomScope.CGROUP:
        return False
    inside = bool(kill.container_id) and kill.container_id in (incident.limit_cgroup or "")
    return inside or (incident.limit_container_id is not None and incident.limit_container_id == kill.container_id)


def is_above_pods(kill: Kill, context: KillContext) -> bool:
    """Whether the limit that was hit is of a cgroup that holds the pod: kubepods, a QoS class, a slice, the container that a node
    of kind is. A victim is always below the cgroup that ran out, so one that is in no pod holds them."""
    incident = context.incident
    if kill.scope is not OomScope.CGROUP or incident is None or incident.limit_cgroup is None:
        return False
    if incident.limit_pod_uid is not None or incident.limit_container_id is not None or is_nested(kill, context):
        return False
    return _POD_IN_PATH.search(incident.limit_cgroup) is None


def is_containers_own(kill: Kill, context: KillContext) -> bool:
    """Whether what filled the limit is the container's (or its pod's) matter; so taken where the scope is not known."""
    return kill.scope is not OomScope.NODE and (kill.scope is not OomScope.CGROUP or is_nested(kill, context))


def need_before(kill: Kill, max_age_seconds: float = NEED_AGE_SECONDS) -> tuple[int, float] | None:
    """What the kernel could not have freed in the container at the last sample, and how many seconds before the kill that was. None
    where it was not the container's or the pod's limit: the sample says nothing of what was held against another."""
    before = kill.before
    if (
        kill.scope in {OomScope.NODE, OomScope.CGROUP}
        or before is None
        or before.unreclaimable_bytes is None
        or not 0 <= before.age_seconds <= max_age_seconds
    ):
        return None
    return before.unreclaimable_bytes, before.age_seconds


def need_at_kill(kill: Kill, limit_bytes: int) -> int | None:
    """That need, and what the slope of its floor adds until the kill."""
    need = need_before(kill)
    if need is None:
        return None
    return need[0] + int(min(max(0.0, slope(kill) or 0.0), float(limit_bytes)) * need[1])


def is_near(need_bytes: int, kill: Kill, limit_bytes: int) -> bool:
    """Whether that need alone explains that the limit was hit."""
    percent = KNOWN_LIMIT_NEAR_PERCENT if kill.scope is not None else UNKNOWN_LIMIT_NEAR_PERCENT
    return need_bytes * 100 >= limit_bytes * percent


def slope(kill: Kill) -> float | None:
    """Bytes per second by which the unreclaimable floor grew over the agent's last ten minutes."""
    value = kill.before.floor_slope_bytes_per_second if kill.before is not None else None
    return value if value is not None and math.isfinite(value) else None


def run_seconds(kill: Kill, context: KillContext) -> float | None:
    """From the start of the run to the kill; None also where clocks contradict each other."""
    if context.started_at_seconds is None:
        return None
    span = kill.time_seconds - context.started_at_seconds
    return max(0.0, span) if span >= -CLOCK_TOLERANCE_SECONDS else None


def earlier_at_this_limit(kill: Kill, context: KillContext) -> tuple[Kill, ...]:
    """Earlier kills at the same limit within the window, oldest first; not those of which it is known that it did not fire."""
    limit = own_limit(kill)
    if limit is None:
        return ()
    since = kill.time_seconds - context.window_seconds if context.window_seconds is not None else -math.inf
    kept = (
        other
        for other in context.earlier_kills
        if other.limit_bytes is not None
        and is_same_limit(other.limit_bytes, limit)
        and other.scope not in {OomScope.NODE, OomScope.CGROUP}
        and since <= other.time_seconds < kill.time_seconds
        and not _is_same(other, kill)
    )
    return tuple(sorted(kept, key=lambda other: other.time_seconds))


def _is_same(other: Kill, kill: Kill) -> bool:
    """Told before, perhaps by another witness."""
    return other.identity == kill.identity or (other.incident_id is not None and other.incident_id == kill.incident_id)


def victim(kill: Kill, context: KillContext) -> Victim | None:
    """The kill's first victim as the incident tells of it."""
    victims = context.incident.victims if context.incident is not None else ()
    of_container = [one for one in victims if one.container_id == kill.container_id]
    named = [one for one in of_container or victims if one.pid is not None and one.pid == kill.victim_pid]
    return next(iter(named or of_container), None)


def went_on(kill: Kill, context: KillContext) -> bool:
    """Whether a child process died and the container went on."""
    if kill.ended_container:
        return False
    died = victim(kill, context)
    if died is not None and died.is_container_init:
        return False
    incident = context.incident
    if incident is None or not incident.victims or incident.victims[0].container_id != kill.container_id:
        return True
    return incident.container_survived is not False
