"""`docs/advice.md`, written from the table of advice."""

from __future__ import annotations

from typing import Final

from oomsight_operator.judgement.advice.rules import RULES
from oomsight_operator.judgement.documents import section, wrapped

_HEAD: Final = (
    "# Advice",
    "Written from `operator/oomsight_operator/judgement/advice/`; a test holds it equal.",
    wrapped(
        "Common mistakes, each found by its evidence. An advice is never a level of risk: it stands beside the reasons of"
        " [risk.md](risk.md), as lines `Advice: ...` in the pod's annotation `oomsight.dev/summary`, as `advice` of each"
        " container in `oomsight.dev/report`, and as the metric `oomsight_container_advice_info`. It rests on peaks and on means"
        " of about an hour, so that it does not come and go, and both outlive the operator."
    ),
)


def advice_document() -> str:
    """The whole file."""
    sections = (
        section(
            rule.advice.value,
            wrapped(rule.meaning),
            wrapped(f"Given when {rule.when}"),
            wrapped(f"What to do: {rule.todo}"),
        )
        for rule in RULES
    )
    return "\n\n".join((*_HEAD, *sections)) + "\n"
