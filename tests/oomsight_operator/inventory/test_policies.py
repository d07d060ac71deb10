from __future__ import annotations

from typing import Any

from oomsight_operator.inventory.policies import KnownPolicy, PolicyStore
from oomsight_operator.judgement.model import PolicyRef


def raw(name: str = "all", generation: int = 1, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "oomsight.dev/v1alpha1",
        "kind": "ClusterMemoryPolicy",
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": generation, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec or {"defaults": {}},
        "status": status or {},
    }


class News:
    def __init__(self) -> None:
        self.told: list[str] = []

    def policy_seen(self, policy: KnownPolicy) -> None:
        self.told.append(f"seen {policy.ref.name}")

    def policy_gone(self, ref: PolicyRef) -> None:
        self.told.append(f"gone {ref.name}")

    def policies_changed(self) -> None:
        self.told.append("changed")


def deciding(store: PolicyStore) -> PolicyRef | None:
    effective = store.policies.decide("shop", {}, {}).effective
    return effective.ref if effective is not None else None


def test_a_policy_decides_until_it_is_deleted() -> None:
    store = PolicyStore(news := News())
    store.observe(raw())
    assert deciding(store) == PolicyRef("ClusterMemoryPolicy", "all")
    store.observe(raw(), deleted=True)
    assert deciding(store) is None
    assert news.told == ["seen all", "changed", "gone all", "changed"]


def test_our_own_status_is_no_change_of_the_policy() -> None:
    store = PolicyStore(news := News())
    store.observe(raw())
    store.observe(raw(status={"matchedPods": 3}))
    assert news.told.count("changed") == 1
    assert next(iter(store.known())).status == {"matchedPods": 3}


def test_a_spec_that_makes_no_sense_is_known_but_decides_nothing() -> None:
    store = PolicyStore(news := News())
    store.observe(raw(defaults={"risk": "yes"}))
    assert deciding(store) is None
    assert news.told == ["seen all", "changed"]


def test_an_object_without_sane_metadata_is_counted_and_left_out() -> None:
    store = PolicyStore(news := News())
    store.observe({"metadata": "no"})
    assert store.unreadable == 1
    assert news.told == []


def test_a_list_finds_what_the_events_missed() -> None:
    store = PolicyStore(news := News())
    store.observe(raw("ghost"))
    news.told.clear()
    assert store.reconcile([raw("all")], store.events)
    assert sorted(news.told) == ["changed", "gone ghost", "seen all"]
    assert deciding(store) == PolicyRef("ClusterMemoryPolicy", "all")


def test_a_list_that_says_what_is_known_tells_nothing() -> None:
    store = PolicyStore(news := News())
    store.observe(raw())
    news.told.clear()
    assert store.reconcile([raw()], store.events)
    assert news.told == []


def test_a_list_that_an_event_overtook_is_not_used() -> None:
    store = PolicyStore(News())
    store.observe(raw())
    asked_at = store.events
    store.observe(raw(), deleted=True)
    assert not store.reconcile([raw()], asked_at)
    assert deciding(store) is None
