"""The policies under docs/examples are what the schema admits and the operator accepts, and each says when to use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from oomsight_api.parse import ParsedPolicy, parse_policy

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.yaml"))
SERVER_SET = {"uid": "u", "generation": 1, "creationTimestamp": "2026-03-01T10:00:00Z"}


def test_there_is_one_for_the_cluster_one_for_a_namespace_a_strict_one_and_an_override() -> None:
    assert {path.stem for path in EXAMPLES} >= {"whole-cluster-defaults", "one-namespace", "strict", "override"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_admitted_and_accepted(path: Path, schemas: Any) -> None:
    (document,) = yaml.safe_load_all(path.read_text())
    stored, errors = schemas[document["kind"]].admit_object(document)
    assert errors == []
    stored["metadata"] |= SERVER_SET
    assert isinstance(parse_policy(stored), ParsedPolicy)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_says_when_to_use_it(path: Path) -> None:
    comment = "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("#"))
    assert "# When to use it: " in comment
