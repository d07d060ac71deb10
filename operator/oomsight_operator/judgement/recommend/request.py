"""The recommended request: the limit where the QoS class asks for that, else what scheduling and eviction should count on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationSpec, TargetQos
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import RecommendationStep
from oomsight_operator.judgement.recommend.context import Context, Kind
from oomsight_operator.judgement.recommend.limit import Chain
from oomsight_operator.judgement.recommend.namespace import least_request
from oomsight_operator.judgement.recommend.need import DEFAULT
from oomsight_operator.judgement.recommend.track import Track
from oomsight_operator.judgement.recommend.words import days_words
from oomsight_operator.judgement.rounding import round_down_below, round_up_coarsely
from oomsight_operator.judgement.words import printable

AUTOSCALED: Final = "Autoscaled"
"""Rule of the step that says that the number of replicas will change with the request."""
_RAISED_BEYOND: Final = 0.06
"""A request is raised at once when the highest peak is more than this above it."""
_MOST_HOURS_ABOVE: Final = 6
"""And by less when so many of the last day's hours were above it: above its request a pod is evicted before those that are not
(docs/eviction.md), so it may be there for its peaks, but not for good."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the container's use asks for."""

    steps: tuple[RecommendationStep, ...] = ()
    proposed_bytes: int | None = None
    """For the workload, before what a replica has today comes in."""
    stays: bool = False
    """Whether today's request is near enough to be left alone."""


def request_chain(
    context: Context, spec: RecommendationSpec, kind: Kind | None, limit: int | None, *, before: int | None, kept_because: str
) -> Chain:
    """The chain; without steps where nothing is recommended. `before`: the request that was proposed for the workload until now.
    `kept_because`: why today's request is not lowered; empty where it may be."""
    current = context.request_bytes if context.request_bytes is not None else context.limit_bytes
    if why_equal := _why_equal(context, spec, current, limit):
        return _equal_to_limit(current, limit, why_equal, context) if limit is not None else Chain()
    most = limit if limit is not None else context.limit_bytes
    asked = _settled(_asked(context, kind, current, before, most), current, kept_because)
    steps = (*asked.steps, *_bounded(_amount(asked.steps), current, context, limit, most, kept_because))
    return Chain((*steps, *_autoscaled(current, _amount(steps), context)), asked.proposed_bytes)


def _amount(steps: tuple[RecommendationStep, ...]) -> int | None:
    return steps[-1].after_bytes if steps else None


def _why_equal(context: Context, spec: RecommendationSpec, current: int | None, limit: int | None) -> str:
    """Why the request has to be the limit; empty where it has not."""
    keep = spec.target_qos is TargetQos.KEEP
    if spec.target_qos is TargetQos.GUARANTEED or (keep and context.qos_class is QosClass.GUARANTEED):
        return "QoS class Guaranteed: request equals limit"
    if keep and current is not None and current == context.limit_bytes and limit is not None:
        return "request and limit are equal today, and stay so"
    return ""


def _asked(context: Context, kind: Kind | None, current: int | None, before: int | None, most: int | None) -> _Asked:
    """From the highest peak, unless an autoscaler goes by the request, or what was proposed before is near enough."""
    scaler = context.around.autoscaler_of(context.name)
    if scaler is not None and current is not None:
        name = printable(scaler)
        why = f"HorizontalPodAutoscaler {name} scales by memory relative to the request: another one changes how many there are"
        return _Asked((RecommendationStep("KeepRequest", None, current, why),))
    if kind is None or (peak := kind.track.peak_bytes) <= 0:
        return _Asked()
    # Nothing is killed by it: coarser than a limit, so that it does not change with every mebibyte of a ramp.
    proposed = round_up_coarsely(peak)
    why = f"highest {kind.words} {days_words(kind.track)}: {human_bytes(peak)}"
    steps = [RecommendationStep("RequestFromPeak", None, proposed, why)]
    if before is not None and before != proposed and _is_near(before, kind.track, most):
        why = f"{human_bytes(before)}, as recommended before: a little {_more_or_less(proposed, before)} is not worth a rollout"
        steps.append(RecommendationStep("SteadyRequest", proposed, before, why))
        proposed = before
    stays = False
    if current is not None and _is_near(current, kind.track, most):
        # Where more than today's was recommended already, that is not taken back and given again as the hours go by.
        stays = current >= peak or proposed != before or current >= proposed
    return _Asked(tuple(steps), proposed, stays)


