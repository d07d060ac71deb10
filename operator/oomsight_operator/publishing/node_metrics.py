"""The operator's metrics of nodes: their conditions, how far eviction is, who would go first. Cardinality is bounded per node.

Series are made when a node is judged and kept as numbers, so that a scrape of five thousand nodes judges nothing. They go when the
node goes; while its agent is silent, its conditions alone are there, as Unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from oomsight_api.names import QosClass
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.eviction.kernel_victims import NamedVictim
from oomsight_operator.judgement.eviction.order import EvictionOrder
from oomsight_operator.judgement.kill_order.candidates import page_size
from oomsight_operator.judgement.kill_order.change import margin
from oomsight_operator.judgement.kill_order.model import KillOrder
from oomsight_operator.judgement.node_health.condition import NodeCondition
from oomsight_operator.judgement.qos import qos_class

_FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "oomsight_node_condition_info": (
        "1, with the status (True, False, Unknown) and the reason of each condition of the node's memory as labels; True is bad",
        ("node", "type", "status", "reason"),
    ),
    "oomsight_node_eviction_available_bytes": ("The kubelet's signal, as it would see it now", ("node", "signal")),
    "oomsight_node_eviction_margin_bytes": (
        "How far the kubelet's signal is above its threshold; below 0 pods are evicted",
        ("node", "signal", "threshold"),
    ),
    "oomsight_node_eviction_thresholds_assumed": ("1 when the kubelet's thresholds are defaults, 0 when they were read", ("node",)),
    "oomsight_node_first_evicted_info": (
        "1, with the pod that the kubelet would evict first as labels",
        ("node", "namespace", "pod"),
    ),
    "oomsight_node_first_victim_info": (
        "1, with whom the kernel would kill at this rank when the node runs out of memory as labels; pod empty: outside pods",
        ("node", "rank", "namespace", "pod", "container", "ambiguous"),
    ),
    "oomsight_node_first_victim_margin_bytes": (
        "By how much the first victim's points are above those of the next container or process; 0 when that is ambiguous",
        ("node",),
    ),
    "oomsight_node_guaranteed_first_victim": (
        "1 when the container that the kernel would kill first is in a Guaranteed pod; no series when that is not known",
        ("node",),
    ),
    "oomsight_node_swap_in_pages_per_second": ("Pages that came back from swap, over the agent's last 10 s or more", ("node",)),
    "oomsight_node_swap_out_pages_per_second": ("Pages that went out to swap, over the agent's last 10 s or more", ("node",)),
}

Series = tuple[str, tuple[str, ...], float]
"""Family, label values behind the node's name, value."""


def condition_series(conditions: Iterable[NodeCondition]) -> list[Series]:
    """All that there is of a node whose agent is silent."""
    return [("oomsight_node_condition_info", (each.type.value, each.status.value, each.reason.value), 1.0) for each in conditions]


def node_series(
    conditions: Iterable[NodeCondition],
    eviction: EvictionOrder,
    kill_order: KillOrder | None,
    victims: Sequence[NamedVictim],
    memory: NodeMemory,
) -> tuple[Series, ...]:
    """All of one node; what is unknown has no series."""
    found = condition_series(conditions)
    for state in eviction.signals:
        if state.available_bytes is not None:
            found.append(("oomsight_node_eviction_available_bytes", (state.signal.value,), state.available_bytes))
        found.extend(
            ("oomsight_node_eviction_margin_bytes", (state.signal.value, each.kind.value), each.margin_bytes)
            for each in state.margins
        )
    found.append(("oomsight_node_eviction_thresholds_assumed", (), float(eviction.settings.assumed_because is not None)))
    if eviction.places:
        first = eviction.places[0].pod
        found.append(("oomsight_node_first_evicted_info", (first.namespace, first.name), 1.0))
    for rank, each in enumerate(victims, 1):
        where = (each.pod.namespace, each.pod.name, each.victim.container_name or "") if each.pod is not None else ("", "", "")
        found.append(("oomsight_node_first_victim_info", (str(rank), *where, str(each.victim.ambiguous).lower()), 1.0))
    found.extend(_kernel_series(kill_order, victims, memory))
    for family, rate in (
        ("oomsight_node_swap_in_pages_per_second", memory.swap_in_pages_per_second),
        ("oomsight_node_swap_out_pages_per_second", memory.swap_out_pages_per_second),
    ):
        if rate is not None:
            found.append((family, (), rate))
    return tuple(found)


def _kernel_series(kill_order: KillOrder | None, victims: Sequence[NamedVictim], memory: NodeMemory) -> Iterator[Series]:
    if kill_order is None or not victims:
        return
    gap = margin(kill_order)
    if gap is not None or kill_order.ambiguous:
        yield ("oomsight_node_first_victim_margin_bytes", (), float(gap.pages * page_size(memory) if gap is not None else 0))
    first = victims[0]
    if first.victim.ambiguous or (first.pod is None and first.victim.pod_uid is not None):
        return  # who is first, or whose it is, is not known
    guaranteed = first.pod is not None and qos_class(first.pod) is QosClass.GUARANTEED
    yield ("oomsight_node_guaranteed_first_victim", (), float(guaranteed))


class NodeMetrics(Collector):
    """Series by node, made into families at each scrape."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[object, tuple[Series, ...]]] = {}

    def knows(self, node_name: str, source: object) -> bool:
        """Whether the node's series were made from this very object."""
        known = self._nodes.get(node_name)
        return known is not None and known[0] is source

    def observe(self, node_name: str, series: Iterable[Series], source: object = None) -> None:
        """Replaces what is told of the node."""
        self._nodes[node_name] = (source, tuple(series))

    def keep_only(self, node_names: frozenset[str]) -> None:
        """Forget all other nodes."""
        for name in self._nodes.keys() - node_names:
            del self._nodes[name]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = {name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in _FAMILIES.items()}
        for node_name, (_, series) in list(self._nodes.items()):
            for family, labels, value in series:
                families[family].add_metric((node_name, *labels), value)
        yield from families.values()
