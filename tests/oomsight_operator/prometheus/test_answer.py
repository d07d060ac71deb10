"""Answers taken apart: what makes no sense is left out or said, and nothing crashes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.prometheus import answer
from oomsight_operator.prometheus.answer import (
    AnswerError,
    TooMuchError,
    amounts,
    failure_text,
    parse_label_sets,
    parse_matrix,
    parse_names,
)

H = 490_000
T = TypeVar("T")


def matrix(*values: tuple[float, str], labels: dict[str, str] | None = None, kind: str = "matrix") -> bytes:
    series = {"metric": labels or {"container": "app"}, "values": values}
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": [series]}}).encode()


def at(hour: int) -> float:
    """When an hour ends."""
    return (hour + 1) * 3600


def test_a_sample_at_the_end_of_an_hour_is_that_hours() -> None:
    found = parse_matrix(matrix((at(H), "1048576"), (at(H + 1), "2.5e6")), H, H + 9)

    (series,) = found.series
    assert series.labels == {"container": "app"}
    assert amounts(series) == {H: 1048576, H + 1: 2500000}
    assert found.left_out == 0


def test_disorder_and_duplicates_cost_nothing() -> None:
    found = parse_matrix(matrix((at(H + 2), "7"), (at(H), "5"), (at(H + 2), "9"), (at(H + 2), "8")), H, H + 9)

    assert found.series[0].values == {H: 5.0, H + 2: 9.0}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-1", "many", "", "1e999"])
def test_what_is_no_amount_is_left_out_and_counted(value: str) -> None:
    found = parse_matrix(matrix((at(H), value), (at(H + 1), "3")), H, H + 9)

    assert (found.series[0].values, found.left_out) == ({H + 1: 3.0}, 1)


@pytest.mark.parametrize("time_seconds", [at(H - 1), at(H + 10), at(H) * 1000, 0.0, -5.0, 1e300])
def test_a_sample_of_another_time_than_asked_for_is_left_out(time_seconds: float) -> None:
    found = parse_matrix(matrix((time_seconds, "1")), H, H + 9)

    assert (found.series, found.left_out) == ((), 1)


@pytest.mark.parametrize(
    ("warnings", "expected"),
    [('["a store is\\ndown"]', "a store is\\ndown"), ("[]", ""), ("null", ""), ("7", "a warning that is no text")],
)
def test_what_prometheus_warns_of_is_kept(warnings: str, expected: str) -> None:
    body = matrix((at(H), "1"))[:-1] + f', "warnings": {warnings}}}'.encode()

    assert parse_matrix(body, H, H).warning == expected


def test_native_histograms_are_not_amounts() -> None:
    body = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "histograms": [[1, {}]]}]}}

    assert parse_matrix(json.dumps(body).encode(), H, H).series == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html><body>Sign in</body></html>", "an HTML page: <html><body>Sign in</body></html>"),
        (b"", "an empty answer"),
        (b"\x1f\x8b\x08\x00", "no JSON of Prometheus"),
        (
            b'{"status":"error","errorType":"execution","error":"too many samples"}',
            "found 'error', expected success; too many samples",
        ),
        (b'{"status":"success","data":[]}', "a range query's result: "),
        (matrix((at(H), "1"), kind="vector"), "result type: found 'vector', expected matrix"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":1},"values":[]}]}}', "a series: "),
        (b'{"status":"success"}', "a range query's result: "),
        (b"[" * 5000, "no JSON of Prometheus"),
    ],
)
def test_another_format_is_told_with_what_was_found(body: bytes, expected: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_matrix(body, H, H + 9)
    assert expected in str(caught.value)
    assert str(caught.value).isprintable()


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MAX_POINTS", 2)
    with pytest.raises(TooMuchError, match="more than 2 samples"):
        parse_matrix(matrix(*[(at(H), "1")] * 3), H, H)
    monkeypatch.setattr(answer, "MAX_SERIES", 0)
    with pytest.raises(TooMuchError, match="1 series, expected at most 0"):
        parse_matrix(matrix((at(H), "1")), H, H)
    monkeypatch.setattr(answer, "MAX_NAMES", 1)
    with pytest.raises(TooMuchError, match="2 names"):
        parse_names(b'{"status":"success","data":["a","b"]}')
    with pytest.raises(TooMuchError, match="2 series"):
        parse_label_sets(b'{"status":"success","data":[{},{}]}')
    monkeypatch.setattr(answer, "MAX_ANSWER_BYTES", 5)
    with pytest.raises(TooMuchError, match="bytes"):
        parse_names(b'{"status":"success","data":[]}')


def test_names_and_label_sets() -> None:
    assert parse_names(b'{"status":"success","data":["web-0","web-1"]}') == ("web-0", "web-1")
    assert parse_label_sets(b'{"status":"success","data":[{"pod":"web-0"}]}') == ({"pod": "web-0"},)


def test_what_is_said_of_a_failure_is_one_printable_line() -> None:
    kind, text = failure_text(b'{"status":"error","errorType":"bad\\ndata","error":"a\\u001b[31m\\nb"}')

    assert kind.isprintable()
    assert text.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SERIES = st.fixed_dictionaries(
    {},
    optional={
        "metric": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3) | JSON,
        "values": st.lists(st.tuples(st.floats() | st.integers(), st.text(max_size=6) | st.floats().map(str)), max_size=6) | JSON,
    },
)
ANSWERS = JSON | st.fixed_dictionaries(
    {"status": st.sampled_from(["success", "error"]) | JSON},
    optional={
        "data": JSON
        | st.fixed_dictionaries(
            {"resultType": st.sampled_from(["matrix", "vector"]), "result": st.lists(SERIES | JSON, max_size=4)}
        )
    },
)


def told(parse: Callable[[bytes], T], body: bytes) -> T | str:
    """What is parsed of it, or the error's message."""
    try:
        return parse(body)
    except AnswerError as error:
        return str(error)


@given(ANSWERS.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=200))
def test_whatever_comes_is_amounts_of_hours_asked_for_or_a_printable_error(body: bytes) -> None:
    found = told(lambda text: parse_matrix(text, H, H + 335), body)
    if isinstance(found, str):
        assert found.isprintable()
    else:
        for series in found.series:
            assert all(H <= hour <= H + 335 for hour in series.values)
            assert all(math.isfinite(value) and value >= 0 for value in series.values.values())
    assert str(told(parse_names, body)).isprintable()
    assert str(told(parse_label_sets, body)).isprintable()
    assert all(text.isprintable() for text in failure_text(body))
