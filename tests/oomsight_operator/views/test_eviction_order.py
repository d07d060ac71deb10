from __future__ import annotations

import json

from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.eviction.pods import named, using

from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_operator.judgement.eviction.order import assess_eviction
from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold, assumed
from oomsight_operator.judgement.eviction.working_set import PodUse
from oomsight_operator.views.eviction_order import eviction_order_document
from oomsight_operator.views.sample import Sample

FRESH = Sample("node-1", NOW, NOW - 2, 1.26)
ROOT = Cgroup(cgroup="/", memory=Memory(working_set_bytes=6 * GI))


def test_the_document_has_signals_places_and_reasons() -> None:
    static = PodUse(named("etcd", config_hash="c" * 32), 500 * MI)
    uses = (using("web", 300, 128), using("unseen", None, 64), static)
    order = assess_eviction(uses, NodeMemory(total_bytes=8 * GI), (ROOT,), assumed("nobody asked"))
    document = eviction_order_document(FRESH, order, False)
    assert {
        key: document[key] for key in ("version", "node", "time", "sampleTime", "sampleAgeSeconds", "kubeletMemoryPressure")
    } == {
        "version": 1,
        "node": "node-1",
        "time": "2026-03-01T10:00:00Z",
        "sampleTime": "2026-03-01T09:59:58Z",
        "sampleAgeSeconds": 1.3,
        "kubeletMemoryPressure": False,
    }
    assert document["thresholds"] == {"source": "assumed", "because": "nobody asked"}
    memory, allocatable = document["signals"]
    assert memory == {
        "signal": "memory.available",
        "availableBytes": 2 * GI,
        "capacityBytes": 8 * GI,
        "thresholds": [{"kind": "hard", "thresholdBytes": 100 * MI, "marginBytes": 2 * GI - 100 * MI, "met": False}],
    }
    assert set(allocatable) == {"signal", "unknownBecause", "thresholds"}
    (place,) = document["pods"]
    assert place == {
        "place": 1,
        "namespace": "team-a",
        "pod": "web",
        "uid": "uid-web",
        "workingSetBytes": 300 * MI,
        "workingSetFrom": "pod",
        "requestBytes": 128 * MI,
        "excessBytes": 172 * MI,
        "priority": 0,
        "tied": False,
        "why": "working set 300Mi is 172Mi above its request 128Mi; priority 0",
    }
    assert [each["pod"] for each in document["unknownPlace"]] == ["unseen"]
    assert [each["pod"] for each in document["neverEvicted"]] == ["etcd"]
    assert document["pollingSeconds"] == 10


def test_thresholds_that_were_read_say_so_and_a_soft_one_has_its_grace() -> None:
    settings = EvictionSettings(Threshold(GI), Threshold(2 * GI), 90.0)
    order = assess_eviction((), NodeMemory(total_bytes=8 * GI), (ROOT,), settings)
    document = eviction_order_document(FRESH, order)
    assert document["thresholds"] == {"source": "kubelet"}
    assert document["signals"][0]["thresholds"][1] == {
        "kind": "soft",
        "thresholdBytes": 2 * GI,
        "marginBytes": 0,
        "met": False,
        "gracePeriodSeconds": 90.0,
    }
    assert "kubeletMemoryPressure" not in document


def test_of_a_silent_agent_nothing_is_told_but_why() -> None:
    document = eviction_order_document(Sample("node-1", NOW, unknown_because="its agent is silent"), None, True)
    assert document == {
        "version": 1,
        "node": "node-1",
        "time": "2026-03-01T10:00:00Z",
        "unknownBecause": "its agent is silent",
        "kubeletMemoryPressure": True,
    }


def test_names_of_tenants_are_printable() -> None:
    order = assess_eviction((using("a\x1b[2Jb\u202e", 10),), NodeMemory(), (), assumed("x"))
    text = json.dumps(eviction_order_document(FRESH, order), ensure_ascii=False)
    assert text.isascii()
    assert "a\\\\x1b[2Jb\\\\u202e" in text
