"""The store: names, versions, and what is shared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.history import HistoryEvent
from oomsight_sandbox.apiserver.status import StatusError
from oomsight_sandbox.apiserver.store import Key, Preconditions, ResourceId, Store

PODS = ResourceId("", "pods")


def make_store() -> Store:
    return Store(clock=lambda: 1_700_000_000.0)


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "spec": {}}


def test_a_new_object_gets_identity_version_and_time() -> None:
    stored = make_store().create(PODS, pod("web"), namespace="shop", generation=True)
    assert stored.metadata["namespace"] == "shop"
    assert stored.metadata["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert stored.metadata["generation"] == 1
    assert stored.metadata["resourceVersion"] == str(stored.resource_version)
    assert len(stored.uid) == 36


def test_a_taken_name_is_refused_as_already_existing() -> None:
    store = make_store()
    store.create(PODS, pod("web"), namespace="shop")
    with pytest.raises(StatusError) as refused:
        store.create(PODS, pod("web"), namespace="shop")
    assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")
    assert refused.value.message == 'pods "web" already exists'
    store.create(PODS, pod("web"), namespace="other")


def test_generated_names_begin_with_their_prefix_and_differ() -> None:
    store = make_store()
    names = {store.create(PODS, {"metadata": {"generateName": "web-"}}, namespace="shop").key.name for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


def test_versions_grow_over_all_resources() -> None:
    store = make_store()
    first = store.create(PODS, pod("a"), namespace="x")
    second = store.create(ResourceId("apps", "deployments"), pod("a"), namespace="x")
    third = store.remove(first.key)
    assert first.resource_version < second.resource_version < third.resource_version == store.resource_version


def test_a_replacement_that_changes_nothing_is_no_new_version() -> None:
    store = make_store()
    stored = store.create(PODS, pod("web"), namespace="shop")
    same = store.replace(stored.key, {**stored.data, "metadata": dict(stored.metadata)})
    assert same is stored
    assert store.history(PODS).end == 1


def test_a_deletion_carries_the_last_state_under_a_new_version() -> None:
    store = make_store()
    told: list[HistoryEvent] = []
    store.listeners.append(told.append)
    stored = store.create(PODS, pod("web", labels={"app": "web"}), namespace="shop")
    last = store.remove(stored.key)
    assert store.get(stored.key) is None
    assert [event.type for event in told] == ["ADDED", "DELETED"]
    assert last.metadata["labels"] == {"app": "web"}
    assert int(last.metadata["resourceVersion"]) == store.resource_version > stored.resource_version


def test_lists_are_in_the_order_of_namespaces_and_names() -> None:
    store = make_store()
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y")):
        store.create(PODS, pod(name), namespace=namespace)
    assert [(found.key.namespace, found.key.name) for found in store.objects(PODS)] == [("a", "y"), ("a", "z"), ("b", "x")]
    assert [found.key.name for found in store.objects(PODS, "a")] == ["y", "z"]
    assert store.objects(PODS, "nowhere") == []


def test_a_dry_run_stores_nothing() -> None:
    store = make_store()
    made = store.create(PODS, pod("web"), namespace="shop", dry_run=True)
    assert made.uid
    assert store.get(made.key) is None
    stored = store.create(PODS, pod("web"), namespace="shop")
    store.replace(stored.key, {**stored.data, "metadata": {**stored.metadata, "labels": {"a": "b"}}}, dry_run=True)
    assert store.get(stored.key) is stored


@pytest.mark.parametrize(
    ("preconditions", "told"),
    [
        (Preconditions(uid="other"), "Precondition failed: UID"),
        (Preconditions(resource_version="1"), "the object has been modified"),
    ],
)
def test_preconditions_that_do_not_hold_are_conflicts(preconditions: Preconditions, told: str) -> None:
    stored = make_store().create(PODS, pod("web"), namespace="shop")
    with pytest.raises(StatusError, match=told) as refused:
        preconditions.check(stored)
    assert refused.value.code == 409


def test_owners_are_known_by_uid_until_they_are_let_go() -> None:
    store = make_store()
    owner = store.create(ResourceId("apps", "replicasets"), pod("rs"), namespace="x")
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": owner.uid}
    child = store.create(PODS, pod("a", ownerReferences=[reference]), namespace="x")
    assert [found.key for found in store.dependents(owner.uid)] == [child.key]
    store.replace(child.key, {**child.data, "metadata": {**child.metadata, "ownerReferences": []}})
    assert store.dependents(owner.uid) == []
    store.remove(owner.key)
    assert store.is_gone(owner.uid)
    assert store.by_uid(owner.uid) is None


@given(st.lists(st.tuples(st.sampled_from(["create", "replace", "remove"]), st.sampled_from(["a", "b", "c"]))))
def test_replaying_the_history_gives_the_present(steps: list[tuple[str, str]]) -> None:
    store = make_store()
    for number, (step, name) in enumerate(steps):
        key = Key(PODS, "x", name)
        found = store.get(key)
        if step == "create" and found is None:
            store.create(PODS, pod(name), namespace="x")
        elif step == "replace" and found is not None:
            store.replace(key, {**found.data, "metadata": {**found.metadata, "labels": {"step": str(number)}}})
        elif step == "remove" and found is not None:
            store.remove(key)
    present: dict[str, str] = {}
    versions = []
    for event in store.history(PODS).read(0, 10_000):
        versions.append(event.resource_version)
        if event.type == "DELETED":
            del present[event.object.key.name]
        else:
            present[event.object.key.name] = event.object.metadata["resourceVersion"]
    assert present == {found.key.name: found.metadata["resourceVersion"] for found in store.objects(PODS)}
    assert versions == sorted(set(versions))
