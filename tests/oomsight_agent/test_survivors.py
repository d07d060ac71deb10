"""When a container is looked at after a kill, and how often."""

from __future__ import annotations

from oomsight_agent.survivors import SURVIVAL_SECONDS, Survivors


class Kernel:
    def __init__(self, **populated: bool | None) -> None:
        self.populated = populated
        self.asked: list[str] = []

    def __call__(self, container_id: str) -> bool | None:
        self.asked.append(container_id)
        return self.populated[container_id]


def test_a_container_is_looked_at_once_a_moment_after_it_was_asked_for() -> None:
    kernel = Kernel(a=True, b=False)
    survivors = Survivors(kernel)
    survivors.ask({"a", "b"}, 100.0)
    survivors.ask({"a", "b"}, 100.2)
    assert survivors.due_seconds == 100.0 + SURVIVAL_SECONDS
    assert survivors.answers(100.2) == {}
    assert survivors.answers(100.0 + SURVIVAL_SECONDS) == {"a": True, "b": False}
    assert survivors.due_seconds is None
    assert sorted(kernel.asked) == ["a", "b"]


def test_what_is_no_longer_asked_for_is_not_looked_at() -> None:
    kernel = Kernel(a=True)
    survivors = Survivors(kernel)
    survivors.ask({"a"}, 100.0)
    survivors.ask(set(), 100.1)
    assert survivors.due_seconds is None
    assert survivors.answers(200.0) == {}
    assert kernel.asked == []


def test_what_cannot_be_read_is_looked_at_again() -> None:
    kernel = Kernel(a=None)
    survivors = Survivors(kernel)
    survivors.ask({"a"}, 100.0)
    assert survivors.answers(101.0) == {}
    assert survivors.due_seconds == 101.0 + SURVIVAL_SECONDS
    kernel.populated["a"] = False
    assert survivors.answers(102.0) == {"a": False}
