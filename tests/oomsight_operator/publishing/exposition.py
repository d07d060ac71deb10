"""What Prometheus reads of the operator's metrics."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from oomsight_operator.publishing.metrics import OperatorMetrics

Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(metrics: OperatorMetrics) -> dict[Sample, float]:
    found: dict[Sample, float] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"two series {key}: a scrape would fail"
            found[key] = sample.value
    return found


def value(metrics: OperatorMetrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((name, frozenset(labels.items())))
