"""The recommended request: the limit where the QoS class asks for that, else what scheduling and eviction should count on."""

from __future__ import annotations

from typing import Final

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationSpec, TargetQos
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import RecommendationStep
from oomsight_operator.judgement.recommend.context import Context, Kind
from oomsight_operator.judgement.recommend.namespace import least_request
from oomsight_operator.judgement.recommend.need import DEFAULT
from oomsight_operator.judgement.recommend.words import days_words
from oomsight_operator.judgement.rounding import round_down_below, round_up_coarsely
from oomsight_operator.judgement.words import printable

AUTOSCALED: Final = "Autoscaled"
"""Rule of the step that says that the number of replicas will change with the request."""


def request_steps(
    context: Context, spec: RecommendationSpec, kind: Kind | None, limit: int | None, *, kept_because: str
) -> tuple[RecommendationStep, ...]:
    """The chain; empty where nothing is recommended. `kept_because`: why today's request is not lowered; empty where it may be."""
    current = context.request_bytes if context.request_bytes is not None else context.limit_bytes
    keep_guaranteed = spec.target_qos is TargetQos.KEEP and context.qos_class is QosClass.GUARANTEED
    if spec.target_qos is TargetQos.GUARANTEED or keep_guaranteed:
        if limit is None:
            return ()
        return _equal_to_limit(current, limit, "QoS class Guaranteed: request equals limit", context)
    if spec.target_qos is TargetQos.KEEP and current is not None and current == context.limit_bytes and limit is not None:
        return _equal_to_limit(current, limit, "request and limit are equal today, and stay so", context)
    scaler = context.around.autoscaler_of(context.name)
    steps: list[RecommendationStep] = []
    if scaler is not None and current is not None:
        name = printable(scaler)
        why = f"HorizontalPodAutoscaler {name} scales by memory relative to the request: another one changes how many there are"
        steps.append(RecommendationStep("KeepRequest", None, current, why))
    elif kind is not None and (peak := kind.track.peak_bytes) > 0:
        why = f"highest {kind.words} {days_words(kind.track)}: {human_bytes(peak)}"
        # Nothing is killed by it: coarser than a limit, so that it does not change with every mebibyte of a ramp.
        steps.append(RecommendationStep("RequestFromPeak", None, round_up_coarsely(peak), why))
    amount = steps[-1].after_bytes if steps else None
    if current is not None and (amount is None or (amount < current and kept_because)):
        why = kept_because or "no sample of its memory was seen yet"
        steps.append(RecommendationStep("KeepRequest", amount, current, f"not below today's request {human_bytes(current)}: {why}"))
        amount = current
    most = limit if limit is not None else context.limit_bytes
    fits = most is None or (current is not None and current < most)
    if current is not None and amount is not None and fits and amount < current <= amount * (1 + DEFAULT.lower_beyond):
        why = f"today's request {human_bytes(current)} stays: a little less is not worth a rollout"
        steps.append(RecommendationStep("KeepRequest", amount, current, why))
        amount = current
    below = round_down_below(limit) if limit is not None else 0
    is_kept = scaler is not None or (bool(kept_because) and current is not None and current > below)
    if amount is not None and limit is not None and amount >= limit and below and not is_kept:
        why = "kept below the limit, so that it does not make the pod Guaranteed"
        steps.append(RecommendationStep("RequestBelowLimit", amount, below, why))
        amount = below
    least, rule = least_request(most, context)
    if amount is not None and amount < least:
        steps.append(RecommendationStep("LimitRange", amount, least, rule))
        amount = least
    if amount is not None and most is not None and amount > most:
        steps.append(RecommendationStep("RequestWithinLimit", amount, most, "a request is never above the limit"))
        amount = most
    return (*steps, *_autoscaled(current, amount, context))


def _equal_to_limit(current: int | None, limit: int, why: str, context: Context) -> tuple[RecommendationStep, ...]:
    """The class leaves no choice."""
    step = RecommendationStep("RequestEqualsLimit", current, limit, why)
    return (step, *_autoscaled(current, limit, context))


def _autoscaled(current: int | None, amount: int | None, context: Context) -> tuple[RecommendationStep, ...]:
    """What an autoscaler makes of another request, where class, limit or LimitRange leave no choice but one."""
    scaler = context.around.autoscaler_of(context.name)
    if scaler is None or amount in (None, current):
        return ()
    means = f"HorizontalPodAutoscaler {printable(scaler)} scales by memory relative to the request"
    return (RecommendationStep(AUTOSCALED, amount, amount, f"{means}, which changes: expect another number of replicas"),)
