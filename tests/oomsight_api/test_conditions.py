from __future__ import annotations

from oomsight_api.conditions import Condition, ConditionStatus, merge_conditions


def condition(kind: str, status: ConditionStatus, *, at: str, message: str = "", generation: int = 1) -> Condition:
    return Condition(
        type=kind, status=status, reason="Because", message=message, observed_generation=generation, last_transition_time=at
    )


MONDAY, TUESDAY = "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"


def test_an_unchanged_status_keeps_its_transition_time_while_message_and_generation_move_on() -> None:
    old = condition("Accepted", "True", at=MONDAY)
    new = condition("Accepted", "True", at=TUESDAY, message="still", generation=2)
    assert merge_conditions([old], [new]) == (condition("Accepted", "True", at=MONDAY, message="still", generation=2),)


def test_a_changed_status_gets_the_new_transition_time() -> None:
    assert merge_conditions([condition("Accepted", "True", at=MONDAY)], [condition("Accepted", "False", at=TUESDAY)]) == (
        condition("Accepted", "False", at=TUESDAY),
    )


def test_conditions_of_others_stay_in_their_place_and_new_ones_follow() -> None:
    foreign = condition("Audited", "True", at=MONDAY)
    accepted = condition("Accepted", "True", at=MONDAY)
    enforced = condition("Enforced", "True", at=TUESDAY)
    assert merge_conditions([foreign, accepted], [enforced, accepted]) == (foreign, accepted, enforced)


def test_nothing_new_gives_what_stands_there_already() -> None:
    current = (condition("Accepted", "True", at=MONDAY), condition("Enforced", "False", at=MONDAY))
    desired = [condition("Enforced", "False", at=TUESDAY), condition("Accepted", "True", at=TUESDAY)]
    assert merge_conditions(current, desired) == current


def test_a_condition_is_written_with_the_names_of_the_api() -> None:
    assert condition("Accepted", "True", at=MONDAY).to_wire() == {
        "type": "Accepted",
        "status": "True",
        "reason": "Because",
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": MONDAY,
    }
