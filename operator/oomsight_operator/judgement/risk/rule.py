"""What a rule of risk is: one reason, when it holds, how bad that is, what it means and what to do. `docs/risk.md` is written from
them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.risk_policy import RiskSpec
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.subject import Subject

DEFAULTS: Final = RiskSpec()
"""The thresholds of a policy that says nothing: what the documents name beside the policy's fields."""

NODE_IS_SHORT: Final = (
    f"less than {DEFAULTS.node_available.medium_percent} % of the node's memory is available (`nodeAvailable.mediumPercent`)"
)
"""The condition of a level, in the words of the documents."""


@dataclass(frozen=True, slots=True)
class RiskRule:
    """One reason. The texts are for people, in plain words with their thresholds."""

    reason: RiskReason
    judge: Callable[[Subject], Finding | None]
    """The finding when the reason holds, else None. It never raises and never guesses: what it cannot know, it leaves out."""
    when: str
    """The condition."""
    levels: tuple[tuple[RiskLevel, str], ...]
    """Each level that the rule gives, from the lowest on, and when."""
    meaning: str
    todo: str
