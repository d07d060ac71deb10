from __future__ import annotations

from prometheus_client import CollectorRegistry
from tests.oomsight_operator.judgement.build import GI, MI, pod, spec
from tests.oomsight_operator.judgement.eviction.pods import using
from tests.oomsight_operator.judgement.node_health.nodes import HEALTHY

from oomsight_api.incident import OomScope
from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_operator.judgement.eviction.kernel_victims import kernel_victims, named_victims
from oomsight_operator.judgement.eviction.order import assess_eviction
from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold, assumed
from oomsight_operator.judgement.kill_order.model import Candidate, Domain, KillOrder
from oomsight_operator.judgement.kill_order.order import rank
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.node_health.facts import NodeFacts
from oomsight_operator.judgement.node_health.rules import node_conditions, unknown_conditions
from oomsight_operator.publishing.node_metrics import NodeMetrics, Series, condition_series, node_series

PAGE = 4096
GUARANTEED = pod(spec(request=GI, limit=GI, cpu=(100, 100)), uid="uid-db", name="db")
ROOT = Cgroup(cgroup="/", memory=Memory(working_set_bytes=6 * GI))


class Scrape:
    """A registry with the metrics of nodes, read by name and labels."""

    def __init__(self) -> None:
        self.metrics = NodeMetrics()
        self._registry = CollectorRegistry()
        self._registry.register(self.metrics)

    def value(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(name, labels)

    def count(self) -> int:
        return sum(len(family.samples) for family in self._registry.collect())


def of_node(
    order: KillOrder | None = None,
    settings: EvictionSettings = assumed("nobody asked"),  # noqa: B008 - immutable
    memory: NodeMemory = HEALTHY,
    pods: tuple[Pod, ...] = (GUARANTEED,),
) -> tuple[Series, ...]:
    eviction = assess_eviction([using("web", 300)], memory, (ROOT,), settings)
    facts = NodeFacts(memory, eviction.signals, settings.assumed_because, False)
    victims = named_victims(kernel_victims(order, PAGE) or (), pods)
    return node_series(node_conditions(facts), eviction, order, victims, memory)


def killed(*sizes_mib: int) -> KillOrder:
    """Processes of the pod `db`, then of another, by size."""
    uids = ["uid-db", *(f"uid-{number}" for number in range(len(sizes_mib)))]
    candidates = [
        Candidate(number + 1, "p", 0, mib * MI // PAGE, mib * MI, container_id=f"id-{number}", pod_uid=uids[number])
        for number, mib in enumerate(sizes_mib)
    ]
    return rank(candidates, Domain(OomScope.NODE, None, 16 * GI // PAGE))


def test_conditions_signals_margins_and_rates_have_series() -> None:
    scrape = Scrape()
    scrape.metrics.observe("node-1", of_node())
    condition = {"node": "node-1", "type": "AvailableMemoryLow", "status": "False", "reason": "AvailableSufficient"}
    assert scrape.value("oomsight_node_condition_info", **condition) == 1
    signal = {"node": "node-1", "signal": "memory.available"}
    assert scrape.value("oomsight_node_eviction_available_bytes", **signal) == 10 * GI
    assert scrape.value("oomsight_node_eviction_margin_bytes", **signal, threshold="hard") == 10 * GI - 100 * MI
    assert scrape.value("oomsight_node_eviction_thresholds_assumed", node="node-1") == 1
    assert scrape.value("oomsight_node_first_evicted_info", node="node-1", namespace="team-a", pod="web") == 1
    assert scrape.value("oomsight_node_swap_in_pages_per_second", node="node-1") == 0


def test_thresholds_that_were_read_are_not_assumed_and_a_soft_one_has_its_own_margin() -> None:
    scrape = Scrape()
    scrape.metrics.observe("node-1", of_node(settings=EvictionSettings(Threshold(GI), Threshold(2 * GI), 30.0)))
    assert scrape.value("oomsight_node_eviction_thresholds_assumed", node="node-1") == 0
    soft = {"node": "node-1", "signal": "memory.available", "threshold": "soft"}
    assert scrape.value("oomsight_node_eviction_margin_bytes", **soft) == 8 * GI


def test_the_first_three_victims_the_margin_and_a_guaranteed_first_victim() -> None:
    scrape = Scrape()
    scrape.metrics.observe("node-1", of_node(killed(90, 60, 30, 10)))
    first = {"node": "node-1", "rank": "1", "namespace": "team-a", "pod": "db", "container": "", "ambiguous": "false"}
    assert scrape.value("oomsight_node_first_victim_info", **first) == 1
    other = {"node": "node-1", "rank": "3", "namespace": "", "pod": "", "container": "", "ambiguous": "false"}
    assert scrape.value("oomsight_node_first_victim_info", **other) == 1
    assert scrape.value("oomsight_node_first_victim_info", **{**other, "rank": "4"}) is None
    assert scrape.value("oomsight_node_first_victim_margin_bytes", node="node-1") == 30 * MI
    assert scrape.value("oomsight_node_guaranteed_first_victim", node="node-1") == 1


def test_where_it_is_ambiguous_the_margin_is_nothing_and_nobody_is_promised_to_be_first() -> None:
    scrape = Scrape()
    scrape.metrics.observe("node-1", of_node(killed(90, 90)))
    assert scrape.value("oomsight_node_first_victim_margin_bytes", node="node-1") == 0
    assert scrape.value("oomsight_node_guaranteed_first_victim", node="node-1") is None


def test_whether_the_first_is_guaranteed_is_not_known_of_a_pod_that_the_api_does_not_tell_of() -> None:
    scrape = Scrape()
    scrape.metrics.observe("node-1", of_node(killed(90, 60), pods=()))
    assert scrape.value("oomsight_node_guaranteed_first_victim", node="node-1") is None


def test_what_is_unknown_has_no_series() -> None:
    scrape = Scrape()
    scrape.metrics.observe("node-1", of_node(None, memory=NodeMemory()))
    assert scrape.value("oomsight_node_first_victim_margin_bytes", node="node-1") is None
    assert scrape.value("oomsight_node_swap_in_pages_per_second", node="node-1") is None
    assert scrape.value("oomsight_node_eviction_available_bytes", node="node-1", signal="memory.available") is None


def test_a_silent_node_has_its_conditions_alone_and_a_node_that_left_has_nothing() -> None:
    scrape = Scrape()
    scrape.metrics.observe("node-1", of_node(killed(90, 60)))
    scrape.metrics.observe("node-1", condition_series(unknown_conditions("silent")))
    unknown = {"node": "node-1", "type": "EvictionNear", "status": "Unknown", "reason": "NotReported"}
    assert scrape.value("oomsight_node_condition_info", **unknown) == 1
    assert scrape.count() == 7
    scrape.metrics.keep_only(frozenset({"node-2"}))
    assert scrape.count() == 0


def test_one_node_has_at_most_thirty_series() -> None:
    assert len(of_node(killed(90, 60, 30, 10))) <= 30
