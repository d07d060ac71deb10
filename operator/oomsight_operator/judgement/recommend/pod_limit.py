"""A kill by the pod's own limit (`spec.resources`): what to raise, and to how much. No limit of a container can mend it."""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.quantity import format_bytes, human_bytes
from oomsight_operator.judgement.model import ContainerSpec
from oomsight_operator.judgement.pod_amounts import aggregate
from oomsight_operator.judgement.recommend.bounds import bounds_of, floor_bytes
from oomsight_operator.judgement.recommend.context import Context, blamed, needed_kind
from oomsight_operator.judgement.recommend.state import NOTHING, OomKill, State, on_oom
from oomsight_operator.judgement.rounding import round_up

POD_LIMIT: Final = "PodLimit"
"""Rule of the step that says that the pod's own limit killed."""


def reached(limit_bytes: int) -> str:
    """A sentence without its full stop."""
    own = human_bytes(limit_bytes)
    return f"the pod's own limit {own} (spec.resources) was reached, and a higher one of the container would change nothing"


def killed_by_pod(state: State, context: Context) -> str:
    """The same of the latest kill, with what to raise it to; empty where it was another limit's, or the container's as well, and
    where it is higher by now.

    `state` is what is remembered of this container; what is of the pod's others is in the context.
    """
    own = context.pod_limit_bytes
    if own is None or not context.kills or context.kills[-1].scope is not OomScope.POD:
        return ""
    if blamed(context.kills[-1:], own):
        return ""
    needed, killed = _needed_bytes(state, context), _after_kills(context, own)
    if max(needed, killed) <= own:
        return ""
    by_measure = f" (by what was seen its containers need {human_bytes(needed)} together)" if needed else ""
    return f"{reached(own)}: raise that to {format_bytes(round_up(max(needed, killed)))}{by_measure}"


def _needed_bytes(state: State, context: Context) -> int:
    """What the pod's containers need at one time, as far as known, each as if no limit had killed it; 0 where nothing is known."""

    def need(spec: ContainerSpec) -> int:
        kind = needed_kind(state if spec.name == context.name else context.around.learned.get(spec.name, NOTHING))
        return bounds_of(kind.track, None, context.now_seconds).target_bytes if kind is not None else 0

    return aggregate(context.pod.containers, need) if context.pod is not None else 0


def _after_kills(context: Context, own: int) -> int:
    """As a container's limit after kills: a burst may have fallen between two samples."""
    kills = [
        OomKill(own, kill.time_seconds)
        for kill in context.kills
        if kill.scope is OomScope.POD and kill.time_seconds <= context.now_seconds
    ]
    floor = on_oom(NOTHING, kills).floor
    return (floor_bytes(floor, context.now_seconds) if floor is not None else None) or 0
