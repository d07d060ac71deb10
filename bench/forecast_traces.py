"""Recorded traces as series: a folder of Parquet files with `series_id`, `t_seconds`, `memory_bytes` (a sample a row).

Where a file has `limit_bytes`, that is the limit. Else one is supposed: a tenth above the highest value of the first half, and
only the second half is scored. `rss_bytes` is taken for what cannot be reclaimed where it is recorded, else `memory_bytes`.
`restart` = 1 begins a new run. A crossing is a sample at 98 % of the limit or more (a trace was recorded under its limit and never
goes beyond it) after an hour below.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from forecast_series import HOUR, Death, Series

SUPPOSED_RATIO: Final = 1.1
CROSSED_SHARE: Final = 0.98


class Trace(NamedTuple):
    """A recorded series, and since when it is scored."""

    source: str
    supposed_limit: bool
    series: Series
    scored_from_seconds: float


def traces(folder: Path) -> Iterator[Trace]:
    """Of every Parquet file in the folder, by name."""
    from pyarrow import parquet  # noqa: PLC0415 - a wheel of 40 MB, for this flag alone

    for path in sorted(folder.glob("*.parquet")):
        samples: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for batch in parquet.ParquetFile(path).iter_batches():
            for sample in batch.to_pylist():
                samples[sample["series_id"]].append(sample)
        for recorded in samples.values():
            trace = _trace(path.stem, sorted(recorded, key=lambda sample: float(sample["t_seconds"])))
            if trace is not None:
                yield trace


def _trace(source: str, recorded: list[dict[str, Any]]) -> Trace | None:
    held = "rss_bytes" if recorded[0].get("rss_bytes") is not None else "memory_bytes"
    recorded = [sample for sample in recorded if sample.get(held) is not None and sample["memory_bytes"] is not None]
    if len(recorded) < 10:
        return None
    began = float(recorded[0]["t_seconds"])
    times = [float(sample["t_seconds"]) - began for sample in recorded]
    values = [int(sample[held]) for sample in recorded]
    limit = recorded[-1].get("limit_bytes")
    supposed = not limit
    scored_from = times[-1] / 2 if supposed else 0.0
    if supposed:
        limit = SUPPOSED_RATIO * max(value for when, value in zip(times, values, strict=True) if when <= scored_from)
    series = Series(source, int(limit or 1), times[-1] / len(times), times=times)
    series.unreclaimable = values
    series.cache = [max(0, int(sample["memory_bytes"]) - value) for sample, value in zip(recorded, values, strict=True)]
    series.run_starts = [index for index, sample in enumerate(recorded) if index == 0 or sample.get("restart") == 1]
    last = float("-inf")
    for when, value in zip(times, values, strict=True):
        if value >= CROSSED_SHARE * series.limit_bytes:
            if when >= max(scored_from, HOUR) and when - last > HOUR:
                series.deaths.append(Death(max(0.0, when - 8 * HOUR), when))
            last = when
    return Trace(source, supposed, series, scored_from)
