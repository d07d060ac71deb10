from __future__ import annotations

from collections.abc import Mapping

import pytest

from oomsight_api.conditions import MAX_MESSAGE_LENGTH, Condition
from oomsight_api.parse import InvalidReason, InvalidSpec
from oomsight_operator.judgement.model import PolicyRef
from oomsight_operator.judgement.policy_conditions import policy_conditions

STRICT = PolicyRef("ClusterMemoryPolicy", "strict")
MINE = PolicyRef("MemoryPolicy", "mine", "team-a")


def conditions(
    *,
    invalid: InvalidSpec | None = None,
    matched: int | None = 5,
    enforced: int = 5,
    beaten_by: Mapping[PolicyRef, int] | None = None,
) -> dict[str, Condition]:
    told = policy_conditions(
        invalid=invalid, matched=matched, enforced=enforced, beaten_by=beaten_by or {}, generation=4, now_seconds=60.0
    )
    return {condition.type: condition for condition in told}


def statuses(told: Mapping[str, Condition]) -> list[str]:
    return [told[kind].status for kind in ("Accepted", "Enforced", "PartiallyEnforced", "Overridden")]


def test_a_policy_that_decides_for_all_its_pods_is_enforced() -> None:
    told = conditions()
    assert statuses(told) == ["True", "True", "False", "False"]
    assert told["Enforced"].message == "decides for 5 pods, all that it selects"


def test_a_policy_that_decides_for_some_names_who_decides_for_the_others() -> None:
    told = conditions(enforced=2, beaten_by={MINE: 1, STRICT: 2})
    assert statuses(told) == ["True", "False", "True", "False"]
    assert told["PartiallyEnforced"].message == (
        "decides for 2 of 5 pods; ClusterMemoryPolicy strict decides for 2, MemoryPolicy team-a/mine decides for 1"
    )
    assert told["Enforced"].reason == "PartiallyEnforced"


def test_a_policy_that_decides_for_none_is_overridden_by_name() -> None:
    told = conditions(matched=1, enforced=0, beaten_by={STRICT: 1})
    assert statuses(told) == ["True", "False", "False", "True"]
    assert told["Overridden"].message == "decides for none of 1 pod; ClusterMemoryPolicy strict decides for 1"


def test_a_policy_without_pods_says_what_to_look_at() -> None:
    told = conditions(matched=0, enforced=0)
    assert statuses(told) == ["True", "False", "False", "False"]
    assert told["Enforced"].reason == "NoPodsSelected"
    assert "kubectl get pods --show-labels" in told["Enforced"].message


def test_before_all_pods_are_known_nothing_is_claimed() -> None:
    assert statuses(conditions(matched=None, enforced=0)) == ["True", "Unknown", "Unknown", "Unknown"]


def test_an_invalid_spec_is_not_accepted_and_the_message_names_the_field() -> None:
    told = conditions(invalid=InvalidSpec(InvalidReason.INVALID_SPEC, "spec.risk: found 5, must be an object"), matched=None)
    assert statuses(told) == ["False", "False", "False", "False"]
    assert (told["Accepted"].reason, told["Accepted"].message) == ("InvalidSpec", "spec.risk: found 5, must be an object")
    assert told["Enforced"].reason == "Invalid"


@pytest.mark.parametrize("matched", [None, 0, 5])
def test_every_condition_says_which_generation_it_is_about_and_when(matched: int | None) -> None:
    for condition in conditions(matched=matched, enforced=0).values():
        assert condition.observed_generation == 4
        assert condition.last_transition_time == "1970-01-01T00:01:00Z"


def test_hundreds_of_winners_with_the_longest_names_fit_into_the_message() -> None:
    beaten_by = {PolicyRef("MemoryPolicy", f"{number:03}{'x' * 250}", "n" * 63): 1 for number in range(300)}
    told = conditions(matched=301, enforced=1, beaten_by=beaten_by)
    assert len(told["PartiallyEnforced"].message) <= MAX_MESSAGE_LENGTH
    assert told["PartiallyEnforced"].message.startswith("decides for 1 of 301 pods; MemoryPolicy ")


def test_of_many_winners_the_first_few_are_named_and_the_rest_counted() -> None:
    beaten_by = {PolicyRef("MemoryPolicy", f"p{number}", "n"): 10 - number for number in range(5)}
    told = conditions(matched=41, enforced=1, beaten_by=beaten_by)
    assert told["PartiallyEnforced"].message.endswith("MemoryPolicy n/p2 decides for 8, 2 more policies for 13")
