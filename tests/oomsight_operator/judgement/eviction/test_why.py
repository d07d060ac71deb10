from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.judgement.eviction.pods import HIGH, named, using

from oomsight_operator.judgement.eviction.ranking import eviction_order
from oomsight_operator.judgement.eviction.why import why_here, why_never
from oomsight_operator.judgement.eviction.working_set import PodUse, Source


def why(use: PodUse) -> str:
    (place,) = eviction_order([use])
    return why_here(place)


def test_the_sentence_carries_use_request_excess_and_priority() -> None:
    assert why(using("web", 300, 128, HIGH)) == "working set 300Mi is 172Mi above its request 128Mi; priority 1"
    below = why(using("web", 100, 128))
    assert (
        below == "working set 100Mi is 28Mi below its request 128Mi, so it goes after every pod that is above its own; priority 0"
    )
    assert (
        why(using("web", 300)) == "working set 300Mi with no memory request, so all of it counts as above the request; priority 0"
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [(Source.CONTAINERS, "300Mi (the sum of its containers"), (Source.SOME_CONTAINERS, "300Mi at least (the sum of those")],
)
def test_a_working_set_that_is_no_pods_own_is_said_to_be_second_hand(source: Source, words: str) -> None:
    assert words in why(replace(using("web", 300, 128), source=source))


def test_a_pod_that_has_not_started_goes_first_and_the_sentence_says_why() -> None:
    assert why(using("slow", None, 128)).startswith("no container of it has started, so the kubelet has no statistics of it")


def test_equals_are_left_to_chance() -> None:
    first, second = eviction_order([using("a", 300), using("b", 300)])
    assert "the kubelet leaves to chance which goes first" in why_here(first)
    assert "the kubelet leaves to chance which goes first" in why_here(second)


def test_why_a_critical_pod_is_spared() -> None:
    assert why_never(named("etcd", config_hash="c" * 32)).startswith("never evicted: a static pod")
    assert "priority 2000000000 is a system priority" in why_never(named("dns", priority=2_000_000_000))
