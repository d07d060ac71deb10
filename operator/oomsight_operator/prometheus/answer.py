"""What Prometheus answers (HTTP API, v1: "Querying"), taken apart. Pure. Nothing of it is trusted.

{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"container":"app"},"values":[[1764000000,"42"]]}]}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from oomsight_operator.judgement.words import printable

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
MAX_SERIES: Final = 10_000
MAX_POINTS: Final = 300_000
MAX_NAMES: Final = 100_000
HOUR_SECONDS: Final = 3600
_WIDEST_SECONDS: Final = 1e11

T = TypeVar("T")


class AnswerError(Exception):
    """The answer is not what Prometheus would say; the message says what was found and what was expected."""


class TooMuchError(AnswerError):
    """The answer is longer than it may be: a narrower question may do."""


class _Envelope(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"")
    warnings: msgspec.Raw = msgspec.Raw(b"")


class _Failure(msgspec.Struct, rename="camel"):
    status: str
    error_type: str = ""
    error: str = ""


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Matrix(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[msgspec.Raw]


_envelope = msgspec.json.Decoder(_Envelope)
_failure = msgspec.json.Decoder(_Failure)
_matrix = msgspec.json.Decoder(_Matrix)
_series = msgspec.json.Decoder(_Series)
_names = msgspec.json.Decoder(list[str])
_label_sets = msgspec.json.Decoder(list[dict[str, str]])


@dataclass(frozen=True, slots=True)
class Hourly:
    """One series: of each hour (hours since 1970) the value at its end."""

    labels: Mapping[str, str]
    values: Mapping[int, float]
    """Finite and not negative."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """What a range query gave."""

    series: tuple[Hourly, ...]
    left_out: int = 0
    """Samples that made no sense: no number, negative, at a time that was not asked for."""
    warning: str = ""
    """Why the answer may not be all that is known, such as a store of Thanos that did not answer; printable."""


def parse_matrix(body: bytes, first_hour: int, last_hour: int) -> Matrix:
    """The answer to a range query with one step an hour, whose sample at the end of an hour is that hour's. Raises AnswerError.

    Only hours from `first_hour` to `last_hour` are taken. Of several samples of an hour the highest counts, in whatever order.
    """
    envelope = _opened(body)
    matrix = _decoded(_matrix, envelope.data, "a range query's result")
    if matrix.result_type != "matrix":
        raise AnswerError(f"result type: found {printable(matrix.result_type, 40)!r}, expected matrix")
    if len(matrix.result) > MAX_SERIES:
        raise TooMuchError(f"{len(matrix.result)} series, expected at most {MAX_SERIES}")
    found: list[Hourly] = []
    points = left_out = 0
    for raw in matrix.result:
        series = _decoded(_series, raw, "a series")
        points += len(series.values)
        if points > MAX_POINTS:
            raise TooMuchError(f"more than {MAX_POINTS} samples")
        values: dict[int, float] = {}
        for time_seconds, text in series.values:
            hour, value = _hour(time_seconds), _number(text)
            if hour is None or value is None or not first_hour <= hour <= last_hour:
                left_out += 1
                continue
            values[hour] = max(value, values.get(hour, 0.0))
        if values:
            found.append(Hourly(series.metric, values))
    return Matrix(tuple(found), left_out, _warning(envelope.warnings))


def parse_names(body: bytes) -> tuple[str, ...]:
    """The values of a label. Raises AnswerError."""
    names = _decoded(_names, _opened(body).data, "a list of names")
    if len(names) > MAX_NAMES:
        raise TooMuchError(f"{len(names)} names, expected at most {MAX_NAMES}")
    return tuple(names)


def parse_label_sets(body: bytes) -> tuple[Mapping[str, str], ...]:
    """The labels of series. Raises AnswerError."""
    sets = _decoded(_label_sets, _opened(body).data, "a list of label sets")
    if len(sets) > MAX_NAMES:
        raise TooMuchError(f"{len(sets)} series, expected at most {MAX_NAMES}")
    return tuple(sets)


def failure_text(body: bytes) -> tuple[str, str]:
    """What is said of a failure: its type, such as `execution` (empty: it is not of Prometheus), and a printable sentence."""
    try:
        failure = _failure.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        start = body[:400].decode("utf-8", "replace").strip()
        what = "an HTML page" if start[:1] == "<" else "no JSON of Prometheus"
        return "", f"{what}: {printable(' '.join(start.split()), 120)}" if start else "an empty answer"
    return printable(failure.error_type, 40), printable(failure.error or failure.status, 200)


def _opened(body: bytes) -> _Envelope:
    if len(body) > MAX_ANSWER_BYTES:
        raise TooMuchError(f"{len(body)} bytes, expected at most {MAX_ANSWER_BYTES}")
    try:
        envelope = _envelope.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(
            f"{failure_text(body)[1]} ({printable(str(error), 120)}), expected JSON of Prometheus' HTTP API"
        ) from error
    if envelope.status != "success":
        raise AnswerError(f"status: found {printable(envelope.status, 40)!r}, expected success; {failure_text(body)[1]}")
    return envelope


def _warning(raw: msgspec.Raw) -> str:
    """The first warning; whatever else stands there is one, too."""
    if not bytes(raw):
        return ""
    try:
        texts = _names.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "" if bytes(raw) == b"null" else "a warning that is no text"
    return printable(texts[0], 160) if texts else ""


def _decoded(decoder: msgspec.json.Decoder[T], data: msgspec.Raw, what: str) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(f"{what}: {printable(str(error), 160)}") from error


def _hour(time_seconds: float) -> int | None:
    """The hour that ends then."""
    if not (math.isfinite(time_seconds) and 0 < time_seconds < _WIDEST_SECONDS):
        return None
    return math.ceil(time_seconds / HOUR_SECONDS) - 1


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def amounts(series: Hourly) -> Mapping[int, int]:
    """Whole bytes by hour."""
    return {hour: int(value) for hour, value in series.values.items()}