def _settled(asked: _Asked, current: int | None, kept_because: str) -> _Asked:
    """With today's request where that is not lowered, or left alone."""
    amount = _amount(asked.steps)
    if current is None:
        return asked
    if amount is None or (amount < current and kept_because):
        why = f"not below today's request {human_bytes(current)}: {kept_because or 'no sample of its memory was seen yet'}"
        return replace(asked, steps=(*asked.steps, RecommendationStep("KeepRequest", amount, current, why)))
    if asked.stays and amount != current:
        why = f"today's request {human_bytes(current)} stays: a little {_more_or_less(amount, current)} is not worth a rollout"
        step = RecommendationStep("KeepRequest", amount, current, why)
        return replace(asked, steps=(*asked.steps, step), proposed_bytes=min(amount, current))
    return asked


def _bounded(
    amount: int | None, current: int | None, context: Context, limit: int | None, most: int | None, kept_because: str
) -> tuple[RecommendationStep, ...]:
    """The steps that keep it below the recommended limit, and within what the namespace and the limit to come (`most`) allow."""
    if amount is None:
        return ()
    steps = []
    below = round_down_below(limit) if limit is not None else 0
    is_scaled = context.around.autoscaler_of(context.name) is not None
    is_kept = is_scaled or (bool(kept_because) and current is not None and current > below)
    if limit is not None and amount >= limit and below and not is_kept:
        why = "kept below the limit, so that it does not make the pod Guaranteed"
        steps.append(RecommendationStep("RequestBelowLimit", amount, below, why))
        amount = below
    least, rule = least_request(most, context)
    if amount < least:
        steps.append(RecommendationStep("LimitRange", amount, least, rule))
        amount = least
    if most is not None and amount > most:
        steps.append(RecommendationStep("RequestWithinLimit", amount, most, "a request is never above the limit"))
    return tuple(steps)


def _is_near(request: int | None, track: Track, most: int | None) -> bool:
    """Whether it is not worth a rollout to change this request: it is hardly less than what was seen, or not much more, and below
    the limit (`most`), so that it leaves room for bursts."""
    if request is None or (most is not None and request >= most):
        return False
    long_held = sorted(track.hours)[-_MOST_HOURS_ABOVE] if len(track.hours) >= _MOST_HOURS_ABOVE else 0
    least = max(track.peak_bytes / (1 + _RAISED_BEYOND), long_held)
    return least <= request <= round_up_coarsely(track.peak_bytes) * (1 + DEFAULT.lower_beyond)


def _more_or_less(amount: int, beside: int) -> str:
    return "more" if amount > beside else "less"


def _equal_to_limit(current: int | None, limit: int, why: str, context: Context) -> Chain:
    """The class leaves no choice."""
    step = RecommendationStep("RequestEqualsLimit", current, limit, why)
    return Chain((step, *_autoscaled(current, limit, context)))


def _autoscaled(current: int | None, amount: int | None, context: Context) -> tuple[RecommendationStep, ...]:
    """What an autoscaler makes of another request, where class, limit or LimitRange leave no choice but one."""
    scaler = context.around.autoscaler_of(context.name)
    if scaler is None or amount in (None, current):
        return ()
    means = f"HorizontalPodAutoscaler {printable(scaler)} scales by memory relative to the request"
    return (RecommendationStep(AUTOSCALED, amount, amount, f"{means}, which changes: expect another number of replicas"),)
