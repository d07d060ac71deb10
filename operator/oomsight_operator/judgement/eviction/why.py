"""Why a pod has its place in the eviction order, in a sentence with its numbers."""

from __future__ import annotations

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.eviction.ranking import Place
from oomsight_operator.judgement.eviction.working_set import Source
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.words import printable

_SOURCES = {
    Source.POD: "",
    Source.CONTAINERS: " (the sum of its containers: nothing is known of its own cgroup)",
    Source.SOME_CONTAINERS: " at least (the sum of those containers of which something is known)",
}


def pod_name(pod: Pod) -> str:
    """`shop/web-1`, for sentences."""
    return f"{printable(pod.namespace, 63)}/{printable(pod.name)}"


def why_here(place: Place) -> str:
    """The rule that puts the pod here."""
    return f"{_rule(place)}; priority {place.priority}{_tie(place)}"


def why_never(pod: Pod) -> str:
    """Of a critical pod."""
    kind = "a static pod" if pod.config_hash is not None else f"priority {pod.priority} is a system priority"
    return f"never evicted: {kind}; the kernel's OOM killer knows no such exception"


def _rule(place: Place) -> str:
    if place.working_set_bytes is None:
        return "no container of it has started, so the kubelet has no statistics of it, and such pods go first"
    used = f"working set {human_bytes(place.working_set_bytes)}{_SOURCES[place.source or Source.POD]}"
    if not place.request_bytes:
        return f"{used} with no memory request, so all of it counts as above the request"
    request = f"its request {human_bytes(place.request_bytes)}"
    excess = place.working_set_bytes - place.request_bytes
    if excess > 0:
        return f"{used} is {human_bytes(excess)} above {request}"
    return f"{used} is {human_bytes(-excess)} below {request}, so it goes after every pod that is above its own"


def _tie(place: Place) -> str:
    return "; another pod has the same rank, and the kubelet leaves to chance which goes first" if place.tied else ""
