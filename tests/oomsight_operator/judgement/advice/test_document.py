"""docs/advice.md says what the table of advice says."""

from __future__ import annotations

from pathlib import Path

from oomsight_api.names import Advice
from oomsight_operator.judgement.advice.document import advice_document
from oomsight_operator.judgement.advice.rules import RULES

ROOT = Path(__file__).parents[4]
WRITE = "from oomsight_operator.judgement.advice.document import advice_document; print(advice_document(), end='')"


def test_the_document_is_written_from_the_table() -> None:
    written = (ROOT / "docs" / "advice.md").read_text()
    assert written == advice_document(), f'write it anew: python -c "{WRITE}" > docs/advice.md'


def test_every_advice_has_one_rule_and_says_what_to_do() -> None:
    assert sorted(rule.advice for rule in RULES) == sorted(Advice)
    for rule in RULES:
        assert rule.when.endswith(".")
        assert rule.meaning.endswith(".")
        assert rule.todo.endswith(".")
        assert (rule.when + rule.meaning + rule.todo).isascii()
