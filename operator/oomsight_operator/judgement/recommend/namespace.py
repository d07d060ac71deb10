"""What the LimitRanges of the namespace allow one container: by its own amounts, and by what its pod has in all.

Source: Kubernetes plugin/pkg/admission/limitranger/admission.go (PodValidateLimitFunc). What they would refuse is not recommended.
Defaults bound nothing: they only fill in what a container does not say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import ContainerSpec
from oomsight_operator.judgement.pod_amounts import aggregate, limit_of, request_of
from oomsight_operator.judgement.recommend.context import Context
from oomsight_operator.judgement.recommend.surroundings import LimitRule
from oomsight_operator.judgement.rounding import round_up
from oomsight_operator.judgement.words import printable

NO_LIMIT_FITS: Final = "NoLimitFits"
"""Rule of the step that says that LimitRanges refuse new pods whatever the limit is."""
_LARGE: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Room:
    """Between what and what a LimitRange wants the limit of this container."""

    name: str
    least_bytes: int
    most_bytes: int | None
    least_words: str = ""
    most_words: str = ""


def fitted(limit: int, context: Context) -> tuple[int, str]:
    """The limit within what every LimitRange allows, and why. Where two contradict, the smaller limit."""
    rooms, whys = tuple(rooms_of(context)), []
    least = max(rooms, key=lambda room: room.least_bytes, default=None)
    if least is not None and limit < least.least_bytes:
        limit = least.least_bytes
        whys.append(least.least_words)
    for room in rooms:
        if room.most_bytes is not None and 0 < room.most_bytes < limit:
            limit = room.most_bytes
            whys = [room.most_words]
    return limit, "; ".join(whys)


def no_limit_fits(context: Context) -> str:
    """Why new pods are refused whatever the limit is; empty where they are not."""
    rooms = tuple(rooms_of(context))
    for room in rooms:
        if room.most_bytes is not None and room.most_bytes <= 0:
            return f"{room.most_words}: no limit of this container fits in"
    for most, least in product(rooms, rooms):
        if 0 < (most.most_bytes or 0) < least.least_bytes:
            return f"{least.least_words}, yet {most.most_words}: no limit fits both, so mend one of them"
    return ""


def bounding(amount: int, context: Context) -> str | None:
    """Name of the LimitRange whose max the amount stands at."""
    return next((room.name for room in rooms_of(context) if room.most_bytes == amount), None)


def least_request(limit: int | None, context: Context) -> tuple[int, str]:
    """What a request must be at least beside this limit, and by which LimitRange; 0 for anything."""
    least, why = 0, ""
    for rule in context.around.limit_rules:
        for amount, words in _least_requests(rule, limit, context):
            if amount > least:
                least, why = amount, words
    return least, why


def rooms_of(context: Context) -> Iterator[Room]:
    """One for every rule that says anything about the limit."""
    for rule in context.around.limit_rules:
        if rule.of_pod and context.pod_limit_bytes is not None:
            continue  # the pod's own limit stands for the sum
        beside, without = _beside(context, limit_of) if rule.of_pod else (0, 0)
        of_all = f" a pod, whose other containers have {human_bytes(beside)}" if beside else " a pod"
        whose = of_all if rule.of_pod else ""
        name = f"LimitRange {printable(rule.name)}"
        least = rule.min_bytes - beside if rule.min_bytes is not None and without < rule.min_bytes else 0
        yield Room(
            rule.name,
            max(0, least),
            rule.max_bytes - beside if rule.max_bytes is not None else None,
            f"{name} demands {human_bytes(rule.min_bytes or 0)} at least{whose}",
            f"{name} allows {human_bytes(rule.max_bytes or 0)} at most{whose}",
        )


def _least_requests(rule: LimitRule, limit: int | None, context: Context) -> Iterator[tuple[int, str]]:
    if rule.of_pod and context.pod_request_bytes is not None:
        return
    beside, without = _beside(context, request_of) if rule.of_pod else (0, 0)
    name, whose = f"LimitRange {printable(rule.name)}", " a pod" if rule.of_pod else ""
    if rule.min_bytes is not None and without < rule.min_bytes:
        yield rule.min_bytes - beside, f"{name} demands {human_bytes(rule.min_bytes)} at least{whose}"
    if rule.max_ratio is not None and rule.max_ratio >= 1 and limit is not None:
        limits = _with(context, limit, limit_of) if rule.of_pod else limit
        of_pod = ", over all containers of a pod" if rule.of_pod else ""
        most = f"a limit of {rule.max_ratio:g} times the request at most" if rule.max_ratio > 1 else "no limit above the request"
        least = min(limits, round_up(math.ceil(limits / rule.max_ratio)))
        yield least - beside, f"{name} allows {most}{of_pod}"


def _beside(context: Context, amount: Callable[[ContainerSpec], int]) -> tuple[int, int]:
    """What counts beside this container when it has the most, and what the pod has without it."""
    return _with(context, _LARGE, amount) - _LARGE, _with(context, 0, amount)


def _with(context: Context, own: int, amount: Callable[[ContainerSpec], int]) -> int:
    """What the pod has in all when this container has `own`."""
    if context.pod is None:
        return own
    return aggregate(context.pod.containers, lambda spec: own if spec.name == context.name else amount(spec))
