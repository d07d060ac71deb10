from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.eviction.pods import using

from oomsight_operator.judgement.eviction.differences import KernelVictim, explain_differences
from oomsight_operator.judgement.eviction.ranking import eviction_order
from oomsight_operator.judgement.eviction.working_set import PodUse


def victim(name: str | None = None, place: int = 1, **more: Any) -> KernelVictim:
    """The kernel's choice: a container `app` of this pod, oom_score_adj 985 on a node of 4Gi."""
    adj = more.pop("oom_score_adj", 985)
    container = "app" if name else None
    uid = f"uid-{name}" if name else None
    return KernelVictim(
        place, adj, adj * 4 * GI // 1000, more.pop("rss_bytes", 40 * MI), pod_uid=uid, container_name=container, **more
    )


def explain(*uses: PodUse, victims: tuple[KernelVictim, ...] | None) -> tuple[str, ...]:
    return explain_differences(eviction_order(uses), victims)


GREEDY = using("greedy", 900, 512)
MODEST = using("modest", 40, 64)


def test_a_pod_below_its_request_can_die_first_and_the_arithmetic_says_why() -> None:
    heads, why = explain(GREEDY, MODEST, victims=(victim("modest"),))
    assert heads == (
        "the orders differ: the kubelet would evict team-a/greedy first and team-a/modest as number 2, the kernel would kill"
        " container app of team-a/modest first (oom_score_adj 985 counts as 3.94Gi beside its 40Mi resident)"
    )
    assert why.startswith(
        "team-a/modest uses 40Mi of its request 64Mi, so the kubelet would evict 1 other before it; yet the kernel"
    )
    assert "it does not look at requests" in why
    assert "the kubelet looks every 10 s only, so an allocation that is faster meets the kernel first" in why


def test_orders_that_begin_alike_are_said_to() -> None:
    assert explain(GREEDY, MODEST, victims=(victim("greedy"),)) == ("both orders begin with team-a/greedy",)


def test_a_later_place_of_the_kernels_order_is_explained_where_it_comes_before_the_kubelets() -> None:
    other = using("other", 800, 512)
    said = explain(GREEDY, other, MODEST, victims=(victim("greedy"), victim("modest", 2), victim("other", 3)))
    assert said[0] == "both orders begin with team-a/greedy"
    assert "the kubelet would evict 2 others before it; yet the kernel may kill container app of it as number 2" in said[1]
    assert len(explain(GREEDY, MODEST, victims=(victim("greedy"), victim("modest", 2)))) == 1


def test_a_victim_outside_pods_or_in_a_spared_one_is_named_as_such() -> None:
    (outside,) = explain(GREEDY, victims=(victim(None, oom_score_adj=0),))
    assert "the kernel would kill a process outside pods first (oom_score_adj 0 counts as 0 beside its 40Mi resident)" in outside
    (spared,) = explain(GREEDY, victims=(victim("etcd"),))
    assert "the kernel would kill a process in a pod that is not in the eviction order first" in spared


def test_what_the_kernel_leaves_open_and_what_nobody_knows_is_not_guessed() -> None:
    (ambiguous,) = explain(GREEDY, victims=(victim("greedy", ambiguous=True),))
    assert ambiguous.endswith("whom the kernel would kill first is ambiguous")
    assert "not known here" in explain(GREEDY, victims=None)[0]
    assert explain(GREEDY, victims=()) == explain(victims=(victim("greedy"),)) == ()


def test_a_hostile_name_stays_on_its_line() -> None:
    evil = KernelVictim(1, 900, 0, pod_uid="uid-modest", container_name="app\n\x1b[31m")
    assert all(sentence.isprintable() for sentence in explain(GREEDY, MODEST, victims=(evil,)))
