from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_operator.judgement.node_health.condition import Status
from oomsight_operator.judgement.node_health.oom_settings import oom_kill_allocating_task, panic_on_oom


@pytest.mark.parametrize(
    ("setting", "status", "reason", "words"),
    [
        (0, Status.FALSE, "KillsInstead", "the node lives"),
        (1, Status.TRUE, "PanicsOnNodeOOM", "nobody is killed before"),
        (2, Status.TRUE, "PanicsOnAnyOOM", "one container at its limit takes the whole node down"),
        (None, Status.UNKNOWN, "NotReported", "vm.panic_on_oom"),
    ],
)
def test_panic_on_oom(setting: int | None, status: Status, reason: str, words: str) -> None:
    found = panic_on_oom(node(panic_on_oom=setting))
    assert (found.status, found.reason) == (status, reason)
    assert words in found.message


@pytest.mark.parametrize(
    ("setting", "status", "reason"),
    [(0, Status.FALSE, "KillsByPoints"), (1, Status.TRUE, "KillsWhoeverAllocates"), (None, Status.UNKNOWN, "NotReported")],
)
def test_oom_kill_allocating_task(setting: int | None, status: Status, reason: str) -> None:
    found = oom_kill_allocating_task(node(oom_kill_allocating_task=setting))
    assert (found.status, found.reason) == (status, reason)
