"""What Prometheus sees of the operator itself."""

from __future__ import annotations

from tests.oomsight_operator.publishing.exposition import value

from oomsight_api.incident import KernelLog
from oomsight_operator.publishing.metrics import OperatorMetrics


def test_what_the_agents_evidence_is_and_what_it_misses() -> None:
    metrics = OperatorMetrics()
    logs = (KernelLog(following=True, records_lost=7), KernelLog(following=False, problem="permission denied"), None, None)
    metrics.set_evidence(logs, (2, None, 0, 3))
    states = {state: value(metrics, "oomsight_operator_agents_kernel_log", state=state) for state in ("followed", "failed", "off")}
    assert states == {"followed": 1, "failed": 1, "off": 2}
    assert value(metrics, "oomsight_operator_kernel_log_records_lost") == 7
    assert value(metrics, "oomsight_operator_unattributed_oom_kills") == 5
    metrics.set_evidence((), ())
    assert value(metrics, "oomsight_operator_agents_kernel_log", state="followed") == 0


def test_the_operators_own_health() -> None:
    metrics = OperatorMetrics()
    metrics.set_agents(known=3, fresh=2, stale=1)
    metrics.observe_report_latency(0.2)
    metrics.observe_report_latency(-5)
    metrics.set_informer("pods", synced=True, objects=7)
    metrics.informer_relisted("pods")
    metrics.malformed("report")
    metrics.set_leader(True)
    assert value(metrics, "oomsight_operator_agents", state="stale") == 1
    assert value(metrics, "oomsight_operator_report_latency_seconds_count") == 2
    assert value(metrics, "oomsight_operator_informer_synced", resource="pods") == 1
    assert value(metrics, "oomsight_operator_informer_objects", resource="pods") == 7
    assert value(metrics, "oomsight_operator_informer_relists_total", resource="pods") == 1
    assert value(metrics, "oomsight_operator_malformed_total", source="report") == 1
    assert value(metrics, "oomsight_operator_leader") == 1
