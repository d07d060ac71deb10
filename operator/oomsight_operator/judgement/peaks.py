"""The highest values seen of a container, and for how long it was watched: what a recommendation rests on."""

from __future__ import annotations

from dataclasses import replace

from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.model import ContainerHistory


def observe_peaks(history: ContainerHistory, row: ContainerRow | None, sample_time_seconds: float | None) -> ContainerHistory:
    """Raise the peaks by one sample. They outlive restarts of the container: the next run wants what the last one wanted."""
    if row is None or sample_time_seconds is None:
        return history
    memory = row.memory
    return replace(
        history,
        peak_bytes=_highest(history.peak_bytes, memory.peak_interval_bytes, memory.usage_bytes),
        peak_working_set_bytes=_highest(history.peak_working_set_bytes, memory.working_set_bytes),
        peak_unreclaimable_bytes=_highest(history.peak_unreclaimable_bytes, memory.unreclaimable_bytes),
        first_sample_seconds=history.first_sample_seconds if history.first_sample_seconds is not None else sample_time_seconds,
        last_sample_seconds=max(history.last_sample_seconds or sample_time_seconds, sample_time_seconds),
    )


def watched_seconds(history: ContainerHistory) -> float | None:
    """From the first sample to the last; None before the first."""
    if history.first_sample_seconds is None or history.last_sample_seconds is None:
        return None
    return max(0.0, history.last_sample_seconds - history.first_sample_seconds)


def _highest(*amounts: int | None) -> int | None:
    return max((amount for amount in amounts if amount is not None), default=None)
