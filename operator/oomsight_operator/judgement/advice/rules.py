"""The table of advice, and what is advised of one container.

To add one: a name in `oomsight_api.names.Advice`, one module with one rule, one line here, one test; `docs/advice.md` follows from
the table.
"""

from __future__ import annotations

from typing import Final

from oomsight_operator.judgement.advice import (
    cache_not_sized,
    heap_not_sized,
    limit_near_node_size,
    no_burst_room,
    no_request,
    silent_kills,
    unbounded_swap,
)
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.advice.given import AdviceGiven

RULES: Final[tuple[AdviceRule, ...]] = (
    silent_kills.RULE,
    heap_not_sized.RULE,
    no_burst_room.RULE,
    limit_near_node_size.RULE,
    unbounded_swap.RULE,
    no_request.RULE,
    cache_not_sized.RULE,
)
"""What costs most comes first: lost work, then kills to come, then the node's, then speed."""


def advise(context: AdviceContext, before: tuple[AdviceGiven, ...]) -> tuple[AdviceGiven, ...]:
    """What is advised, in the table's order. While the container is not measured, what rests on samples stays as it was."""
    measured = context.subject.running and context.subject.row is not None
    earlier = {given.advice: given for given in before}
    given: list[AdviceGiven] = []
    for rule in RULES:
        if measured or rule.of_the_past:
            sentence = rule.judge(context)
            given += [AdviceGiven(rule.advice, sentence)] if sentence is not None else []
        elif rule.advice in earlier:
            given.append(earlier[rule.advice])
    return tuple(given)
