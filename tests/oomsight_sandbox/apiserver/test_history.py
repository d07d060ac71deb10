"""The bounded history: positions, forgetting, and who is told."""

from __future__ import annotations

import pytest

from oomsight_sandbox.apiserver.history import History, HistoryEvent, HistoryLostError
from oomsight_sandbox.apiserver.store import Key, ResourceId, StoredObject


def event(version: int) -> HistoryEvent:
    key = Key(ResourceId("", "pods"), "x", f"p{version}")
    return HistoryEvent("ADDED", StoredObject(key, {"metadata": {}}, version), None)


def history_of(*versions: int, limit: int = 100) -> History:
    history = History(limit)
    for version in versions:
        history.append(event(version))
    return history


def versions_after(history: History, version: int) -> list[int]:
    return [found.resource_version for found in history.read(history.position_after(version), 100)]


def test_a_reader_gets_what_came_after_its_version_even_if_versions_are_missing() -> None:
    history = history_of(2, 5, 9)
    assert versions_after(history, 0) == [2, 5, 9]
    assert versions_after(history, 2) == [5, 9]
    assert versions_after(history, 7) == [9]
    assert versions_after(history, 50) == []


def test_old_events_are_forgotten_beyond_the_limit_and_their_readers_told() -> None:
    history = history_of(*range(1, 21), limit=10)
    assert versions_after(history, 10) == list(range(11, 21))
    with pytest.raises(HistoryLostError, match=r"too old resource version: 9 \(10\)"):
        history.position_after(9)
    with pytest.raises(HistoryLostError):
        history.read(3, 10)


def test_compaction_forgets_up_to_a_version_also_where_nothing_happened() -> None:
    history = history_of(2, 5, 9)
    history.compact(7)
    assert versions_after(history, 7) == [9]
    with pytest.raises(HistoryLostError):
        history.position_after(5)


def test_a_position_stays_right_while_events_before_it_are_forgotten() -> None:
    history = history_of(1, 2, 3)
    position = history.position_after(2)
    history.compact(2)
    assert [found.resource_version for found in history.read(position, 10)] == [3]
    history.append(event(4))
    assert [found.resource_version for found in history.read(position, 10)] == [3, 4]
