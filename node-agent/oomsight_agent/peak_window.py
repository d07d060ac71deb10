"""The highest usage of each container over a window that no scrape interval up to it can fall through.

A sample's peak is over a second, a scrape comes every 15 to 60 seconds. Two halves of a window are kept, the running and the
last one, so what is shown covers at least WINDOW_SECONDS and at most twice that, with two numbers a container."""

from __future__ import annotations

from oomsight_api.report import NodeReport

WINDOW_SECONDS = 60.0


class PeakWindow:
    """Takes every full report, gives the highest usage by container id."""

    def __init__(self) -> None:
        self._since_seconds = float("-inf")
        self._last: dict[str, int] = {}
        self._running: dict[str, int] = {}

    def observe(self, report: NodeReport) -> None:
        """Take the next sample."""
        if report.time_seconds - self._since_seconds >= WINDOW_SECONDS or report.time_seconds < self._since_seconds:
            self._since_seconds, self._last, self._running = report.time_seconds, self._running, {}
        running = self._running
        for row in report.containers:
            peak = row.memory.peak_interval_bytes
            if peak is not None and peak > running.get(row.container_id, -1):
                running[row.container_id] = peak

    def peaks(self) -> dict[str, int]:
        """Highest usage in bytes over the last WINDOW_SECONDS or a little longer."""
        peaks = dict(self._last)
        for container_id, peak in self._running.items():
            if peak > peaks.get(container_id, -1):
                peaks[container_id] = peak
        return peaks
