"""How it goes with the history from Prometheus, in the operator's metrics; only there where the operator was given one."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES = ("history", "nothing", "refused", "failed")


class HistoryMetrics:
    """Registered once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "oomsight_operator_prometheus_attempts",
            "Times Prometheus was asked for a workload's history, by whether it gave usable answers",
            ("outcome",),
            registry=registry,
        )
        self._workloads = Counter(
            "oomsight_operator_prometheus_workloads",
            "Workloads whose history was asked for, by what came of it; failed is a fault of the operator",
            ("outcome",),
            registry=registry,
        )
        self._waiting = Gauge(
            "oomsight_operator_prometheus_waiting", "Workloads whose history is still to be asked for", registry=registry
        )
        for outcome in ("ok", "error"):
            self._answers.labels(outcome)
        for outcome in OUTCOMES:
            self._workloads.labels(outcome)

    def answered(self, *, ok: bool) -> None:
        self._answers.labels("ok" if ok else "error").inc()

    def workload(self, outcome: str) -> None:
        """One of OUTCOMES."""
        self._workloads.labels(outcome).inc()

    def follow_waiting(self, waiting: Callable[[], int]) -> None:
        """Read at each scrape."""
        self._waiting.set_function(waiting)
