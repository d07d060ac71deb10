"""Where the kubelet's order and the kernel's differ on a node, and why a pod below its request can still die first.

The kubelet weighs a pod's use against its request and its priority. The kernel knows neither: it adds to what a process holds
`oom_score_adj * (RAM + swap) / 1000`, and a Burstable container's oom_score_adj (`1000 - 1000 * request / MemTotal`) is high
because its request is small, whatever it uses. And the kernel kills when memory is gone, at once; the kubelet looks every 10 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.eviction.ranking import Place
from oomsight_operator.judgement.eviction.settings import MONITORING_SECONDS
from oomsight_operator.judgement.eviction.why import pod_name
from oomsight_operator.judgement.words import printable

MAX_VICTIMS = 3
"""Of the kernel's order that are compared."""


@dataclass(frozen=True, slots=True)
class KernelVictim:
    """Who has one of the first places in the kernel's order for the whole node. Sizes in bytes."""

    place: int
    """From 1; equals have the same."""
    oom_score_adj: int
    adj_bytes: int
    """What its oom_score_adj counts as: oom_score_adj * totalpages / 1000. May be negative."""
    rss_bytes: int | None = None
    pod_uid: str | None = None
    """The uid that names its pod's cgroup; None: a process outside pods."""
    container_id: str | None = None
    container_name: str | None = None
    ambiguous: bool = False
    """Nobody can say which of several is killed at this place."""


def explain_differences(order: Sequence[Place], victims: Sequence[KernelVictim] | None) -> tuple[str, ...]:
    """Sentences, the heads of both orders first. `victims` None: the kernel's order is not known."""
    if victims is None:
        return ("whom the kernel would kill first is not known here, so the two orders are not compared",)
    if not victims or not order:
        return ()
    by_cgroup = {place.pod.cgroup_uid: place for place in order}
    said = [_heads(order, victims[0], by_cgroup.get(victims[0].pod_uid or ""))]
    for victim in victims[:MAX_VICTIMS]:
        place = by_cgroup.get(victim.pod_uid or "")
        if place is None or place.working_set_bytes is None or place.exceeds_request:
            continue
        if victim.place < place.place:
            said.append(_below_its_request(place, victim))
    return tuple(dict.fromkeys(said))


def _heads(order: Sequence[Place], victim: KernelVictim, victim_place: Place | None) -> str:
    evicted = pod_name(order[0].pod)
    if victim.ambiguous:
        return f"the kubelet would evict {evicted} first; whom the kernel would kill first is ambiguous"
    if victim_place is not None and victim_place.place == 1:
        return f"both orders begin with {evicted}"
    if victim_place is not None:
        later = f"{pod_name(victim_place.pod)} as number {victim_place.place}"
        killed = f"{_container(victim)} of {pod_name(victim_place.pod)}"
    else:
        later = ""
        killed = "a process outside pods" if victim.pod_uid is None else "a process in a pod that is not in the eviction order"
    first = f"the kubelet would evict {evicted} first{f' and {later}' if later else ''}"
    return f"the orders differ: {first}, the kernel would kill {killed} first ({_weight(victim)})"


def _below_its_request(place: Place, victim: KernelVictim) -> str:
    before = place.place - 1
    used = f"{human_bytes(place.working_set_bytes or 0)} of its request {human_bytes(place.request_bytes)}"
    return (
        f"{pod_name(place.pod)} uses {used}, so the kubelet would evict {before} {'other' if before == 1 else 'others'} before it;"
        f" yet the kernel may kill {_container(victim)} of it as number {victim.place}: it does not look at requests, and"
        f" {_weight(victim)}; the kubelet looks every {MONITORING_SECONDS} s only, so an allocation that is faster meets the"
        " kernel first"
    )


def _container(victim: KernelVictim) -> str:
    return f"container {printable(victim.container_name, 63)}" if victim.container_name else "a process"


def _weight(victim: KernelVictim) -> str:
    held = f" beside its {human_bytes(victim.rss_bytes)} resident" if victim.rss_bytes is not None else ""
    return f"oom_score_adj {victim.oom_score_adj} counts as {human_bytes(victim.adj_bytes)}{held}"
