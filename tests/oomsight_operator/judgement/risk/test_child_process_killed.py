"""ChildProcessKilled tells of kills that no status shows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import MI, NOW, spec, subject

from oomsight_api.incident import OomScope
from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.risk.child_process_killed import child_process_killed


def child(ago: float, processes: int = 1, **more: Any) -> Kill:
    return Kill(NOW - ago, "app", "a" * 64, KillSource.COUNTER, 512 * MI, processes=processes, sequence=int(ago), **more)


@pytest.mark.parametrize(
    ("kills", "level", "words"),
    [
        (
            (child(60),),
            RiskLevel.MEDIUM,
            "a child process was OOM-killed in the last 24 h at limit 512Mi while the container went on",
        ),
        ((child(120), child(60)), RiskLevel.MEDIUM, "2 child processes were"),
        ((child(60, victim_name="java", victim_pid=17),), RiskLevel.MEDIUM, "child process java (pid 17) was OOM-killed"),
        ((child(60, victim_name="x was, (y)"),), RiskLevel.MEDIUM, 'child process "x was, (y)" was OOM-killed'),
        ((child(60, scope=OomScope.NODE),), RiskLevel.MEDIUM, "because the node was out of memory while the container went on"),
        ((child(60, 3),), RiskLevel.HIGH, "3 child processes were"),
    ],
)
def test_levels_and_words(kills: tuple[Kill, ...], level: RiskLevel, words: str) -> None:
    finding = child_process_killed(subject(spec(limit=512 * MI), kills=kills))

    assert finding is not None
    assert finding.level is level
    assert words in finding.sentence


def test_oom_killed_with_exit_code_0_is_a_childs_kill() -> None:
    ended_well = Kill(NOW - 60, "app", "a" * 64, KillSource.STATUS, exit_code=0)

    assert child_process_killed(subject(spec(), kills=(ended_well,))) is not None


def test_the_containers_own_kill_and_old_ones_are_not_meant() -> None:
    own = Kill(NOW - 60, "app", "a" * 64, KillSource.STATUS, exit_code=137)

    assert child_process_killed(subject(spec(), kills=(own, child(90_000)))) is None
