"""Which memory limit and request would have been right for a container, with every step that leads there."""

from __future__ import annotations

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationSpec, TargetQos
from oomsight_operator.judgement.model import Recommendation
from oomsight_operator.judgement.recommend.confidence import confidence_of
from oomsight_operator.judgement.recommend.context import Context, cache_kind, is_wanted, needed_kind
from oomsight_operator.judgement.recommend.limit import limit_chain
from oomsight_operator.judgement.recommend.lowering import why_not_lower
from oomsight_operator.judgement.recommend.need import DEFAULT, Tuning
from oomsight_operator.judgement.recommend.request import request_chain
from oomsight_operator.judgement.recommend.state import State, propose, propose_request


def recommend(
    state: State, context: Context, spec: RecommendationSpec, tuning: Tuning = DEFAULT
) -> tuple[State, Recommendation | None]:
    """The recommendation for one container, or None when the policy or the evidence gives none; and the state that remembers it."""
    kind = needed_kind(state)
    if not is_wanted(state, kind, context, spec):
        return state, None
    if context.qos_class is QosClass.BEST_EFFORT and spec.target_qos is TargetQos.KEEP:
        return state, None  # Any request or limit would change the class that the policy wants kept.
    chain = limit_chain(state, context, spec, kind, tuning)
    limit = chain.steps[-1].after_bytes if chain.steps else None
    counted = cache_kind(state, spec.page_cache) or kind
    kept_because = why_not_lower(context, spec, kind)
    asked = request_chain(context, spec, counted, limit, before=state.proposed_request_bytes, kept_because=kept_because)
    request = asked.steps[-1].after_bytes if asked.steps else None
    if chain.proposed_bytes is not None:
        state = propose(state, chain.proposed_bytes, context.now_seconds)
    if asked.proposed_bytes is not None:
        state = propose_request(state, asked.proposed_bytes)
    if limit is None and request is None:
        return state, None
    confidence, confidence_why = confidence_of(
        kind.track if kind is not None else None,
        state.floor,
        context.now_seconds,
        leaking=context.leaking,
        coarse=kind.words if kind is not None and kind.track is not state.unreclaimable else "",
    )
    return state, Recommendation(
        container_name=context.name,
        limit_bytes=limit,
        request_bytes=request,
        current_limit_bytes=context.limit_bytes,
        current_request_bytes=context.request_bytes,
        limit_steps=chain.steps,
        request_steps=asked.steps,
        kills=len(context.kills),
        confidence=confidence,
        confidence_why=confidence_why,
        observed_hours=kind.track.observed_hours if kind is not None else 0,
    )
