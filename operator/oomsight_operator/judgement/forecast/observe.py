"""From rows to the history of a floor, and from that to a container's forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from oomsight_api.report import Container as ContainerRow
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.forecast.forecast import forecast
from oomsight_operator.judgement.forecast.history import UNIT_BYTES, FloorHistory
from oomsight_operator.judgement.forecast.outlook import Forecast
from oomsight_operator.judgement.model import ContainerHistory

TOLD_AGAIN_SECONDS: Final = 240.0
"""A pod is judged for many reasons, mostly with the row that is known already. Every five minutes the agent tells the whole node,
so a row that stands for longer was told again."""


def observe_floor(history: ContainerHistory, row: ContainerRow | None, sample_time_seconds: float | None) -> ContainerHistory:
    """Remember one row's floor. An agent that tells none (an older one) is taken at the value now."""
    if row is None or sample_time_seconds is None or row.memory.unreclaimable_bytes is None:
        return history
    value = row.memory.unreclaimable_bytes
    low = row.floor_bytes if row.floor_bytes is not None else value
    if _is_known(history.floor, low, value, sample_time_seconds):
        return history
    return replace(history, floor=history.floor.observed(row.container_id, sample_time_seconds, low, value))


def _is_known(floor: FloorHistory, low_bytes: int, value_bytes: int, time_seconds: float) -> bool:
    newest = floor.newest
    return (
        newest is not None
        and newest.low == min(low_bytes, value_bytes) // UNIT_BYTES
        and newest.high == max(low_bytes, value_bytes) // UNIT_BYTES
        and 0 <= time_seconds - newest.seconds < TOLD_AGAIN_SECONDS
    )


def forecast_of(
    floor: FloorHistory,
    row: ContainerRow | None,
    sample_time_seconds: float | None,
    limit_bytes: int | None,
    pod_row: PodRow | None = None,
    pod_limit_bytes: int | None = None,
) -> Forecast | None:
    """For the container's own limit (the spec's, where the kernel's is not told), or for what the pod's leaves it while its other
    containers stay as they are. None where nothing of it is known now, or nothing bounds it."""
    if row is None or sample_time_seconds is None:
        return None
    limit = row.memory.limit_bytes if row.memory.limit_bytes is not None else limit_bytes
    if limit is None and pod_limit_bytes is not None and pod_row is not None:
        own, pod = row.memory.unreclaimable_bytes, pod_row.memory.unreclaimable_bytes
        limit = pod_limit_bytes - max(0, pod - own) if own is not None and pod is not None else None
    return forecast(floor, limit, sample_time_seconds) if limit is not None else None
