"""SilentKills: what no status tells."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.advice.build import context
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, spec

from oomsight_operator.judgement.advice.silent_kills import silent_kills
from oomsight_operator.judgement.kills.model import Kill, KillSource


def kill(seconds_ago: float, source: KillSource = KillSource.COUNTER, **more: Any) -> Kill:
    return Kill(NOW - seconds_ago, "worker", FIRST_RUN, source, 40 * MI, **more)


def advised(*kills: Kill, restart_count: int | None = 0) -> str | None:
    return silent_kills(context(spec("worker"), kills=kills, restart_count=restart_count))


def test_processes_that_nobody_missed() -> None:
    assert advised(kill(7200, processes=3), kill(60, KillSource.KERNEL_LOG)) == (
        "container worker: 4 processes were OOM-killed in the last 24 h (last at 2026-03-01T09:59:00Z) and Kubernetes shows"
        " nothing of it: the container went on and its restart count is 0. Let the main process report workers that end by signal"
        " 9, or have the container killed as a whole"
    )


def test_restarts_for_other_reasons_are_not_offered_as_proof() -> None:
    told = advised(kill(60), restart_count=5)

    assert told is not None
    assert "1 process was OOM-killed" in told
    assert "the container went on. Let" in told


def test_what_a_status_tells_is_not_silent() -> None:
    assert advised(kill(60, exit_code=137)) is None
    assert advised(kill(60, KillSource.STATUS, exit_code=0)) is None


def test_old_kills_are_forgotten() -> None:
    assert advised(kill(86401)) is None
