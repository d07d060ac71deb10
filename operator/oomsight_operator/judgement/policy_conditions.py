"""What became of a policy, as conditions after GEP-713: Accepted, Enforced, PartiallyEnforced, Overridden.

Of the last three at most one is True: the policy decides for all, some or none of the pods that it selects.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from oomsight_api.conditions import MAX_MESSAGE_LENGTH, Condition, ConditionStatus
from oomsight_api.names import ConditionType
from oomsight_api.parse import InvalidSpec
from oomsight_api.times import format_time
from oomsight_operator.judgement.model import PolicyRef

_MAX_NAMED = 3
_OUTCOMES = (ConditionType.ENFORCED, ConditionType.PARTIALLY_ENFORCED, ConditionType.OVERRIDDEN)


class PolicyReason(StrEnum):
    """Reasons of the conditions; for a spec that is not accepted see `oomsight_api.parse.InvalidReason`."""

    ACCEPTED = "Accepted"
    INVALID = "Invalid"
    PENDING = "Pending"
    NO_PODS_SELECTED = "NoPodsSelected"
    ENFORCED = "Enforced"
    PARTIALLY_ENFORCED = "PartiallyEnforced"
    OVERRIDDEN = "Overridden"


def policy_conditions(
    *,
    invalid: InvalidSpec | None,
    matched: int | None,
    enforced: int,
    beaten_by: Mapping[PolicyRef, int],
    generation: int,
    now_seconds: float,
) -> tuple[Condition, ...]:
    """All four conditions of one policy.

    `invalid`: why the spec was refused, None when it was accepted. `matched`: pods that the policy selects, None while the pods are
    not all known yet. `enforced`: those for which it decides. `beaten_by`: for the others, how many each other policy decides for.
    Every condition's `lastTransitionTime` is now; `merge_conditions` keeps the older one where the status did not change.
    """
    now = format_time(now_seconds)

    def condition(kind: ConditionType, status: ConditionStatus, reason: str, message: str) -> Condition:
        return Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message if len(message) <= MAX_MESSAGE_LENGTH else f"{message[: MAX_MESSAGE_LENGTH - 3]}...",
            observed_generation=generation,
            last_transition_time=now,
        )

    if invalid is not None:
        accepted = condition(ConditionType.ACCEPTED, "False", invalid.reason, invalid.message)
    else:
        accepted = condition(ConditionType.ACCEPTED, "True", PolicyReason.ACCEPTED, "the spec is valid")
    outcome, message = _outcome(invalid, matched, enforced, beaten_by)
    others: ConditionStatus = "Unknown" if outcome is PolicyReason.PENDING else "False"
    outcomes = [condition(kind, "True" if kind == outcome.value else others, outcome, message) for kind in _OUTCOMES]
    return (accepted, *outcomes)


def _outcome(
    invalid: InvalidSpec | None, matched: int | None, enforced: int, beaten_by: Mapping[PolicyRef, int]
) -> tuple[PolicyReason, str]:
    if invalid is not None:
        outcome = (
            PolicyReason.INVALID,
            "the spec is not accepted, so that the policy decides for no pod; see the condition Accepted",
        )
    elif matched is None:
        outcome = PolicyReason.PENDING, "not all pods are known yet"
    elif matched == 0:
        outcome = PolicyReason.NO_PODS_SELECTED, "no pod is selected; compare the selectors with kubectl get pods --show-labels"
    elif enforced >= matched:
        outcome = PolicyReason.ENFORCED, f"decides for {_pods(matched)}, all that it selects"
    elif enforced > 0:
        outcome = PolicyReason.PARTIALLY_ENFORCED, f"decides for {enforced} of {_pods(matched)}; {_winners(beaten_by)}"
    else:
        outcome = PolicyReason.OVERRIDDEN, f"decides for none of {_pods(matched)}; {_winners(beaten_by)}"
    return outcome


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _winners(beaten_by: Mapping[PolicyRef, int]) -> str:
    """The policies that decide instead, most pods first, in words."""
    winners = sorted(beaten_by.items(), key=lambda item: (-item[1], str(item[0])))
    if not winners:
        return "other policies decide for the rest"
    parts = [f"{ref} decides for {count}" for ref, count in winners[:_MAX_NAMED]]
    if len(winners) > _MAX_NAMED:
        rest = sum(count for _, count in winners[_MAX_NAMED:])
        parts.append(f"{len(winners) - _MAX_NAMED} more policies for {rest}")
    return ", ".join(parts)
