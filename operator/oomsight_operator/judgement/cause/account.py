"""The first part of each sentence: who died, at whose limit, what filled it, and what `kubectl top` had shown.

What is unknown is left out, or said to be unknown; it is never written as 0. Names are the tenant's: printable, and in quotes
when they hold anything that the sentence itself could hold.
"""

from __future__ import annotations

import math
import re

from oomsight_api.incident import OomScope
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.cause.evidence import (
    Charge,
    age,
    charge_at_kill,
    charge_before,
    is_above_pods,
    is_nested,
    limit_at_kill,
    victim,
    went_on,
)
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.words import format_span, printable

MAX_NAME = 63
"""Of a container: Kubernetes allows no more."""
MAX_PROCESS_NAME = 40
"""Of 15 bytes, each escaped at most four times as long."""
REST_PERCENT = 5
MAX_SPAN_SECONDS = 86400.0 * 36500
_PLAIN = re.compile(r"[A-Za-z0-9._:/@+-]+\Z")


def account(kill: Kill, context: KillContext) -> str:
    """`container app was killed at its own limit 512Mi: 470Mi anonymous, ...; kubectl top showed 350Mi 9 s before`."""
    charge = charge_at_kill(kill) or charge_before(kill)
    held = split(kill, charge) if charge is not None else ""
    filled = f": {held}" if held else _victim_held(kill, context)
    were = "were" if kill.processes > 1 and went_on(kill, context) else "was"
    return f"{_who(kill, context)} {were} killed {_where(kill, context)}{filled}{_top(kill, charge)}"


def process_name(name: str) -> str:
    """A process's name; in quotes where it could be taken for a part of the sentence."""
    shown = _shown(name, MAX_PROCESS_NAME)
    if _PLAIN.match(shown):
        return shown
    escaped = shown.replace('"', "'")
    return f'"{escaped}"'


def container_name(name: str) -> str:
    """A container's name."""
    return _shown(name, MAX_NAME)


def span(seconds: float) -> str:
    """As `format_span`, for any number that can be told."""
    if not math.isfinite(seconds):
        return "an unknown time"
    return format_span(min(seconds, MAX_SPAN_SECONDS)) if seconds >= 1 else "less than 1 s"


def split(kill: Kill, charge: Charge) -> str:
    """`470Mi anonymous, 30Mi page cache, 12Mi kernel (kernel log)`: what is known, and where it is from."""
    cache = "page cache and shared memory" if charge.cache_with_shmem else "page cache"
    parts = [
        f"{human_bytes(size)} {kind}"
        for size, kind, even_if_zero in (
            (charge.anon_bytes, "anonymous", True),
            (charge.cache_bytes, cache, True),
            (charge.shmem_bytes, "shared memory", False),
            (charge.kernel_bytes, "kernel", True),
            (_worth_telling(charge), "other", False),
            (charge.swap_bytes, "swapped out", False),
        )
        if size is not None and (size or even_if_zero)
    ]
    if charge.age_seconds is not None:
        source, whose = f"last sample {span(charge.age_seconds)} before", "it held " if _limit_of_others(kill) else ""
    else:
        source, whose = (
            "kernel log",
            {OomScope.POD: "its pod held ", OomScope.CGROUP: "that cgroup held "}.get(kill.scope or OomScope.CONTAINER, ""),
        )
    return f"{whose}{', '.join(parts)} ({source})"


def _victim_held(kill: Kill, context: KillContext) -> str:
    """`: the killed process held 900Mi resident (kernel log)`: where nothing is known of what its cgroup held."""
    died = victim(kill, context)
    sizes = (died.anon_rss_bytes, died.file_rss_bytes, died.shmem_rss_bytes) if died is not None else ()
    known = [size for size in sizes if size is not None]
    if not known:
        return ", and what it held is not known"
    which = "the first killed process" if kill.processes > 1 else "the killed process"
    return f": {which} held {human_bytes(sum(known))} resident (kernel log)"


def _worth_telling(charge: Charge) -> int | None:
    """What is of no kind, from a share on; below it the kernel's counters are batched per CPU and do not add up exactly."""
    rest = charge.rest_bytes
    return rest if rest is not None and charge.usage_bytes and rest * 100 >= charge.usage_bytes * REST_PERCENT else None


def _limit_of_others(kill: Kill) -> bool:
    """Whether what the container held is not all of what filled the limit."""
    return kill.scope in {OomScope.POD, OomScope.NODE, OomScope.CGROUP}


def _who(kill: Kill, context: KillContext) -> str:
    """`container app (process java, pid 17)`, `process worker (pid 17) and 3 more of container app`."""
    of = f"container {container_name(context.container_name)}"
    count = max(1, kill.processes)
    more = f" and {_number(count - 1)} more" if count > 1 else ""
    pid = f"pid {_number(kill.victim_pid)}" if kill.victim_pid is not None else ""
    name = f"process {process_name(kill.victim_name)}" if kill.victim_name is not None else ""
    if went_on(kill, context):
        who = name or ("a child process" if count == 1 or pid else f"{_number(count)} child processes")
        return f"{who} ({pid}){more} of {of}" if pid else f"{who}{more if name else ''} of {of}"
    told = ", ".join(part for part in (name, pid) if part)
    if told:
        return f"{of} ({told}{more})"
    return of if count == 1 else f"{of} ({_number(count)} processes)"


def _number(value: int) -> str:
    return str(value) if abs(value) < 10**12 else "very many"


def _where(kill: Kill, context: KillContext) -> str:
    limit = limit_at_kill(kill, context)
    amount = f" {human_bytes(limit)}" if limit is not None else ""
    if kill.scope is OomScope.CONTAINER:
        whose = "the container's" if went_on(kill, context) else "its"
        return f"at {whose} own limit{amount}"
    if kill.scope is OomScope.POD:
        return f"at the limit{amount} of its pod"
    if kill.scope is OomScope.NODE:
        free = kill.memory.free_bytes if kill.memory is not None else None
        return f"because the node ran out of memory{f' ({human_bytes(free)} free)' if free is not None else ''}"
    if kill.scope is OomScope.CGROUP:
        if is_nested(kill, context):
            return f"at the limit{amount} of a cgroup inside it"
        above = context.incident.limit_cgroup if context.incident is not None and is_above_pods(kill, context) else None
        return f"at the limit of {_shown(above, MAX_NAME)}, a cgroup above its pod" if above else "at the limit of another cgroup"
    own = f" (the container's own limit is{amount})" if amount else ""
    return f"by an OOM of unknown scope{own}"


def _top(kill: Kill, charge: Charge | None) -> str:
    before = kill.before
    if before is None or before.working_set_bytes is None:
        return ""
    same = charge is not None and charge.age_seconds is not None and charge.age_seconds == age(before.age_seconds)
    when = "then" if same else f"{span(before.age_seconds)} before"
    return f"; kubectl top showed {human_bytes(before.working_set_bytes)} {when}"


def _shown(text: str, limit: int) -> str:
    """Printable ASCII. A backslash stays: the agent has escaped its names already."""
    parts = [part if part == "\\" else printable(part, 10 * limit) for part in re.split(r"(\\)", text[: limit + 1])]
    shown = "".join(parts)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."
