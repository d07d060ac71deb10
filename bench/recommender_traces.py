"""Recorded memory traces: Parquet files of series, read into arrays, and which series are replicas of one workload."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

DAY_SECONDS = 86400
_POD_SUFFIX = re.compile(r"-[0-9a-f]{5,10}-[0-9a-z]{5}$")
"""Of a Deployment's pod: hash of its template and of itself."""
_TASK_SUFFIX = re.compile(r"^(\d{6,})-\d+$")
"""Of a Borg task: its index in the job."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds."""

    warm_up_seconds: int
    """Samples at the beginning from which policies learn before they are judged."""
    update_seconds: int
    """How often a policy that is run periodically may change the limit."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one container held over time."""

    name: str
    workload: str
    time_seconds: Array
    demand_bytes: Array
    """The highest in each interval, where the source has it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or the part of it without injected faults."""

    name: str
    variant: str
    step_seconds: float
    rules: Rules
    series: tuple[Series, ...]

    @property
    def workloads(self) -> dict[str, tuple[Series, ...]]:
        """Series by workload, in the file's order."""
        found: dict[str, list[Series]] = {}
        for series in self.series:
            found.setdefault(series.workload, []).append(series)
        return {name: tuple(members) for name, members in found.items()}

    def half(self, which: int | None) -> Source:
        """One of two halves of the workloads, drawn by their names; all of them for None."""
        if which is None:
            return self
        kept = tuple(series for series in self.series if zlib.crc32(series.workload.encode()) % 2 == which)
        return replace(self, series=kept)

    def with_shared_limits(self) -> Source:
        """Replicas share one limit: each workload becomes one series with the samples of all."""
        merged = []
        for workload, members in self.workloads.items():
            times = np.concatenate([series.time_seconds for series in members])
            order = np.argsort(times, kind="stable")
            demand = np.concatenate([series.demand_bytes for series in members])
            merged.append(Series(workload, workload, times[order], demand[order]))
        return replace(self, variant=f"{self.variant}, one limit a workload", series=tuple(merged))


def rules_of(name: str) -> Rules:
    """Short recordings get a shorter warm-up; a day for all others."""
    hours = 3 if name.startswith("nezha") else 12 if name.startswith("llm") else 24
    return Rules(hours * 3600, hours * 3600)


def workload_of(series: str) -> str:
    """`2023-01-29/ts-auth-service-7f8d7d756d-k7b9j` belongs to `ts-auth-service`, task `113812204462-78` to job `113812204462`."""
    pod = series.rsplit("/", 1)[-1]
    return _POD_SUFFIX.sub("", _TASK_SUFFIX.sub(r"\1", pod))


def read_sources(folder: Path) -> Iterator[Source]:
    """Every Parquet file of a folder; one with a `fault` column twice: whole, and without the samples under injected stress."""
    for path in sorted(folder.glob("*.parquet")):
        table = pyarrow.parquet.read_table(path)
        names = np.asarray(table["series_id"].to_pylist())
        columns = {name: table[name].to_numpy() for name in table.schema.names if name != "series_id"}
        yield _source(path.stem, "all", names, columns)
        if "fault" in columns:
            kept = columns["fault"] == 0
            yield _source(path.stem, "without-faults", names[kept], {name: values[kept] for name, values in columns.items()})


def _source(name: str, variant: str, names: Array, columns: dict[str, Array]) -> Source:
    demand = columns.get("max_bytes", columns["memory_bytes"])
    found = []
    steps: list[float] = []
    for series in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == series)
        rows = rows[np.argsort(columns["t_seconds"][rows], kind="stable")]
        times = columns["t_seconds"][rows]
        found.append(Series(series, workload_of(series), times, demand[rows].astype(np.int64)))
        steps += np.diff(times).tolist()
    return Source(name, variant, float(np.median(steps)), rules_of(name), tuple(found))
