"""What Prometheus sees of pods and their containers."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.publishing.builders import MI, a_container, a_kill, a_pod, a_recommendation, an_assessment
from tests.oomsight_operator.publishing.exposition import samples, value

from oomsight_api.incident import OomScope
from oomsight_api.names import Advice, Cause, RiskLevel
from oomsight_operator.judgement.advice.given import AdviceGiven
from oomsight_operator.judgement.forecast.outlook import Forecast, Shape
from oomsight_operator.judgement.kills.model import KillCause, KillSource
from oomsight_operator.publishing.metrics import OperatorMetrics

WHERE = {"namespace": "shop", "pod": "web-0", "container": "app", "node": "node-1"}


def test_pods_are_counted_by_level_and_namespace() -> None:
    metrics = OperatorMetrics()
    for number, level in enumerate((RiskLevel.HIGH, RiskLevel.HIGH, RiskLevel.NONE)):
        metrics.observe(a_pod(uid=f"{number}", name=f"web-{number}"), an_assessment(level))
    assert value(metrics, "oomsight_pods", namespace="shop", level="high") == 2
    assert value(metrics, "oomsight_pods", namespace="shop", level="none") == 1
    assert value(metrics, "oomsight_pods", namespace="shop", level="critical") == 0


def test_each_advice_that_a_container_is_given() -> None:
    metrics = OperatorMetrics()
    given = (AdviceGiven(Advice.NO_REQUEST, "why"), AdviceGiven(Advice.SILENT_KILLS, "why"))
    metrics.observe(a_pod(), an_assessment(RiskLevel.NONE, a_container(RiskLevel.NONE, advice=given)))
    assert value(metrics, "oomsight_container_advice_info", **WHERE, advice="NoRequest") == 1
    assert value(metrics, "oomsight_container_advice_info", **WHERE, advice="SilentKills") == 1
    assert value(metrics, "oomsight_container_advice_info", **WHERE, advice="NoBurstRoom") is None
    metrics.observe(a_pod(), an_assessment(RiskLevel.NONE))
    assert value(metrics, "oomsight_container_advice_info", **WHERE, advice="NoRequest") is None


def test_risk_and_recommendation_of_each_container() -> None:
    metrics = OperatorMetrics()
    container = a_container(RiskLevel.HIGH, recommendation=a_recommendation(128, request_mi=90))
    metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, container))
    assert value(metrics, "oomsight_container_risk_info", **WHERE, level="high") == 1
    assert value(metrics, "oomsight_container_recommended_limit_bytes", **WHERE) == 128 * MI
    assert value(metrics, "oomsight_container_recommended_request_bytes", **WHERE) == 90 * MI
    metrics.observe(a_pod(), an_assessment(RiskLevel.LOW))
    assert value(metrics, "oomsight_container_risk_info", **WHERE, level="high") is None
    assert value(metrics, "oomsight_container_recommended_limit_bytes", **WHERE) is None


def test_kills_are_counted_over_restarts_of_the_container_by_scope() -> None:
    metrics = OperatorMetrics()
    name = "oomsight_container_observed_oom_kills_total"
    metrics.observe(a_pod(), an_assessment())
    assert value(metrics, name, **WHERE, scope="container") == 0, (
        "a counter that starts with its first kill hides it from increase()"
    )
    for run in range(3):
        kill = a_kill(container_id=f"{run:064x}")
        metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, a_container(new_kills=(kill,))))
    child = a_kill(source=KillSource.COUNTER, processes=2, sequence=2)
    metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, a_container(new_kills=(child,))))
    metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, a_container(kills=(child,))))
    assert value(metrics, name, **WHERE, scope="container") == 3
    assert value(metrics, name, **WHERE, scope="process") == 2


def test_kills_are_counted_by_whose_memory_ran_out_and_why_also_when_their_pod_is_gone() -> None:
    metrics = OperatorMetrics()
    name = "oomsight_oom_kills_total"
    by_node = a_kill(scope=OomScope.NODE, cause=KillCause(Cause.NODE_PRESSURE, "x"))
    children = a_kill(source=KillSource.COUNTER, sequence=3, processes=3)
    metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, a_container(new_kills=(by_node, children))))
    metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, a_container(kills=(by_node, children))))
    metrics.forget("uid-1")
    metrics.observe(a_pod(uid="uid-2"), an_assessment(RiskLevel.HIGH, a_container(new_kills=(by_node,))))
    assert value(metrics, name, namespace="shop", scope="node", cause="NodePressure") == 2
    assert value(metrics, name, namespace="shop", scope="unknown", cause="Unknown") == 3


def test_victims_that_are_told_later_are_counted_and_those_of_an_earlier_operator_are_not() -> None:
    metrics = OperatorMetrics()
    name, cause = "oomsight_oom_kills_total", KillCause(Cause.LEAK, "x")
    first = a_kill(source=KillSource.KERNEL_LOG, incident_id="boot-1", scope=OomScope.CONTAINER, cause=cause)
    restored = a_kill(source=KillSource.KERNEL_LOG, incident_id="boot-0", processes=7, scope=OomScope.CONTAINER, cause=cause)
    metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, a_container(kills=(restored, first), new_kills=(first,))))
    for told in (3, 3, 10, 2, 10):
        grown = replace(first, processes=told)
        metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH, a_container(kills=(restored, grown))))
    assert value(metrics, name, namespace="shop", scope="container", cause="Leak") == 10
    assert value(metrics, "oomsight_container_observed_oom_kills_total", **WHERE, scope="process") == 10


def test_series_go_with_their_pod() -> None:
    metrics = OperatorMetrics()
    metrics.observe(a_pod(), an_assessment(RiskLevel.HIGH))
    metrics.forget("uid-1")
    metrics.forget("uid-1")
    assert not [name for name, _ in samples(metrics) if name.startswith(("oomsight_pods", "oomsight_container"))]


def test_a_pod_made_anew_under_its_name_takes_the_series_over_whatever_comes_first() -> None:
    metrics = OperatorMetrics()
    metrics.observe(a_pod(uid="old"), an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=(a_kill(),))))
    metrics.observe(a_pod(uid="new"), an_assessment(RiskLevel.LOW))
    metrics.forget("old")
    assert value(metrics, "oomsight_container_risk_info", **WHERE, level="low") == 1
    assert value(metrics, "oomsight_container_observed_oom_kills_total", **WHERE, scope="container") == 0


def test_hostile_names_cannot_break_the_exposition() -> None:
    metrics = OperatorMetrics()
    metrics.observe(a_pod(name='x"} 1\nevil_metric 666 #'), an_assessment())
    assert not [name for name, _ in samples(metrics) if name == "evil_metric"]


def test_time_until_the_limit_is_absent_where_it_is_unknown() -> None:
    metrics = OperatorMetrics()
    found = Forecast(Shape.GROWING, 512 * MI, 300 * MI, 3600.0, 12, "", seconds_to_limit=5400.0)
    metrics.observe(a_pod(), an_assessment(RiskLevel.LOW, replace(a_container(RiskLevel.LOW), forecast=found)))
    assert value(metrics, "oomsight_container_seconds_until_limit", **WHERE) == 5400
    steady = replace(found, shape=Shape.STEADY, seconds_to_limit=None)
    metrics.observe(a_pod(), an_assessment(RiskLevel.NONE, replace(a_container(RiskLevel.NONE), forecast=steady)))
    assert value(metrics, "oomsight_container_seconds_until_limit", **WHERE) is None
