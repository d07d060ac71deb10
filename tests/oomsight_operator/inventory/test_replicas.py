"""How many living pods a workload has."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.inventory.replicas import Replicas
from oomsight_operator.inventory.store import Store
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.model import Owner, Pod

WEB = Owner("apps/v1", "Deployment", "web", "d1")
DATABASE = Owner("apps/v1", "StatefulSet", "db", "s1")


def made(uid: str, owner: Owner | None = WEB, namespace: str = "shop") -> Intermediate:
    return Intermediate(uid, namespace, f"web-{uid}", owner)


def pod(uid: str, owner: Owner | None, phase: str = "Running") -> Pod:
    return Pod(uid=uid, namespace="shop", name=uid, node_name=None, phase=phase, containers=(), owner=owner)


def of(replica_set: str) -> Owner:
    return Owner("apps/v1", "ReplicaSet", f"web-{replica_set}", replica_set)


def test_a_deployment_in_a_rollout_has_the_pods_of_both_its_replicasets() -> None:
    pods, between = Store[Pod](), Store[Intermediate]()
    between.upsert(made("r1"))
    pods.upsert(pod("p1", of("r1")))
    replicas = Replicas(pods, between)
    pods.upsert(pod("p2", of("r1")))
    between.upsert(made("r2"))
    pods.upsert(pod("p3", of("r2")))
    pods.upsert(pod("db-0", DATABASE))
    pods.upsert(pod("alone", None))

    assert (replicas.living("shop", WEB), replicas.living("shop", DATABASE)) == (3, 1)
    pods.delete("p1")
    between.delete("r2")
    assert replicas.living("shop", WEB) == 1


def test_pods_that_have_ended_ask_for_nothing_any_more() -> None:
    pods = Store[Pod]()
    replicas = Replicas(pods, Store())
    for count in range(3):
        pods.upsert(pod(f"p{count}", DATABASE))
    pods.upsert(replace(pod("p0", DATABASE), phase="Succeeded", resource_version="2"))
    pods.upsert(pod("p9", DATABASE, phase="Failed"))

    assert replicas.living("shop", DATABASE) == 2


def test_an_owner_reference_into_another_namespace_counts_for_nobody_there() -> None:
    pods, between = Store[Pod](), Store[Intermediate]()
    replicas = Replicas(pods, between)
    pods.upsert(pod("p1", of("r1")))
    between.upsert(made("r1", namespace="elsewhere"))

    assert replicas.living("shop", WEB) == 0


STEPS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["Running", "Failed", None]), st.integers(0, 2)), max_size=40)


@given(STEPS)
def test_whatever_comes_and_goes_the_count_is_that_of_the_store(steps: list[tuple[int, str | None, int]]) -> None:
    pods, between = Store[Pod](), Store[Intermediate]()
    replicas = Replicas(pods, between)
    for count, (number, phase, owner) in enumerate(steps):
        if phase is None:
            pods.delete(f"p{number}")
        else:
            pods.upsert(replace(pod(f"p{number}", of(f"r{owner}"), phase), resource_version=str(count)))
        between.upsert(replace(made(f"r{owner}", WEB if count % 3 else None), resource_version=str(count)))
    ours = {each.uid for each in between if each.owner == WEB}
    living = [each for each in pods if each.phase == "Running" and each.owner is not None and each.owner.uid in ours]

    assert replicas.living("shop", WEB) == len(living)
