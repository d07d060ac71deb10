from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.eviction.pods import named, using

from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_operator.judgement.eviction.order import EvictionOrder, assess_eviction
from oomsight_operator.judgement.eviction.settings import assumed
from oomsight_operator.judgement.eviction.working_set import PodUse

ROOT = Cgroup(cgroup="/", memory=Memory(working_set_bytes=6 * GI))


def assess(*uses: PodUse) -> EvictionOrder:
    return assess_eviction(uses, NodeMemory(total_bytes=8 * GI), (ROOT,), assumed("nobody asked"))


def test_a_running_pod_of_which_the_agent_tells_nothing_has_no_known_place() -> None:
    found = assess(using("web", 100), using("unseen", None, 64), using("over", 200))
    assert [place.pod.name for place in found.places] == ["over", "web"]
    assert [pod.name for pod in found.unplaced] == ["unseen"]


def test_a_pod_that_has_not_started_is_first_as_for_the_kubelet() -> None:
    pulling = replace(using("pulling", None, 64), pod=replace(named("pulling", 64), phase="Pending", statuses={}))
    assert [place.pod.name for place in assess(using("web", 100), pulling).places] == ["pulling", "web"]


def test_critical_pods_are_listed_apart_measured_or_not() -> None:
    static = replace(using("etcd", 500), pod=named("etcd", config_hash="c" * 32))
    system = using("dns", None, priority=2_000_000_000)
    found = assess(static, using("web", 100), system, using("done", 900, phase="Succeeded"))
    assert [pod.name for pod in found.never] == ["dns", "etcd"]
    assert ([place.pod.name for place in found.places], found.unplaced) == (["web"], ())


def test_signals_and_the_kernels_order_come_along() -> None:
    found = assess(using("web", 100))
    assert found.memory_available.hard is not None
    assert found.memory_available.hard.margin_bytes == 2 * GI - 100 * MI
    assert found.signals[1].unknown_because is not None
    assert found.differences == ("whom the kernel would kill first is not known here, so the two orders are not compared",)
