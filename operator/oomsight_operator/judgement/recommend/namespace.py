"""What the namespace allows: LimitRanges bound each container, ResourceQuotas all of them together.

What a LimitRange would refuse is not recommended; what needs a larger quota is recommended all the same, and that is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.judgement.words import printable


def fitted(limit: int, around: Surroundings) -> tuple[int, str]:
    """The limit within what every LimitRange allows, and which one changed it last. Where two contradict, the smaller limit."""
    why = ""
    for rule in around.limit_rules:
        if rule.min_bytes is not None and limit < rule.min_bytes:
            limit, why = rule.min_bytes, f"LimitRange {printable(rule.name)} demands {human_bytes(rule.min_bytes)} at least"
    for rule in around.limit_rules:
        if rule.max_bytes is not None and limit > rule.max_bytes:
            limit, why = rule.max_bytes, f"LimitRange {printable(rule.name)} allows {human_bytes(rule.max_bytes)} at most"
    return limit, why


def least_request(limit: int | None, around: Surroundings) -> tuple[int, str]:
    """What a request must be at least beside this limit, and by which LimitRange; 0 for anything."""
    least, why = 0, ""
    for rule in around.limit_rules:
        if rule.min_bytes is not None and rule.min_bytes > least:
            least, why = rule.min_bytes, f"LimitRange {printable(rule.name)} demands {human_bytes(rule.min_bytes)} at least"
        if rule.max_ratio is not None and rule.max_ratio >= 1 and limit is not None:
            ratio = math.ceil(limit / rule.max_ratio)
            if ratio > least:
                least = ratio
                why = f"LimitRange {printable(rule.name)} allows a limit of {rule.max_ratio:g} times the request at most"
    return least, why


def shortage(left: Iterable[tuple[str, int | None]], resource: str, more: int) -> str:
    """A sentence when a quota leaves less than what one replica would need more; empty when it is enough, or none is known."""
    for name, amount in left:
        if more > 0 and amount is not None and amount < more:
            rest = human_bytes(max(0, amount))
            return (
                f"ResourceQuota {printable(name)} leaves {rest} of {resource}, and each replica needs {human_bytes(more)} more:"
                " raise the quota first, or new pods are refused"
            )
    return ""
