"""`docs/risk.md`, written from the table of reasons."""

from __future__ import annotations

from typing import Final

from oomsight_operator.judgement.documents import bullets, section, wrapped
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.rules import RULES
from oomsight_operator.judgement.words import format_span

_HEAD: Final = (
    "# Risk: levels and reasons",
    "Written from `operator/oomsight_operator/judgement/risk/`; a test holds it equal.",
    wrapped(
        "A container's level of OOM risk is the worst of its reasons, a pod's that of its worst container. `unknown` is no level"
        " between the others: it is said where nothing can be known, as when the node's agent is silent. Page cache alone never"
        " raises a risk: the kernel drops it before it kills. Each reason is told in a sentence with its numbers, in the pod's"
        " annotations `oomsight.dev/summary` and `oomsight.dev/report`."
    ),
    wrapped(
        "Thresholds are the policy's (`spec.risk`, [reference.md](reference.md)); the numbers below are its defaults. A level"
        f" rises at once. It falls when the number is {DEFAULTS.hysteresis_percent} % below the threshold (`hysteresisPercent`:"
        f" points of a percentage, a share of a rate) and that has lasted {format_span(DEFAULTS.hold_seconds)} (`holdSeconds`),"
        " each reason by itself, so that a number that trembles writes nothing. A reason of kills is a fact: it goes as soon as no"
        " kill stands behind it. Other thresholds count at once: after a change of the policy nothing is held."
    ),
)


def risk_document() -> str:
    """The whole file."""
    rows = (f"| [{rule.reason.value}](#{rule.reason.value.lower()}) | {_levels(rule)} |" for rule in RULES)
    table = "\n".join(("| reason | levels |", "|---|---|", *rows))
    return "\n\n".join((*_HEAD, table, *map(_section, RULES))) + "\n"


def _section(rule: RiskRule) -> str:
    return section(
        rule.reason.value,
        wrapped(rule.meaning),
        wrapped(f"Told when {rule.when}"),
        bullets(f"`{level.value}`: {condition}" for level, condition in rule.levels),
        wrapped(f"What to do: {rule.todo}"),
    )


def _levels(rule: RiskRule) -> str:
    return ", ".join(f"`{level.value}`" for level, _ in rule.levels)
