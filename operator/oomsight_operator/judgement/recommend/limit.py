"""The recommended limit: a chain of small steps, each with what it changed and why.

It starts from what asks for most (beginning.py). Nothing but the policy's maxLimit, a LimitRange or the size of the nodes leads to
a limit that is known to be too low, and then that is said (not_enough.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from oomsight_api.policy import RecommendationMode, RecommendationSpec
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import RecommendationStep
from oomsight_operator.judgement.recommend import swapped
from oomsight_operator.judgement.recommend.beginning import beginning
from oomsight_operator.judgement.recommend.bounds import settle
from oomsight_operator.judgement.recommend.case import Case, case_of
from oomsight_operator.judgement.recommend.context import Context, Kind
from oomsight_operator.judgement.recommend.heap import not_lowered, with_room
from oomsight_operator.judgement.recommend.heap_words import outgrown, told, unknown
from oomsight_operator.judgement.recommend.lowering import why_no_first_limit, why_not_lower
from oomsight_operator.judgement.recommend.namespace import NO_LIMIT_FITS, fitted, no_limit_fits
from oomsight_operator.judgement.recommend.need import DEFAULT, Tuning
from oomsight_operator.judgement.recommend.not_enough import NOT_ENOUGH, not_enough
from oomsight_operator.judgement.recommend.pod_limit import POD_LIMIT, killed_by_pod
from oomsight_operator.judgement.recommend.startable import STARTABLE, startable
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS
from oomsight_operator.judgement.recommend.words import imported_words
from oomsight_operator.judgement.rounding import round_near

LARGEST_NODE: Final = "LargestNode"
"""Rule of the step that says that more would be needed than any node has; to ask for all of one is not to be scheduled either."""
UNPROVEN: Final = "Unproven"
"""Rule of the step that says that too little was seen for a limit where there is none."""
HEAP_OUTGROWS: Final = "HeapOutgrows"
"""Rule of the step that says that the heap of what was killed may grow beyond the recommended limit, too."""
HEAP_UNKNOWN: Final = "HeapUnknown"
"""Rule of the step that says that nobody knows what the limit makes of the heap."""


Step = Callable[[int, Case], tuple[int, str]]
"""From the amount so far to the next one, and why. An unchanged amount leaves no trace unless it has something to say."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What the steps come to."""

    steps: tuple[RecommendationStep, ...] = ()
    """Empty where there is nothing to start from, or the limit is to be left alone."""
    proposed_bytes: int | None = None
    """For the workload, before what a replica has today and the policy's maxLimit come in; None where there is nothing to note."""


def limit_chain(state: State, context: Context, spec: RecommendationSpec, kind: Kind | None, tuning: Tuning = DEFAULT) -> Chain:
    """All steps, from what asks for most to what is recommended."""
    if spec.mode is RecommendationMode.ON_OOM_KILL and context.limit_bytes is not None and state.floor is None:
        return Chain()  # asked for a limit after kills alone, and no kill was the limit's fault
    case = case_of(state, context, spec, kind, tuning)
    start = beginning(case)
    if not start:
        return Chain()
    of_workload = _followed(
        start,
        case,
        (
            ("FromPrometheus", _from_prometheus),
            ("Leak", _leak),
            ("Headroom", _headroom),
            ("PageCache", _page_cache),
            ("HeapRoom", _heap_room),
            ("Round", _round),
            ("MinLimit", _min_limit),
            ("Steady", _steady),
        ),
    )
    steps = _followed(
        of_workload,
        case,
        (
            ("KeepLimit", _keep_limit),
            (STARTABLE, _startable),
            (UNPROVEN, _unproven),
            ("SwappedOut", _swapped_out),
            ("HeapGrowth", _heap_growth),
            ("MaxLimit", _max_limit),
            ("LimitRange", _limit_range),
            (NO_LIMIT_FITS, _no_limit_fits),
            (LARGEST_NODE, _largest_node),
            ("Heap", _heap),
            (HEAP_OUTGROWS, _heap_outgrows),
            (HEAP_UNKNOWN, _heap_unknown),
            (NOT_ENOUGH, not_enough),
            (POD_LIMIT, _pod_limit),
        ),
    )
    return Chain(steps, of_workload[-1].after_bytes)


def _followed(
    steps: tuple[RecommendationStep, ...], case: Case, chain: tuple[tuple[str, Step], ...]
) -> tuple[RecommendationStep, ...]:
    """The steps so far and those of the chain that change something, or have something to say."""
    amount = steps[-1].after_bytes
    found = list(steps)
    for rule, step in chain:
        after, why = step(amount, case)
        if why:
            found.append(RecommendationStep(rule, amount, after, why))
        amount = after
    return tuple(found)


def _from_prometheus(amount: int, case: Case) -> tuple[int, str]:
    """Changes nothing: whose evidence it is belongs to the reasons."""
    return amount, imported_words(case.kind.track) if case.kind is not None else ""


