"""`GET /v1/nodes/<node>/eviction-order`: how far the kubelet is from evicting, and which pods it would take, in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oomsight_operator.judgement.eviction.order import EvictionOrder
from oomsight_operator.judgement.eviction.ranking import Place
from oomsight_operator.judgement.eviction.settings import MONITORING_SECONDS, EvictionSettings
from oomsight_operator.judgement.eviction.signals import SignalState
from oomsight_operator.judgement.eviction.why import why_here, why_never
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.words import printable
from oomsight_operator.views.sample import Sample, compact, head

MAX_PODS = 1000
"""Of each list; beyond what a kubelet runs (110 by default)."""


def eviction_order_document(
    sample: Sample, order: EvictionOrder | None, kubelet_memory_pressure: bool | None = None
) -> dict[str, Any]:
    """`order` None: the node's agent is silent, and `sample` says so."""
    document = {**head(sample), **compact({"kubeletMemoryPressure": kubelet_memory_pressure})}
    if order is None:
        return document
    return {
        **document,
        "thresholds": _thresholds(order.settings),
        "signals": signal_documents(order.signals),
        "pods": [_place(place) for place in order.places[:MAX_PODS]],
        "unknownPlace": [
            {**_name(pod), "why": "the node's agent tells nothing of it, and the kubelet has statistics of what runs"}
            for pod in order.unplaced[:MAX_PODS]
        ],
        "neverEvicted": [{**_name(pod), "why": why_never(pod)} for pod in order.never[:MAX_PODS]],
        "differences": list(order.differences),
        "pollingSeconds": MONITORING_SECONDS,
    }


def signal_documents(signals: Iterable[SignalState]) -> list[dict[str, Any]]:
    """The kubelet's signals with their margins."""
    return [
        compact(
            {
                "signal": state.signal.value,
                "availableBytes": state.available_bytes,
                "capacityBytes": state.capacity_bytes,
                "unknownBecause": state.unknown_because,
                "thresholds": [
                    compact(
                        {
                            "kind": margin.kind.value,
                            "thresholdBytes": margin.threshold_bytes,
                            "marginBytes": margin.margin_bytes,
                            "met": margin.is_met,
                            "gracePeriodSeconds": margin.grace_seconds,
                        }
                    )
                    for margin in state.margins
                ],
            }
        )
        for state in signals
    ]


def _thresholds(settings: EvictionSettings) -> dict[str, Any]:
    if settings.assumed_because is None:
        return {"source": "kubelet"}
    return {"source": "assumed", "because": settings.assumed_because}


def _place(place: Place) -> dict[str, Any]:
    return compact(
        {
            "place": place.place,
            **_name(place.pod),
            "workingSetBytes": place.working_set_bytes,
            "workingSetFrom": place.source.value if place.source is not None else None,
            "requestBytes": place.request_bytes,
            "excessBytes": place.excess_bytes,
            "priority": place.priority,
            "tied": place.tied,
            "why": why_here(place),
        }
    )


def _name(pod: Pod) -> dict[str, Any]:
    return {"namespace": printable(pod.namespace, 63), "pod": printable(pod.name), "uid": printable(pod.uid, 64)}
