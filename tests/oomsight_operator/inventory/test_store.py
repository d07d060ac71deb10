from __future__ import annotations

from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.store import Store


def test_listeners_hear_of_adds_changes_and_deletes_and_of_nothing_else() -> None:
    heard: list[tuple[Namespace | None, Namespace | None]] = []
    store: Store[Namespace] = Store()
    store.listen(lambda old, new: heard.append((old, new)))
    first = Namespace("n1", "shop", {}, "1")
    second = Namespace("n1", "shop", {"team": "web"}, "2")
    store.upsert(first)
    store.upsert(first)
    store.upsert(second)
    assert store.delete("n1")
    assert not store.delete("n1")
    assert heard == [(None, first), (first, second), (second, None)]


def test_what_a_fresh_list_lacks_is_gone() -> None:
    store: Store[Namespace] = Store()
    for uid in ("n1", "n2"):
        store.upsert(Namespace(uid, uid))
    assert store.gone_from({"n2": Namespace("n2", "n2")}) == ["n1"]
