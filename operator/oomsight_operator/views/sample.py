"""The beginning of every document about a node: which node, when it was asked, and how old the numbers are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oomsight_operator.judgement.words import printable, time_text

DOCUMENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """Whence the numbers of a document are."""

    node_name: str
    now_seconds: float
    """Unix time of the answer."""
    sample_seconds: float | None = None
    """Unix time of the agent's last sample, by the node's own clock; None: there is none."""
    age_seconds: float | None = None
    """How long ago the operator got it, by its own clock."""
    unknown_because: str | None = None
    """Why nothing is known of the node, in words (printable ASCII)."""


def head(sample: Sample) -> dict[str, Any]:
    """What all documents have in common."""
    return compact(
        {
            "version": DOCUMENT_VERSION,
            "node": printable(sample.node_name),
            "time": time_text(sample.now_seconds),
            "sampleTime": time_text(sample.sample_seconds) if sample.sample_seconds is not None else None,
            "sampleAgeSeconds": round(max(0.0, sample.age_seconds), 1) if sample.age_seconds is not None else None,
            "unknownBecause": sample.unknown_because,
        }
    )


def compact(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is unknown."""
    return {key: value for key, value in document.items() if value is not None}
