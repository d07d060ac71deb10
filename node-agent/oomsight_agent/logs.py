"""Structured logs: one event is one line of JSON on standard error.

What is logged may come from a tenant (process names, cgroup paths), so a line is plain printable ASCII: control characters,
line breaks and bidirectional marks arrive escaped, and no value can start a line of its own. Every module logs through the
standard library (`logging.getLogger(__name__)`) with a constant message and its values beside it: `extra={"path": path}`. It
refuses keys that a LogRecord has itself, among them `name`, `args`, `module`, `process` and `thread`: write `process_name`
and so on."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, TextIO

LEVELS = ("debug", "info", "warning", "error")

MAX_VALUE_CHARACTERS = 2048
"""A longer string is cut: a hostile name must not fill the node's disk."""

_ORDINARY_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OWN_KEYS = frozenset({"time", "level", "logger", "message", "error"})


class JsonFormatter(logging.Formatter):
    """Renders a record as `{"time": …, "level": …, "logger": …, "message": …}` and whatever `extra` brought, in one line."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "time": _rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        for key, value in vars(record).items():
            if key not in _ORDINARY_ATTRIBUTES:
                event[f"{key}_" if key in _OWN_KEYS else key] = _plain(value)
        if record.exc_info:
            event["error"] = _plain(self.formatException(record.exc_info))
        # json leaves DEL as it is; a terminal does not.
        return json.dumps(event, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f")


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send everything from `level` (one of LEVELS) up to `stream`, by default standard error. Raises ValueError otherwise."""
    if level not in LEVELS:
        raise ValueError(f"log level: found {level!r}, expected one of {', '.join(LEVELS)}")
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())


def _message(record: logging.LogRecord) -> str:
    try:
        return _cut(record.getMessage())
    except (TypeError, ValueError):
        return _cut(str(record.msg))


def _plain(value: object) -> object:
    """A value that JSON can hold: numbers and booleans as they are, everything else as a cut string."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # NaN and infinities are no JSON
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value[:64]]
    return _cut(value if isinstance(value, str) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}… ({len(text)} characters)"


def _rfc3339(seconds: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds % 1 * 1000):03d}Z"
