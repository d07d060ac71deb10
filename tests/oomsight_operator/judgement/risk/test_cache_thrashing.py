"""CacheThrashing needs all three: refaults, a limit that causes them, and tasks that wait for them."""

from __future__ import annotations

import math
from typing import Any

from tests.oomsight_operator.judgement.build import MI, memory, row, spec, subject

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Container, Memory, Pressure
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.cache_thrashing import cache_thrashing

DATABASE = spec("db", limit=512 * MI)
AT_LIMIT = memory(400 * MI, 512 * MI, usage=511 * MI, file=100 * MI)


def judged(row_of: Container, **more: Any) -> Finding | None:
    return cache_thrashing(subject(DATABASE, row=row_of, **more))


def thrash(refaults: float | None, some: float | None = None, faults: float | None = None, uses: Memory = AT_LIMIT) -> Container:
    pressure = Pressure(some_avg60=some) if some is not None else None
    return row(uses=uses, refaults_per_second=refaults, pressure=pressure, major_faults_per_second=faults)


def test_refaults_at_the_limit_that_tasks_wait_for() -> None:
    low, medium = judged(thrash(200.0, some=20.9)), judged(thrash(3400.5, some=20.9))

    assert low is not None
    assert medium is not None
    assert (low.level, medium.level) == (RiskLevel.LOW, RiskLevel.MEDIUM)
    assert medium.sentence == (
        "container db: 3400 dropped pages of page cache a second are needed again, usage stands at its limit 512Mi;"
        " tasks waited for memory in 20 % of the last minute (PSI some)"
    )


def test_a_program_that_streams_through_large_files_and_waits_for_none_is_in_no_danger() -> None:
    assert judged(thrash(10_700.0, some=5.5)) is None
    assert judged(thrash(21_000.0, faults=0.0)) is None


def test_refaults_below_the_limit_are_the_nodes_doing() -> None:
    assert judged(thrash(3400.0, some=20.0, uses=memory(200 * MI, 512 * MI, usage=300 * MI))) is None


def test_few_refaults_are_no_thrashing_and_how_many_is_the_policys() -> None:
    assert judged(thrash(199.0, some=80.0)) is None
    assert judged(thrash(199.0, some=80.0), risk={"cacheThrashing": {"lowPagesPerSecond": 50}}) is not None


def test_without_pressure_of_its_own_major_faults_show_the_waiting_but_only_as_low() -> None:
    finding = judged(thrash(110_000.0, faults=69.0))

    assert finding is not None
    assert finding.level is RiskLevel.LOW
    assert finding.sentence.endswith("usage stands at its limit 512Mi; tasks wait for 69 disk reads a second (major faults)")
    assert judged(thrash(110_000.0, faults=49.0)) is None


def test_pressure_is_believed_over_major_faults() -> None:
    assert judged(thrash(110_000.0, some=0.4, faults=900.0)) is None


def test_where_nothing_tells_of_waiting_nothing_is_said() -> None:
    assert judged(thrash(3400.0)) is None
    assert judged(thrash(None, some=80.0)) is None
    assert judged(thrash(math.nan, some=80.0)) is None


def test_a_level_falls_a_share_below_its_threshold() -> None:
    before = {RiskReason.CACHE_THRASHING: RiskLevel.LOW}

    assert judged(thrash(190.0, some=5.0), raised=before) is not None
    assert judged(thrash(189.0, some=5.0), raised=before) is None


def test_what_does_not_run_does_not_thrash() -> None:
    assert judged(thrash(3400.0, some=20.0), running=False) is None
