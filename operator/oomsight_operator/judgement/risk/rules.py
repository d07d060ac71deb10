"""The table of all rules, and the order in which findings are told.

To add a reason: one module with one rule, one line here, one test; `docs/risk.md` follows from the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oomsight_api.names import RiskReason
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk import (
    cache_thrashing,
    child_process_killed,
    first_to_die,
    leak_suspected,
    limit_equals_peak,
    memory_pressure,
    near_limit,
    no_limit,
    oom_killed_recently,
    over_request,
    shared_memory_heavy,
    swap_thrashing,
)
from oomsight_operator.judgement.risk.rule import RiskRule
from oomsight_operator.judgement.risk.subject import Subject

RULES: Final[tuple[RiskRule, ...]] = (
    oom_killed_recently.RULE,
    child_process_killed.RULE,
    near_limit.RULE,
    shared_memory_heavy.RULE,
    leak_suspected.RULE,
    memory_pressure.RULE,
    swap_thrashing.RULE,
    cache_thrashing.RULE,
    limit_equals_peak.RULE,
    first_to_die.RULE,
    over_request.RULE,
    no_limit.RULE,
)
"""Among findings of the same level the earlier one is told first: facts before forecasts, forecasts before habits."""

_RANK: Final = {rule.reason: rank for rank, rule in enumerate(RULES)}

KILL_REASONS: Final = frozenset({RiskReason.OOM_KILLED_RECENTLY, RiskReason.CHILD_PROCESS_KILLED})
"""Facts of the past, known without an agent."""


def judge(subject: Subject) -> tuple[Finding, ...]:
    """All findings, worst first."""
    found = (rule.judge(subject) for rule in RULES)
    return in_order(finding for finding in found if finding is not None)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst level first, then as the table stands."""
    return tuple(sorted(findings, key=order_key))


def order_key(finding: Finding) -> tuple[int, int]:
    """Sort key: worst first."""
    return (-finding.level.severity, _RANK.get(finding.reason, len(_RANK)))
