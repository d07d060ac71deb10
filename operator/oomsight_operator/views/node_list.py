"""`GET /v1/nodes`: every node in a few words, those in trouble first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from oomsight_operator.judgement.eviction.order import EvictionOrder
from oomsight_operator.judgement.eviction.why import pod_name
from oomsight_operator.judgement.node_health.condition import NodeCondition, Status
from oomsight_operator.judgement.words import time_text
from oomsight_operator.views.node_health import is_healthy
from oomsight_operator.views.sample import DOCUMENT_VERSION, Sample, compact, head

_RANK = {Status.FALSE.value: 0, Status.UNKNOWN.value: 1, Status.TRUE.value: 2}


@dataclass(frozen=True, slots=True)
class NodeLine:
    """One node of the list."""

    sample: Sample
    conditions: Sequence[NodeCondition]
    available_percent: int | None = None
    eviction: EvictionOrder | None = None
    first_killed: str | None = None
    """Whom the kernel would kill first, as the kill order says it (printable ASCII)."""


def node_list_document(lines: Iterable[NodeLine], now_seconds: float) -> dict[str, Any]:
    """Unhealthy ones first, then the unknown, then by name."""
    nodes = [_line(each) for each in lines]
    nodes.sort(key=lambda node: (_RANK[node["healthy"]], node["node"]))
    return {"version": DOCUMENT_VERSION, "time": time_text(now_seconds), "count": len(nodes), "nodes": nodes}


def _line(line: NodeLine) -> dict[str, Any]:
    document = head(line.sample)
    del document["version"], document["time"]
    return {
        **document,
        "healthy": is_healthy(line.conditions),
        "conditions": [each.type.value for each in line.conditions if each.status is Status.TRUE],
        **compact(
            {
                "availablePercent": line.available_percent,
                "evictionMarginBytes": _margin(line.eviction),
                "firstEvicted": pod_name(line.eviction.places[0].pod)
                if line.eviction is not None and line.eviction.places
                else None,
                "firstKilled": line.first_killed,
            }
        ),
    }


def _margin(order: EvictionOrder | None) -> int | None:
    """The tightest."""
    margins = [margin.margin_bytes for state in order.signals for margin in state.margins] if order is not None else []
    return min(margins, default=None)