def _leak(amount: int, case: Case) -> tuple[int, str]:
    """The bump of a leak does not grow with repetition; `limit_chain` saw to that."""
    if not case.context.leaking:
        return amount, ""
    if case.repeats > 1:
        return amount, f"it leaks: no higher limit after {case.repeats} kills, which would only put off the next one; mend the leak"
    return amount, "it leaks: a limit only sets when it is killed; mend the leak"


def _headroom(amount: int, case: Case) -> tuple[int, str]:
    percent = case.spec.headroom_percent
    return (amount + amount * percent // 100, f"+{percent} %: headroom of the policy") if percent else (amount, "")


def _page_cache(amount: int, case: Case) -> tuple[int, str]:
    """What was seen in use is never above the limit, so room for it alone never makes the cache grow with its limit."""
    cache = case.cache
    if cache.target_bytes <= amount:
        return amount, cache.note
    return cache.target_bytes, f"{cache.why}; {cache.note}" if cache.note else cache.why


def _heap_room(amount: int, case: Case) -> tuple[int, str]:
    return with_room(amount, case.heap, case.bounds.target_bytes)


def _swapped_out(amount: int, case: Case) -> tuple[int, str]:
    hour = int(case.context.now_seconds) // HOUR_SECONDS
    return swapped.not_lowered(amount, case.context.limit_bytes, swapped.counted(case.state.swapped, hour))


def _heap_growth(amount: int, case: Case) -> tuple[int, str]:
    return not_lowered(amount, case.context.limit_bytes, case.heap)


def _heap(amount: int, case: Case) -> tuple[int, str]:
    """The number stays; what the heap makes of it is said."""
    return amount, told(amount, case.context.limit_bytes, case.heap)


def _heap_outgrows(amount: int, case: Case) -> tuple[int, str]:
    return amount, outgrown(amount, case.heap)


def _heap_unknown(amount: int, case: Case) -> tuple[int, str]:
    return amount, unknown(amount, case.context.limit_bytes, case.heap)


def _round(amount: int, case: Case) -> tuple[int, str]:
    rounded = round_near(amount, case.needed_bytes)
    return rounded, f"rounded {'up' if rounded > amount else 'down'} to a plain number" if rounded != amount else ""


def _min_limit(amount: int, case: Case) -> tuple[int, str]:
    least = case.spec.min_limit_bytes
    return (least, f"minLimit of the policy: {human_bytes(least)}") if least is not None and amount < least else (amount, "")


def _steady(amount: int, case: Case) -> tuple[int, str]:
    """What was proposed before stays while it is enough, and not much too high: nobody follows a number that changes every hour.
    Where kills raised it and turn out a leak's, it does not stay for another day either."""
    before = case.state.proposed_bytes
    if before is None or before == amount or before < (case.spec.min_limit_bytes or 0):
        return amount, ""
    bounds = replace(case.bounds, least_bytes=case.least_bytes, target_bytes=amount)
    since = 0.0 if case.repeats > 1 and case.context.leaking else case.state.proposed_since_seconds
    if settle(bounds, before, since, case.context.now_seconds, may_lower=True, tuning=case.tuning) != before:
        return amount, ""
    return before, f"{human_bytes(before)}, as recommended before: {human_bytes(case.least_bytes)} are needed at least"


def _keep_limit(amount: int, case: Case) -> tuple[int, str]:
    """A limit that is enough, and hardly higher than what would be recommended, is not worth a rollout."""
    current, least = case.context.limit_bytes, case.least_bytes
    if current is None or current == amount or current < least:
        return amount, ""
    if current < amount:
        return current, f"today's limit {human_bytes(current)} is enough: {human_bytes(least)} are needed at least"
    kept_because = why_not_lower(case.context, case.spec, case.kind)
    if kept_because:
        return current, f"not below today's limit {human_bytes(current)}: {kept_because}"
    if current <= amount * (1 + case.tuning.lower_beyond):
        return current, f"today's limit {human_bytes(current)} stays: a little less is not worth a rollout"
    return amount, ""


def _unproven(amount: int, case: Case) -> tuple[int, str]:
    """The number stays; that it is none to be set yet is said."""
    return amount, why_no_first_limit(case.context, case.kind)


def _startable(amount: int, case: Case) -> tuple[int, str]:
    return startable(amount, case.context.limit_bytes)


def _max_limit(amount: int, case: Case) -> tuple[int, str]:
    most = case.spec.max_limit_bytes
    return (most, f"maxLimit of the policy: {human_bytes(most)}") if most is not None and amount > most else (amount, "")


def _limit_range(amount: int, case: Case) -> tuple[int, str]:
    return fitted(amount, case.context)


def _no_limit_fits(amount: int, case: Case) -> tuple[int, str]:
    return amount, no_limit_fits(case.context)


def _largest_node(amount: int, case: Case) -> tuple[int, str]:
    """A limit above any node bounds nothing, and a request above it is never scheduled."""
    most = case.context.around.largest_node_bytes
    if most is None or most <= 0 or amount <= most:
        return amount, ""
    return most, f"no node can allocate more than {human_bytes(most)}: use a larger node, or spread the work over more replicas"


def _pod_limit(amount: int, case: Case) -> tuple[int, str]:
    return amount, killed_by_pod(case.state, case.context)
