"""metav1.Condition, and the pure merge that keeps `lastTransitionTime` honest.

Source: k8s.io/apimachinery/pkg/apis/meta/v1 and `meta.SetStatusCondition` of pkg/api/meta/conditions.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from oomsight_api.api_model import WHOLE_NUMBER, StatusModel, Timestamp

MAX_CONDITIONS = 8
MAX_MESSAGE_LENGTH = 1024

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(StatusModel):
    """One aspect of the state of the object."""

    type: Annotated[str, Field(max_length=316, pattern=r"^([a-z0-9.-]+/)?[A-Za-z][A-Za-z0-9_.-]*$")]
    """What the condition is about, such as Accepted."""
    status: ConditionStatus
    """Whether it holds: True, False or Unknown."""
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$")]
    """Why, as one CamelCase word."""
    message: Annotated[str, Field(max_length=MAX_MESSAGE_LENGTH)] = ""
    """Why, in a sentence that says what to do next."""
    observed_generation: Annotated[int, Field(ge=0), WHOLE_NUMBER] | None = None
    """The generation of the spec that this was said of."""
    last_transition_time: Timestamp
    """When the status last changed."""


def merge_conditions(current: Iterable[Condition], desired: Iterable[Condition]) -> tuple[Condition, ...]:
    """The conditions to write: `desired`, each with the `lastTransitionTime` of its predecessor where the status did not change.

    Conditions of other types stay as they are, and in their place; new ones follow. Where nothing changed the result equals
    `current`, so that a caller can compare and write nothing.
    """
    wanted = {condition.type: condition for condition in desired}
    merged: list[Condition] = []
    for old in current:
        new = wanted.pop(old.type, None)
        if new is None:
            merged.append(old)
        elif new.status == old.status:
            merged.append(new.model_copy(update={"last_transition_time": old.last_transition_time}))
        else:
            merged.append(new)
    return (*merged, *wanted.values())
