"""One row of the ledger from sample to sample: what was told of it, what it is now, and what a lagging client has not heard of."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from msgspec.structs import replace

from oomsight_agent.untold import Untold
from oomsight_api.report import Container, Pod

RowT = TypeVar("RowT", Container, Pod)

NEVER: Final = float("-inf")


class ToldRow(Generic[RowT]):
    """One row's story: the last material version, the latest sample, and the extremes that a lagging client has not heard of."""

    __slots__ = (
        "floors",
        "last_alarm_seconds",
        "last_hit_seconds",
        "latest",
        "peaks",
        "repeated_seconds",
        "revision",
        "told",
        "told_peak_bytes",
    )

    def __init__(self, row: RowT, revision: int, now_seconds: float) -> None:
        peak = row.memory.peak_interval_bytes
        self.told: RowT = row
        self.told_peak_bytes = peak
        self.latest: RowT = row
        self.repeated_seconds: float | None = None
        self.revision = revision
        self.last_hit_seconds = NEVER
        self.last_alarm_seconds = NEVER
        self.peaks = Untold(peak, revision, now_seconds)
        self.floors: Untold | None = None
        if isinstance(row, Container):
            self.floors = Untold(row.floor_bytes, revision, now_seconds, lowest=True)

    def take(self, row: RowT, now_seconds: float) -> None:
        """A sample that differs from the latest one. The samples equal to that one had its extremes too, and nobody was told."""
        if self.repeated_seconds is not None:
            self._note(self.repeated_seconds)
            self.repeated_seconds = None
        self.latest = row
        self._note(now_seconds)

    def _note(self, now_seconds: float) -> None:
        latest = self.latest
        self.peaks.note(latest.memory.peak_interval_bytes, now_seconds)
        if self.floors is not None and isinstance(latest, Container):
            self.floors.note(latest.floor_bytes, now_seconds)

    def close(self, revision: int) -> None:
        """The latest row is the new material version: changes are measured from it, and it tells the extremes that were open."""
        self.told_peak_bytes = self.peaks.close(revision)
        if self.floors is not None:
            self.floors.close(revision)
        self.told = self.latest
        self.revision = revision

    def row_since(self, revision: int, now_seconds: float) -> RowT:
        """The latest row with the highest peak and the lowest floor that a client at `revision` has not been told."""
        row = self.latest
        own = row.memory.peak_interval_bytes
        peak = self.peaks.since(revision, now_seconds, own)
        if peak != own:
            row = replace(row, memory=replace(row.memory, peak_interval_bytes=peak))
        if self.floors is not None and isinstance(row, Container):
            floor = self.floors.since(revision, now_seconds, row.floor_bytes)
            if floor != row.floor_bytes:
                row = replace(row, floor_bytes=floor)
        return row
