"""That a recommended limit is known to be too low, and what would have to change."""

from __future__ import annotations

from typing import Final

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.recommend.case import Case
from oomsight_operator.judgement.recommend.namespace import bounding
from oomsight_operator.judgement.words import printable

NOT_ENOUGH: Final = "NotEnough"
"""Rule of the step that says that the recommended limit is known to be too low."""


def not_enough(amount: int, case: Case) -> tuple[int, str]:
    """Only a bound that somebody set, or the size of the nodes, can lead here. It is kept, and what will come of it is said."""
    killing, need = case.killing_bytes, case.bounds.need
    if killing is not None and amount <= killing:
        return (
            amount,
            f"not enough: it was killed at limit {human_bytes(killing)} and will be again, {_unless(amount, case)}",
        )
    if need is not None and case.kind is not None and amount < need.peak_bytes:
        held = f"it held {human_bytes(need.peak_bytes)} {case.kind.words}"
        # What is not told apart from page cache could be reclaimed in part.
        will = "will" if case.kind.track is case.state.unreclaimable else "may"
        return amount, f"not enough: {held} and {will} be killed, {_unless(amount, case)}"
    return amount, ""


def _unless(amount: int, case: Case) -> str:
    """What would have to change: the bound that the amount stands at, which would only put off a leak's next kill."""
    if case.context.leaking:
        return "until its leak is mended"
    if amount == case.context.around.largest_node_bytes:
        return "unless it gets a larger node"
    rule = bounding(amount, case.context)
    return f"unless max of LimitRange {printable(rule)} is raised" if rule is not None else "unless maxLimit is raised"
