"""Waiting is for a condition, and a wait in vain says for what and what was there instead."""

from __future__ import annotations

import json

import pytest

from oomsight_cluster import kubectl
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.kubectl import bundle, eventually


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubectl, "POLL_SECONDS", 0.001)


def test_the_first_value_that_is_true_is_given() -> None:
    values = iter([None, 0, "", "here"])
    assert eventually(lambda: next(values), "a value", 10) == "here"


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    answers = iter([ClusterError("connection refused"), "back"])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, ClusterError):
            raise answer
        return str(answer)

    assert eventually(ask, "an answer", 10) == "back"


def test_in_vain_what_was_waited_for_and_what_was_seen_are_told() -> None:
    with pytest.raises(AssertionError, match=r"not within 0 s: pod web is ready; there is: nothing"):
        eventually(lambda: None, "pod web is ready", 0, lambda: "nothing")


def test_in_vain_the_last_error_is_told() -> None:
    def ask() -> None:
        raise ClusterError("connection refused")

    with pytest.raises(AssertionError, match="the last look failed: connection refused"):
        eventually(ask, "an answer", 0)


def test_documents_are_bundled_as_kubectl_reads_them() -> None:
    parts = bundle([{"kind": "A"}, {"kind": "B"}]).split("\n---\n")
    assert [json.loads(part)["kind"] for part in parts] == ["A", "B"]
