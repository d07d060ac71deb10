"""Why a recommendation is what it is, in one sentence: what stands in its way is never what gets cut. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oomsight_operator.judgement.model import Recommendation, RecommendationStep
from oomsight_operator.judgement.recommend.limit import HEAP_OUTGROWS, LARGEST_NODE, UNPROVEN
from oomsight_operator.judgement.recommend.namespace import NO_LIMIT_FITS
from oomsight_operator.judgement.recommend.not_enough import NOT_ENOUGH
from oomsight_operator.judgement.recommend.pod_limit import POD_LIMIT
from oomsight_operator.judgement.recommend.request import AUTOSCALED
from oomsight_operator.judgement.recommend.whole_pod import GUARANTEED, REFUSED, RESERVED

IN_THE_WAY: Final = REFUSED | {NO_LIMIT_FITS, LARGEST_NODE, NOT_ENOUGH, HEAP_OUTGROWS, POD_LIMIT}
"""Rules of steps after which the numbers cannot just be set: new pods would be refused, stay pending, or be killed."""
WARNINGS: Final = IN_THE_WAY | {UNPROVEN, GUARANTEED, AUTOSCALED, RESERVED}
"""Rules of steps that a reader must not miss."""


def warnings_of(found: Recommendation) -> tuple[RecommendationStep, ...]:
    """Steps, of limit and request, that a reader must not miss."""
    return tuple(step for step in (*found.limit_steps, *found.request_steps) if step.rule in WARNINGS)


def why_words(found: Recommendation, room: int) -> str:
    """The steps of the limit (of the request where there is no limit), then the warnings of both; the warnings first where not all
    of it fits into `room` characters."""
    way = [step for step in found.limit_steps or found.request_steps if step.rule not in WARNINGS]
    warnings = warnings_of(found)
    plain = _joined((*way, *warnings))
    return plain if len(plain) <= room else _joined((*warnings, *way))


def _joined(steps: Iterable[RecommendationStep]) -> str:
    return "; ".join(step.why for step in steps)
