from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import GI, MI, pod, running, spec

from oomsight_api.incident import OomScope
from oomsight_operator.judgement.eviction.kernel_victims import kernel_victims, named_victims
from oomsight_operator.judgement.kill_order.model import Candidate, Domain, KillOrder
from oomsight_operator.judgement.kill_order.order import rank

PAGE = 4096
NODE = Domain(OomScope.NODE, None, 4 * GI // PAGE)


def candidate(pid: int, mib: int, container: str | None = None, adj: int = 0, **more: Any) -> Candidate:
    pod_uid = f"pod-{container}" if container is not None else None
    size = mib * MI
    return Candidate(pid, f"p{pid}", adj, size // PAGE, size, container_id=container, pod_uid=pod_uid, **more)


def order(*candidates: Candidate) -> KillOrder:
    return rank(candidates, NODE)


def test_each_container_stands_once_and_three_are_enough() -> None:
    found = kernel_victims(
        order(candidate(1, 90, "a"), candidate(2, 80, "a"), candidate(3, 70), candidate(4, 60), candidate(5, 50, "b")), PAGE
    )
    assert found is not None
    assert [(each.place, each.pod_uid, each.rss_bytes) for each in found] == [
        (1, "pod-a", 90 * MI),
        (2, None, 70 * MI),
        (3, None, 60 * MI),
    ]
    assert not any(each.ambiguous for each in found)


def test_what_oom_score_adj_counts_as_is_in_bytes_of_the_nodes_scale() -> None:
    (found,) = kernel_victims(order(candidate(1, 10, "a", adj=985)), PAGE) or ()
    assert found.adj_bytes == 985 * (NODE.total_pages // 1000) * PAGE


def test_equals_are_ambiguous_at_the_first_place_and_those_behind_are_not() -> None:
    found = kernel_victims(order(candidate(1, 90, "a"), candidate(2, 90, "b"), candidate(3, 10, "c")), PAGE)
    assert found is not None
    assert [(each.place, each.ambiguous) for each in found] == [(1, True), (1, True), (3, False)]


def test_two_equal_processes_of_one_container_are_not_ambiguous_for_its_owner() -> None:
    (found,) = kernel_victims(order(candidate(1, 90, "a"), candidate(2, 90, "a")), PAGE) or ()
    assert not found.ambiguous


def test_an_order_that_is_not_known_is_none_and_an_empty_one_is_empty() -> None:
    assert kernel_victims(None, PAGE) is None
    assert kernel_victims(order(), PAGE) == ()


def test_names_are_the_apis_and_an_agents_own_are_not_asked() -> None:
    victims = kernel_victims(order(candidate(1, 90, "c" * 64, container_name="forged"), candidate(2, 10, "gone")), PAGE)
    owner = pod(spec(), uid=f"pod-{'c' * 64}", statuses=(running("app", "c" * 64),))
    known, unknown = named_victims(victims or (), (owner,))
    assert (known.pod, known.victim.container_name) == (owner, "app")
    assert (unknown.pod, unknown.victim.container_name) == (None, None)


def test_a_pod_that_only_claims_to_be_a_static_one_is_not_named_for_it() -> None:
    victims = kernel_victims(order(candidate(1, 90, "c" * 64)), PAGE) or ()
    uid = f"pod-{'c' * 64}"
    claims = pod(spec(), config_hash=uid, statuses=(running("app", "d" * 64),))
    (forged,) = named_victims(victims, (claims,))
    assert forged.pod is None
    (proved,) = named_victims(victims, (pod(spec(), config_hash=uid, statuses=(running("app", "c" * 64),)),))
    assert proved.pod is not None
