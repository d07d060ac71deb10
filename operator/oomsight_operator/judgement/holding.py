"""Findings from one judgement to the next: each is told at once, and taken back only after it has been less for `holdSeconds`.

Each reason by itself: where another one keeps the level up, a reason that trembles around its threshold would else come and go with
every sample, and each time be written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.hysteresis import settle
from oomsight_operator.judgement.model import Finding, ToldFinding
from oomsight_operator.judgement.words import format_span


@dataclass(frozen=True, slots=True)
class Held:
    """What to tell now, and what to remember of it."""

    findings: tuple[Finding, ...]
    """Those of now, and in the past tense those that are held."""
    told: tuple[ToldFinding, ...] = ()
    falls_at_seconds: tuple[float, ...] = ()
    """When those that are held fall if nothing changes."""


def hold(findings: Iterable[Finding], told: Iterable[ToldFinding], now_seconds: float, hold_seconds: int) -> Held:
    """The findings of now, each at no less than it was told at within the hold."""
    now = {finding.reason: finding for finding in findings}
    shown = dict(now)
    remembered = {reason: ToldFinding(finding) for reason, finding in now.items()}
    falls: list[float] = []
    for before in told:
        finding = before.finding
        judged = now[finding.reason].level if finding.reason in now else RiskLevel.NONE
        settled = settle(judged, finding.level, before.less_since_seconds, now_seconds, hold_seconds)
        if settled.falls_at_seconds is not None:
            falls.append(settled.falls_at_seconds)
            remembered[finding.reason] = replace(before, less_since_seconds=settled.lower_since_seconds)
            past = f" (no longer so; this falls when that lasts {format_span(hold_seconds)})"
            shown[finding.reason] = replace(finding, sentence=finding.sentence + past)
    return Held(tuple(shown.values()), tuple(remembered.values()), tuple(falls))


def keep(findings: Iterable[Finding], told: Iterable[ToldFinding]) -> Held:
    """The same while nothing new can be known: what was told stands, unless it is worse now."""
    kept = tuple(told)
    worst = {before.finding.reason: before.finding for before in kept}
    for finding in findings:
        if finding.reason not in worst or worst[finding.reason].level.severity <= finding.level.severity:
            worst[finding.reason] = finding
    return Held(tuple(worst.values()), kept)


def level_of(findings: Iterable[Finding]) -> RiskLevel:
    """The worst; none where nothing was found."""
    return max((finding.level for finding in findings), key=lambda level: level.severity, default=RiskLevel.NONE)
