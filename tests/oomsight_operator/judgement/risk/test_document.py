"""docs/risk.md says what the table of reasons says."""

from __future__ import annotations

from pathlib import Path

from oomsight_operator.judgement.risk.document import risk_document
from oomsight_operator.judgement.risk.rules import RULES

ROOT = Path(__file__).parents[4]
WRITE = "from oomsight_operator.judgement.risk.document import risk_document; print(risk_document(), end='')"


def test_the_document_is_written_from_the_table() -> None:
    written = (ROOT / "docs" / "risk.md").read_text()
    assert written == risk_document(), f'write it anew: python -c "{WRITE}" > docs/risk.md'


def test_every_reason_says_when_how_bad_and_what_to_do() -> None:
    for rule in RULES:
        assert rule.when.endswith(".")
        assert rule.meaning.endswith(".")
        assert rule.todo.endswith(".")
        severities = [level.severity for level, _ in rule.levels]
        assert severities == sorted(set(severities)), "from the lowest on, each once"
        assert (rule.when + rule.meaning + rule.todo + "".join(condition for _, condition in rule.levels)).isascii()
