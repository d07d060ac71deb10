from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import GI
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_operator.judgement.node_health.condition import Status
from oomsight_operator.judgement.node_health.overcommit import overcommit


@pytest.mark.parametrize(
    ("mode", "status", "reason"),
    [
        (0, Status.FALSE, "HeuristicOvercommit"),
        (1, Status.FALSE, "AlwaysOvercommit"),
        (2, Status.TRUE, "StrictOvercommit"),
        (None, Status.UNKNOWN, "NotReported"),
        (7, Status.UNKNOWN, "NotReported"),
    ],
)
def test_only_the_strict_mode_refuses_memory_that_is_there(mode: int | None, status: Status, reason: str) -> None:
    found = overcommit(node(overcommit_memory=mode))
    assert (found.status, found.reason) == (status, reason)


def test_the_strict_mode_is_told_with_its_commit_limit() -> None:
    message = overcommit(node(overcommit_memory=2, overcommit_ratio=80, swap_total_bytes=GI)).message
    assert "commit limit of about 13.8Gi (swap + 80 % of RAM)" in message
    assert "nobody is killed" in message
    assert "commit limit" not in overcommit(node(overcommit_memory=2, overcommit_ratio=None)).message


def test_a_limit_set_in_kilobytes_which_makes_the_ratio_0_is_not_told_as_the_swap_alone() -> None:
    assert "commit limit" not in overcommit(node(overcommit_memory=2, overcommit_ratio=0, swap_total_bytes=GI)).message
