"""Whether less than what is set now may be recommended: less than the limit in force, or a limit where there is none."""

from __future__ import annotations

from oomsight_api.policy import RecommendationMode, RecommendationSpec
from oomsight_operator.judgement.recommend.bounds import SETTLED_HOURS
from oomsight_operator.judgement.recommend.context import Context, Kind


def why_not_lower(context: Context, spec: RecommendationSpec, kind: Kind | None) -> str:
    """Only in mode Always, and after a day, which shows the daily peak. Never for an init container: what it held between its last
    sample and its end nobody saw. Empty where less may be recommended."""
    if context.brief:
        return "an init container may need more between two samples"
    if spec.mode is not RecommendationMode.ALWAYS:
        return "less is recommended only with recommendation.mode Always"
    hours = kind.track.observed_hours if kind is not None else 0
    if hours < SETTLED_HOURS:
        return f"nothing proves yet that less is enough ({hours} of {SETTLED_HOURS} hours seen)"
    return ""


def why_no_first_limit(context: Context, kind: Kind | None) -> str:
    """Why nobody should set a limit yet where there is none; empty where there is one, or a day was seen."""
    if context.limit_bytes is not None:
        return ""
    if context.brief:
        return "no limit is set today, and an init container may need more between two samples"
    hours = kind.track.observed_hours if kind is not None else 0
    if hours >= SETTLED_HOURS:
        return ""
    until = f"set none before a day was seen ({hours} of {SETTLED_HOURS} hours)"
    return f"no limit is set today: {until}, or it kills what was not seen yet"
