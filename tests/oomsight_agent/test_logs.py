"""What a person, or a log collector, reads from the agent."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent import logs


@pytest.fixture(autouse=True)
def _keep_the_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _one_line(text: str) -> dict[str, Any]:
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert text[:-1].isascii()
    assert text[:-1].isprintable()
    event: dict[str, Any] = json.loads(text)
    return event


def test_an_event_is_one_line_with_time_level_logger_message_and_its_values() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    logging.getLogger("oomsight_agent.main").info("agent listens", extra={"port": 9754, "ready": True, "share": 0.5, "none": None})
    event = _one_line(stream.getvalue())
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "info",
        "logger": "oomsight_agent.main",
        "message": "agent listens",
        "port": 9754,
        "ready": True,
        "share": 0.5,
        "none": None,
    }


@given(st.text(), st.text())
def test_no_hostile_string_breaks_the_line_or_forges_a_field(name: str, argument: str) -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    logging.getLogger("x").warning("process %s", argument, extra={"process_name": name})
    event = _one_line(stream.getvalue())
    assert event["process_name"] == name
    assert event["message"] == f"process {argument}"
    assert event["level"] == "warning"


def test_lone_surrogates_of_undecodable_names_and_bidi_marks_are_escaped() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    logging.getLogger("x").info("seen", extra={"name_of_file": "a\udcff\u202e\x1b[2J\x7f"})
    assert "\\udcff\\u202e\\u001b[2J\\u007f" in stream.getvalue()
    _one_line(stream.getvalue())


def test_an_exception_is_told_in_the_same_line() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        logging.getLogger("x").exception("sample failed")
    assert "RuntimeError: two\nlines" in _one_line(stream.getvalue())["error"]


def test_values_that_json_cannot_hold_and_endless_ones_are_told_as_cut_strings() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    extra = {"peak": float("nan"), "raw": b"\x00", "long": "x" * 100_000, "paths": ("a", b"b"), "level": "forged"}
    logging.getLogger("x").info("odd", extra=extra)
    event = _one_line(stream.getvalue())
    assert event["peak"] == "nan"
    assert event["raw"] == "b'\\x00'"
    assert len(event["long"]) < 2200
    assert "100000 characters" in event["long"]
    assert event["paths"] == ["a", "b'b'"]
    assert event["level"] == "info"
    assert event["level_"] == "forged"


def test_a_message_whose_arguments_do_not_fit_is_still_told() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    logging.getLogger("x").info("%d files", "many")
    assert _one_line(stream.getvalue())["message"] == "%d files"


def test_the_level_decides_what_is_written() -> None:
    stream = io.StringIO()
    logs.configure("warning", stream)
    logging.getLogger("x").info("quiet")
    logging.getLogger("x").warning("loud")
    assert _one_line(stream.getvalue())["message"] == "loud"


def test_an_unknown_level_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="found 'loud', expected one of debug, info, warning, error"):
        logs.configure("loud")
