"""What a rule of advice looks at, and what such a rule is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oomsight_api.names import Advice
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.usual import NOTHING_USUAL, Usual


@dataclass(frozen=True, slots=True)
class AdviceContext:
    """One container at one moment, with what is usual of it."""

    subject: Subject
    usual: Usual = NOTHING_USUAL
    given: frozenset[Advice] = frozenset()
    """What was advised last time: where a rule's hysteresis starts."""
    peak_working_set_bytes: int | None = None
    pod_level_request_bytes: int | None = None
    """Of the pod as such (`spec.resources`)."""
    restart_count: int | None = None
    """As the kubelet tells it."""


@dataclass(frozen=True, slots=True)
class AdviceRule:
    """One advice. The texts are for people, in plain words with their thresholds."""

    advice: Advice
    judge: Callable[[AdviceContext], str | None]
    """The sentence where the mistake shows, else None. It never raises and never guesses: what it cannot know, it leaves out."""
    when: str
    """The evidence."""
    meaning: str
    todo: str
    of_the_past: bool = False
    """Known without a sample. The others stay as they were while the container is not measured."""
