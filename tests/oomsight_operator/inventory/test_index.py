from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.model import Owner, Pod


def pod(uid: str, node: str | None = "node-a", namespace: str = "shop", config_hash: str | None = None) -> Pod:
    owner = Owner("apps/v1", "ReplicaSet", "web", f"owner-{namespace}")
    return Pod(uid, namespace, uid, node, "Running", (), owner=owner, config_hash=config_hash)


def test_pods_are_found_by_what_they_are_joined_on() -> None:
    store: Store[Pod] = Store()
    index = PodIndex(store)
    store.upsert(pod("u1"))
    store.upsert(pod("u2", node=None, namespace="db", config_hash="h" * 32))
    assert set(index.on_node("node-a")) == {"u1"}
    assert set(index.in_namespace("db")) == {"u2"}
    assert set(index.of_controller("owner-shop")) == {"u1"}
    assert set(index.of_cgroup("h" * 32)) == {"u2"}
    assert set(index.of_cgroup("u1")) == {"u1"}


def test_a_pod_that_gets_its_node_moves_and_a_deleted_one_goes() -> None:
    store: Store[Pod] = Store()
    index = PodIndex(store)
    store.upsert(pod("u1", node=None))
    store.upsert(replace(pod("u1", node="node-b"), resource_version="2"))
    assert set(index.on_node("node-b")) == {"u1"}
    store.delete("u1")
    assert not index.on_node("node-b")
    assert not index.in_namespace("shop")


def test_pods_that_are_there_already_are_indexed() -> None:
    store: Store[Pod] = Store()
    store.upsert(pod("u1"))
    assert set(PodIndex(store).on_node("node-a")) == {"u1"}


changes = st.lists(st.tuples(st.sampled_from(["u1", "u2", "u3"]), st.sampled_from([None, "node-a", "node-b", "gone"])), max_size=30)


@settings(deadline=None)
@given(changes)
def test_the_index_always_says_what_the_store_holds(steps: list[tuple[str, str | None]]) -> None:
    store: Store[Pod] = Store()
    index = PodIndex(store)
    for version, (uid, node) in enumerate(steps):
        if node == "gone":
            store.delete(uid)
        else:
            store.upsert(replace(pod(uid, node=node), resource_version=str(version)))
    for name in ("node-a", "node-b"):
        assert set(index.on_node(name)) == {each.uid for each in store if each.node_name == name}
    assert set(index.in_namespace("shop")) == {each.uid for each in store}
