"""Structured logs: one event is one line of JSON on standard error, plain ASCII, so that no value can start a line of its own."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from pythonjsonlogger.json import JsonFormatter


class _Formatter(JsonFormatter):
    """`{"level": "info", "logger": …, "message": …, "time": …}` and what `extra` brought."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        log_data["level"] = str(log_data.get("level", "")).lower()
        return log_data


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send everything from `level` up to `stream`, by default standard error; libraries only from warning up."""
    formatter = _Formatter(
        "{levelname}{name}{message}",
        style="{",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        json_ensure_ascii=True,
    )
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    if level != "debug":
        for library in ("kopf", "aiohttp", "asyncio", "kubernetes", "urllib3", "client"):
            logging.getLogger(library).setLevel(logging.WARNING)
        # It warns at each start that it does not get the signals in its thread: they are ours.
        logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
