"""Which pods a change concerns: pods by node, namespace, controller and cgroup, kept up with the store."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Final

from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.model import Pod

_NONE: Final[frozenset[str]] = frozenset()


class PodIndex:
    """Uids of pods by what they are joined on. Follows a Store; each change costs the same however many pods there are."""

    def __init__(self, store: Store[Pod]) -> None:
        self._by_node: dict[str, set[str]] = {}
        self._by_namespace: dict[str, set[str]] = {}
        self._by_controller: dict[str, set[str]] = {}
        self._by_config_hash: dict[str, set[str]] = {}
        for pod in store:
            self._change(None, pod)
        store.listen(self._change)

    def on_node(self, node_name: str) -> Set[str]:
        return self._by_node.get(node_name, _NONE)

    def in_namespace(self, namespace: str) -> Set[str]:
        return self._by_namespace.get(namespace, _NONE)

    def of_controller(self, owner_uid: str) -> Set[str]:
        """Pods whose controller has that uid."""
        return self._by_controller.get(owner_uid, _NONE)

    def of_cgroup(self, cgroup_uid: str) -> Iterable[str]:
        """Pods that a report's `pod_uid` may mean: static pods by config hash, all others by their uid."""
        return self._by_config_hash.get(cgroup_uid) or (cgroup_uid,)

    def _change(self, old: Pod | None, new: Pod | None) -> None:
        if old is not None:
            for table, key in self._places(old):
                uids = table.get(key)
                if uids is not None:
                    uids.discard(old.uid)
                    if not uids:
                        del table[key]
        if new is not None:
            for table, key in self._places(new):
                table.setdefault(key, set()).add(new.uid)

    def _places(self, pod: Pod) -> list[tuple[dict[str, set[str]], str]]:
        places = [(self._by_namespace, pod.namespace)]
        if pod.node_name:
            places.append((self._by_node, pod.node_name))
        if pod.owner is not None:
            places.append((self._by_controller, pod.owner.uid))
        if pod.config_hash:
            places.append((self._by_config_hash, pod.config_hash))
        return places
