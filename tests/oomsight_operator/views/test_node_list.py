from __future__ import annotations

from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.eviction.pods import using
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_operator.judgement.eviction.order import assess_eviction
from oomsight_operator.judgement.eviction.settings import assumed
from oomsight_operator.judgement.node_health.rules import node_conditions, unknown_conditions
from oomsight_operator.views.node_list import NodeLine, node_list_document
from oomsight_operator.views.sample import Sample


def fresh(name: str) -> Sample:
    return Sample(name, NOW, NOW - 1, 1.0)


def test_those_in_trouble_come_first_then_the_unknown_then_the_healthy_by_name() -> None:
    lines = [
        NodeLine(fresh("node-b"), node_conditions(node())),
        NodeLine(fresh("node-a"), node_conditions(node())),
        NodeLine(Sample("node-c", NOW, unknown_because="silent"), unknown_conditions("silent")),
        NodeLine(fresh("node-d"), node_conditions(node(panic_on_oom=2, overcommit_memory=2))),
    ]
    document = node_list_document(lines, NOW)
    assert document["count"] == 4
    assert [(each["node"], each["healthy"]) for each in document["nodes"]] == [
        ("node-d", "False"),
        ("node-c", "Unknown"),
        ("node-a", "True"),
        ("node-b", "True"),
    ]
    assert document["nodes"][0]["conditions"] == ["AllocationsLimited", "PanicOnOOM"]
    assert document["nodes"][1]["unknownBecause"] == "silent"


def test_a_line_says_who_would_go_first_and_how_far_that_is() -> None:
    root = Cgroup(cgroup="/", memory=Memory(working_set_bytes=6 * GI))
    order = assess_eviction((using("web", 300),), NodeMemory(total_bytes=8 * GI), (root,), assumed("x"))
    line = NodeLine(fresh("node-a"), node_conditions(node()), 25, order, "container app of team-a/web")
    (found,) = node_list_document([line], NOW)["nodes"]
    assert found == {
        "node": "node-a",
        "sampleTime": "2026-03-01T09:59:59Z",
        "sampleAgeSeconds": 1.0,
        "healthy": "True",
        "conditions": [],
        "availablePercent": 25,
        "evictionMarginBytes": 2 * GI - 100 * MI,
        "firstEvicted": "team-a/web",
        "firstKilled": "container app of team-a/web",
    }
