"""`docs/causes.md`, written from the table of causes."""

from __future__ import annotations

from typing import Final

from oomsight_operator.judgement.cause.rules import RULES
from oomsight_operator.judgement.documents import section, wrapped

_HEAD: Final = """# Causes of an OOM kill

Written from `operator/oomsight_operator/judgement/cause/`; a test holds it equal.

oomsight names one cause for each kill, with the numbers that show it, in one sentence: who was killed, at whose limit, what filled
it by kind and where that is from (the kernel's log at the kill, or the agent's last sample so long before), what `kubectl top`
showed, and why. What is not known is left out or said to be unknown; it is never written as 0.

The causes are tried in this order, and the first that holds is named.
"""


def causes_document() -> str:
    """The whole file."""
    sections = (
        section(rule.cause.value, *map(wrapped, (rule.meaning, f"Named when {rule.when}", f"What to do: {rule.todo}")))
        for rule in RULES
    )
    return "\n".join((_HEAD, "\n\n".join(sections), ""))
