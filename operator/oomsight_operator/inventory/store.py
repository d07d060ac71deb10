"""What the informer knows of one kind of object: the projected values by uid, and who wants to hear of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar


class Item(Protocol):
    """What the informer needs of a projected value."""

    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


T = TypeVar("T", bound=Item)
Listener = Callable[[T | None, T | None], None]
"""Called with (old, new): (None, new) is an add, (old, new) a change, (old, None) a delete. Must be quick and not raise."""


class Store(Generic[T]):
    """Projected values by uid. A recreated object of the same name is another object: its uid differs."""

    def __init__(self, listeners: Iterable[Listener[T]] = ()) -> None:
        self._items: dict[str, T] = {}
        self._listeners: list[Listener[T]] = list(listeners)

    def listen(self, listener: Listener[T]) -> None:
        """Hear of every later change."""
        self._listeners.append(listener)

    def get(self, uid: str) -> T | None:
        return self._items.get(uid)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __contains__(self, uid: object) -> bool:
        return uid in self._items

    def upsert(self, item: T) -> None:
        """Add or replace; nothing is told when the resource version is the one that is known."""
        old = self._items.get(item.uid)
        if old is not None and old.resource_version and old.resource_version == item.resource_version:
            return
        self._items[item.uid] = item
        self._tell(old, item)

    def delete(self, uid: str) -> bool:
        """Forget; False when it was not known."""
        old = self._items.pop(uid, None)
        if old is None:
            return False
        self._tell(old, None)
        return True

    def gone_from(self, listed: Mapping[str, T]) -> list[str]:
        """Uids that are known here but not in a fresh list: their deletes were missed."""
        return [uid for uid in self._items if uid not in listed]

    def _tell(self, old: T | None, new: T | None) -> None:
        for listener in self._listeners:
            listener(old, new)
