"""docs/causes.md says what the table of causes says."""

from __future__ import annotations

from pathlib import Path

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.document import causes_document
from oomsight_operator.judgement.cause.rules import RULES

ROOT = Path(__file__).parents[4]
WRITE = "from oomsight_operator.judgement.cause.document import causes_document; print(causes_document(), end='')"


def test_the_document_is_written_from_the_table() -> None:
    written = (ROOT / "docs" / "causes.md").read_text()
    assert written == causes_document(), f'write it anew: python -c "{WRITE}" > docs/causes.md'


def test_every_cause_has_one_rule_and_says_what_to_do() -> None:
    assert sorted(rule.cause for rule in RULES) == sorted(Cause)
    assert RULES[-1].cause is Cause.UNKNOWN
    for rule in RULES:
        assert rule.when.endswith(".")
        assert rule.meaning.endswith(".")
        assert rule.todo.endswith(".")
        assert (rule.when + rule.meaning + rule.todo).isascii()
