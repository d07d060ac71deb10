"""How objects end: finalizers, grace, owners, namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.apiserver import lifecycle
from oomsight_sandbox.apiserver.lifecycle import NAMESPACES, PODS, Deletion
from oomsight_sandbox.apiserver.status import StatusError
from oomsight_sandbox.apiserver.store import Key, Preconditions, ResourceId, Store, StoredObject

REPLICA_SETS = ResourceId("apps", "replicasets")


@pytest.fixture
def store() -> Store:
    made = Store(clock=lambda: 1_700_000_000.0)
    made.create(NAMESPACES, {"metadata": {"name": "shop"}, "status": {"phase": "Active"}})
    return made


def make(store: Store, resource: ResourceId, name: str, *owners: StoredObject, spec: Any = None, **metadata: Any) -> StoredObject:
    references = [{"apiVersion": "v1", "kind": "X", "name": owner.key.name, "uid": owner.uid} for owner in owners]
    data = {"metadata": {"name": name, "ownerReferences": references, **metadata}, "spec": spec or {}}
    return lifecycle.create(store, resource, data, namespace="shop", generation=True)


def changed(stored: StoredObject, **metadata: Any) -> dict[str, Any]:
    return {**stored.data, "metadata": {**stored.metadata, **metadata}}


def test_an_object_without_finalizers_goes_at_once_with_one_event(store: Store) -> None:
    pod = make(store, PODS, "web")
    _, gone = lifecycle.delete(store, pod.key, Deletion())
    assert gone
    assert [event.type for event in store.history(PODS).read(0, 10)] == ["ADDED", "DELETED"]


def test_finalizers_hold_an_object_until_the_last_is_removed(store: Store) -> None:
    pod = make(store, PODS, "web", finalizers=["a.dev/x", "a.dev/y"])
    terminating, gone = lifecycle.delete(store, pod.key, Deletion())
    assert not gone
    assert terminating.metadata["deletionTimestamp"] == "2023-11-14T22:13:20Z"
    assert terminating.metadata["generation"] == 2
    kept = lifecycle.update(store, pod.key, changed(terminating, finalizers=["a.dev/y"]), bump_generation=False)
    assert store.get(pod.key) is kept
    lifecycle.update(store, pod.key, changed(kept, finalizers=[]), bump_generation=False)
    assert store.get(pod.key) is None


def test_a_terminating_object_takes_no_new_finalizer(store: Store) -> None:
    pod = make(store, PODS, "web", finalizers=["a.dev/x"])
    terminating, _ = lifecycle.delete(store, pod.key, Deletion())
    with pytest.raises(StatusError, match="no new finalizers can be added"):
        lifecycle.update(store, pod.key, changed(terminating, finalizers=["a.dev/x", "a.dev/z"]), bump_generation=False)


def test_clients_cannot_change_identity_or_end_a_deletion(store: Store) -> None:
    pod = make(store, PODS, "web", finalizers=["a.dev/x"])
    lifecycle.delete(store, pod.key, Deletion())
    written = lifecycle.update(store, pod.key, {"metadata": {"uid": "forged", "finalizers": ["a.dev/x"]}}, bump_generation=False)
    assert written.uid == pod.uid
    assert written.metadata["name"] == "web"
    assert written.is_terminating


def test_a_running_pod_terminates_with_grace_and_goes_when_the_kubelet_confirms(store: Store) -> None:
    pod = make(store, PODS, "web", spec={"nodeName": "node-a", "terminationGracePeriodSeconds": 20})
    terminating, gone = lifecycle.delete(store, pod.key, Deletion())
    assert not gone
    assert terminating.metadata["deletionGracePeriodSeconds"] == 20
    assert terminating.metadata["deletionTimestamp"] == "2023-11-14T22:13:40Z"
    again, _ = lifecycle.delete(store, pod.key, Deletion())
    assert again is terminating, "a second delete changes nothing"
    _, gone = lifecycle.delete(store, pod.key, Deletion(grace_period_seconds=0))
    assert gone


@pytest.mark.parametrize("state", [{"phase": "Succeeded"}, {"phase": "Failed"}])
def test_a_finished_pod_needs_no_grace(store: Store, state: dict[str, str]) -> None:
    pod = make(store, PODS, "web", spec={"nodeName": "node-a"})
    lifecycle.update(store, pod.key, {**pod.data, "status": state}, bump_generation=False)
    assert lifecycle.delete(store, pod.key, Deletion())[1]


def test_dependents_go_with_their_last_owner(store: Store) -> None:
    first, second = make(store, REPLICA_SETS, "first"), make(store, REPLICA_SETS, "second")
    only = make(store, PODS, "only", first)
    shared = make(store, PODS, "shared", first, second)
    lifecycle.delete(store, first.key, Deletion())
    assert store.get(only.key) is None
    left = store.require(shared.key)
    assert [owner["uid"] for owner in left.metadata["ownerReferences"]] == [second.uid]
    lifecycle.delete(store, second.key, Deletion())
    assert store.get(shared.key) is None


def test_owners_of_owners_take_everything_along(store: Store) -> None:
    top = make(store, ResourceId("apps", "deployments"), "web")
    middle = make(store, REPLICA_SETS, "web-1", top)
    bottom = make(store, PODS, "web-1-x", middle)
    lifecycle.delete(store, top.key, Deletion())
    assert store.get(middle.key) is None
    assert store.get(bottom.key) is None


def test_orphaned_dependents_stay_without_the_reference(store: Store) -> None:
    owner = make(store, REPLICA_SETS, "web")
    pod = make(store, PODS, "a", owner)
    lifecycle.delete(store, owner.key, Deletion("Orphan"))
    assert store.get(owner.key) is None
    assert not store.require(pod.key).metadata.get("ownerReferences")


def test_a_foreground_deletion_waits_for_dependents(store: Store) -> None:
    owner = make(store, REPLICA_SETS, "web")
    pod = make(store, PODS, "a", owner, finalizers=["a.dev/x"])
    waiting, gone = lifecycle.delete(store, owner.key, Deletion("Foreground"))
    assert not gone
    assert waiting.metadata["finalizers"] == ["foregroundDeletion"]
    terminating = store.require(pod.key)
    assert terminating.is_terminating
    lifecycle.update(store, pod.key, changed(terminating, finalizers=[]), bump_generation=False)
    assert store.get(pod.key) is None
    assert store.get(owner.key) is None


def test_what_is_created_for_an_owner_that_was_just_deleted_is_collected(store: Store) -> None:
    owner = make(store, REPLICA_SETS, "web")
    lifecycle.delete(store, owner.key, Deletion())
    late = make(store, PODS, "late", owner)
    assert store.get(late.key) is None


def test_an_owner_that_never_existed_here_collects_nothing(store: Store) -> None:
    data = {"metadata": {"name": "a", "ownerReferences": [{"kind": "X", "name": "x", "uid": "made-up"}]}}
    pod = lifecycle.create(store, PODS, data, namespace="shop", generation=False)
    assert store.get(pod.key) is pod


def test_a_namespace_takes_its_content_along_and_waits_for_what_is_held(store: Store) -> None:
    free, held = make(store, PODS, "free"), make(store, PODS, "held", finalizers=["a.dev/x"])
    key = Key(NAMESPACES, "", "shop")
    namespace, gone = lifecycle.delete(store, key, Deletion())
    assert not gone
    assert namespace.data["status"]["phase"] == "Terminating"
    assert store.get(free.key) is None
    with pytest.raises(StatusError, match="because it is being terminated") as refused:
        make(store, PODS, "new")
    assert refused.value.code == 403
    lifecycle.update(store, held.key, changed(store.require(held.key), finalizers=[]), bump_generation=False)
    assert store.get(key) is None


def test_nothing_is_created_in_a_namespace_that_does_not_exist(store: Store) -> None:
    with pytest.raises(StatusError, match='namespaces "nowhere" not found'):
        lifecycle.create(store, PODS, {"metadata": {"name": "a"}}, namespace="nowhere", generation=False)


def test_a_delete_with_another_uid_is_refused(store: Store) -> None:
    pod = make(store, PODS, "web")
    with pytest.raises(StatusError, match="Precondition failed"):
        lifecycle.delete(store, pod.key, Deletion(preconditions=Preconditions(uid="another")))
    assert store.get(pod.key) is pod
