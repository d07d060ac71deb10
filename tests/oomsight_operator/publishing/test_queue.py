"""In which order work is handed out, and what becomes of failures; time is explicit."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from oomsight_operator.publishing.queue import Claim, WorkQueue


def claims(queue: WorkQueue[str], now: float) -> list[str]:
    found = []
    while (claim := queue.claim(now)) is not None:
        found.append(claim.work)
    return found


def test_the_worst_goes_first_and_equals_in_the_order_they_came() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key, priority in [("a", 10), ("b", 50), ("c", 10), ("d", 100)]:
        queue.put(key, key, priority=priority)
    assert claims(queue, 0.0) == ["d", "b", "a", "c"]


def test_the_latest_work_of_a_key_wins_and_is_done_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("pod", "risk low")
    queue.put("pod", "risk high", priority=50)
    assert claims(queue, 0.0) == ["risk high"]
    queue.finish("pod")
    assert len(queue) == 0


def test_a_key_that_changes_all_the_time_keeps_its_place_among_equals() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("restless", "1")
    queue.put("calm", "calm")
    queue.put("restless", "2")
    assert claims(queue, 0.0) == ["2", "calm"]


def test_work_is_not_handed_out_before_its_time_nor_twice_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("pod", "later", not_before=300.0)
    assert queue.claim(299.9) is None
    assert queue.wait_seconds(100.0) == pytest.approx(200.0)
    assert queue.claim(300.0) == Claim("pod", "later", 0)
    assert queue.claim(300.0) is None
    assert queue.wait_seconds(300.0) is None


def test_a_rise_in_level_brings_waiting_work_forward() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("pod", "numbers", not_before=300.0)
    queue.put("pod", "critical", priority=50)
    assert claims(queue, 1.0) == ["critical"]


def test_work_that_comes_while_its_key_is_in_flight_is_done_afterwards() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("pod", "first")
    assert queue.claim(0.0) is not None
    queue.put("pod", "second")
    assert queue.claim(0.0) is None
    assert queue.is_waiting("pod")
    queue.finish("pod")
    assert claims(queue, 0.0) == ["second"]


def test_a_failure_waits_for_its_back_off_and_new_work_does_not_get_round_it() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("pod", "old")
    queue.claim(0.0)
    queue.retry("pod", at=8.0)
    queue.put("pod", "new", priority=100)
    assert queue.claim(7.9) is None
    assert queue.claim(8.0) == Claim("pod", "new", 1)
    queue.finish("pod")
    queue.put("pod", "again")
    assert queue.claim(8.0) == Claim("pod", "again", 0)


@pytest.mark.parametrize("fails", [True, False])
def test_work_discarded_in_flight_is_not_followed_by_anything(fails: bool) -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("pod", "old")
    queue.claim(0.0)
    queue.put("pod", "newer")
    queue.discard("pod")
    if fails:
        queue.retry("pod", at=1.0)
    else:
        queue.finish("pod")
    assert len(queue) == 0
    assert queue.claim(10.0) is None


def test_only_claimed_work_can_end() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("pod", "work")
    with pytest.raises(ValueError, match="was not claimed"):
        queue.finish("pod")


def test_what_is_wanted_later_does_not_count_as_unfinished_but_a_failed_try_does() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.put("deferred", "x", not_before=300.0)
    queue.put("failed", "y")
    queue.claim(0.0)
    queue.retry("failed", at=120.0)
    assert queue.unfinished(0.0) == 1
    assert queue.unfinished(300.0) == 2


class AnyInterleaving(RuleBasedStateMachine):
    """Whatever the order of calls, the newest work of every key is handed out in the end, and nothing that was replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: WorkQueue[int] = WorkQueue()
        self.now = 0.0
        self.number = 0
        self.newest: dict[str, int] = {}
        self.in_flight: dict[str, int] = {}

    keys = st.sampled_from(["a", "b", "c"])

    @rule(key=keys, priority=st.integers(0, 3), delay=st.floats(0, 5))
    def put(self, key: str, priority: int, delay: float) -> None:
        self.number += 1
        self.newest[key] = self.number
        self.queue.put(key, self.number, priority=priority, not_before=self.now + delay)

    @rule(key=keys)
    def discard(self, key: str) -> None:
        self.queue.discard(key)
        self.newest.pop(key, None)

    @rule(seconds=st.floats(0, 10))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def claim(self) -> None:
        claim = self.queue.claim(self.now)
        if claim is not None:
            assert claim.key not in self.in_flight
            assert claim.work == self.newest[claim.key]
            self.in_flight[claim.key] = claim.work

    @precondition(lambda self: self.in_flight)
    @rule(succeeds=st.booleans(), data=st.data())
    def end(self, succeeds: bool, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_flight)))
        work = self.in_flight.pop(key)
        if succeeds:
            self.queue.finish(key)
            if self.newest.get(key) == work:
                del self.newest[key]
        else:
            self.queue.retry(key, self.now + 1)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.queue) == len(self.newest.keys() | self.in_flight.keys())
        assert self.queue.in_flight == len(self.in_flight)
        for key in self.newest.keys() - self.in_flight.keys():
            assert self.queue.is_waiting(key)


TestAnyInterleaving = AnyInterleaving.TestCase
