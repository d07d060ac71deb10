"""One advice as it is given."""

from __future__ import annotations

from dataclasses import dataclass

from oomsight_api.names import Advice


@dataclass(frozen=True, slots=True)
class AdviceGiven:
    """What is wrong, with its numbers, and what to do: printable ASCII."""

    advice: Advice
    sentence: str
