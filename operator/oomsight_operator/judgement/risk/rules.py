"""The table of all rules, and the order in which findings are told.

To add a reason: one module with one rule, one line here, one test.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oomsight_api.names import RiskReason
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.child_process_killed import child_process_killed
from oomsight_operator.judgement.risk.first_to_die import first_to_die
from oomsight_operator.judgement.risk.near_limit import near_limit
from oomsight_operator.judgement.risk.no_limit import no_limit
from oomsight_operator.judgement.risk.oom_killed_recently import oom_killed_recently
from oomsight_operator.judgement.risk.over_request import over_request
from oomsight_operator.judgement.risk.shared_memory_heavy import shared_memory_heavy
from oomsight_operator.judgement.risk.subject import Rule, Subject

RULES: Final[tuple[tuple[RiskReason, Rule], ...]] = (
    (RiskReason.OOM_KILLED_RECENTLY, oom_killed_recently),
    (RiskReason.CHILD_PROCESS_KILLED, child_process_killed),
    (RiskReason.NEAR_LIMIT, near_limit),
    (RiskReason.SHARED_MEMORY_HEAVY, shared_memory_heavy),
    (RiskReason.FIRST_TO_DIE, first_to_die),
    (RiskReason.OVER_REQUEST, over_request),
    (RiskReason.NO_LIMIT, no_limit),
)
"""Among findings of the same level the earlier one is told first: facts before forecasts, forecasts before habits."""

_RANK: Final = {reason: rank for rank, (reason, _) in enumerate(RULES)}

KILL_REASONS: Final = frozenset({RiskReason.OOM_KILLED_RECENTLY, RiskReason.CHILD_PROCESS_KILLED})
"""Facts of the past, known without an agent."""


def judge(subject: Subject) -> tuple[Finding, ...]:
    """All findings, worst first."""
    found = (rule(subject) for _, rule in RULES)
    return in_order(finding for finding in found if finding is not None)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst level first, then as the table stands."""
    return tuple(sorted(findings, key=order_key))


def order_key(finding: Finding) -> tuple[int, int]:
    """Sort key: worst first."""
    return (-finding.level.severity, _RANK.get(finding.reason, len(_RANK)))
