"""What each path answers: a function of the board, the path and two things about the client. No sockets here."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from oomsight_agent.board import Board, NothingSampledError
from oomsight_agent.metrics import CONTENT_TYPE as METRICS_CONTENT_TYPE
from oomsight_api.report import encode

MAX_WAIT_SECONDS = 120
MAX_CURSOR_CHARACTERS = 128

GZIP_FROM_BYTES = 16 * 1024
"""Below this an answer fits into a dozen packets, and compressing it costs both sides more than it saves."""

PATHS = ("/v1/report", "/metrics", "/healthz", "/readyz")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class _ParameterError(ValueError):
    def __init__(self, parameter: str, found: str, expected: str) -> None:
        super().__init__(f"parameter {parameter}: found {_excerpt(found)!r}, expected {expected}")
        self.body = error_body(str(self), parameter=parameter, found=_excerpt(found), expected=expected)


def known_path(target: str) -> str:
    """The path for counters: one of PATHS, or `other`, so that no request can grow a metric."""
    path = target.partition("?")[0]
    return path if path in PATHS else "other"


def error_body(message: str, **details: str) -> bytes:
    """`{"error": message, …}` in printable ASCII."""
    return json.dumps({"error": message, **details}).encode() + b"\n"


def answer(board: Board, target: str, accept_encoding: str, client_is_there: Callable[[], bool]) -> Answer:
    """Answer a GET (or HEAD) of `target`, path and query. Raises ClientGoneError when the client leaves a long poll."""
    path = known_path(target)
    try:
        if path == "/v1/report":
            return _report(board, target, accept_encoding, client_is_there)
        if path == "/metrics":
            return _compressed(Answer(200, board.metrics().encode(), METRICS_CONTENT_TYPE), accept_encoding)
    except _ParameterError as error:
        return Answer(400, error.body)
    except NothingSampledError as error:
        return Answer(503, error_body(str(error)), headers={"Retry-After": "1"})
    if path in ("/healthz", "/readyz"):
        return _health(board, path)
    return Answer(404, error_body(f"no such path, expected one of {', '.join(PATHS)}"))


def _report(board: Board, target: str, accept_encoding: str, client_is_there: Callable[[], bool]) -> Answer:
    parameters = _parameters(target)
    cursor = parameters.get("cursor", "")
    if len(cursor) > MAX_CURSOR_CHARACTERS:
        raise _ParameterError("cursor", cursor, f"at most {MAX_CURSOR_CHARACTERS} characters of an earlier answer")
    wait_seconds = _wait_seconds(parameters.get("wait", "0"))
    return _compressed(Answer(200, encode(board.report(cursor, wait_seconds, client_is_there))), accept_encoding)


def _parameters(target: str) -> dict[str, str]:
    """The parameters that this version knows; others are left for later versions."""
    try:
        pairs = parse_qsl(target.partition("?")[2], keep_blank_values=True, max_num_fields=16)
    except ValueError:
        raise _ParameterError("?", target, "at most 16 parameters name=value") from None
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in ("cursor", "wait"):
            if name in parameters:
                raise _ParameterError(name, f"{parameters[name]} and {value}", "it once")
            parameters[name] = value
    return parameters


def _wait_seconds(text: str) -> float:
    expected = f"seconds from 0 to {MAX_WAIT_SECONDS}"
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text):
        raise _ParameterError("wait", text, expected)
    seconds = float(text)
    if seconds > MAX_WAIT_SECONDS:
        raise _ParameterError("wait", text, expected)
    return seconds


def _health(board: Board, path: str) -> Answer:
    """`/healthz`: the last sample is fresh. `/readyz`: there is a first sample, however old."""
    health = board.health()
    age = health.last_sample_age_seconds
    if path == "/readyz":
        ok = age is not None
        text = "ready" if ok else "nothing was sampled yet"
    else:
        ok = health.fresh
        text = "ok" if ok else "nothing was sampled yet" if age is None else "the last sample is too old"
    body = {"status": text} if age is None else {"status": text, "last_sample_age_seconds": round(age, 3)}
    return Answer(200 if ok else 503, json.dumps(body).encode() + b"\n")


def _compressed(plain: Answer, accept_encoding: str) -> Answer:
    headers = {"Vary": "Accept-Encoding", **plain.headers}
    if len(plain.body) < GZIP_FROM_BYTES or not _accepts_gzip(accept_encoding):
        return Answer(plain.status, plain.body, plain.content_type, headers)
    compressor = zlib.compressobj(level=1, wbits=31)
    body = compressor.compress(plain.body) + compressor.flush()
    return Answer(plain.status, body, plain.content_type, {**headers, "Content-Encoding": "gzip"})


def _accepts_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.lower().split(","):
        coding, _, parameter = (part.strip() for part in item.partition(";"))
        if coding == "gzip":
            return not re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter)
    return False


def _excerpt(text: str) -> str:
    return text if len(text) <= 64 else f"{text[:64]}…"
