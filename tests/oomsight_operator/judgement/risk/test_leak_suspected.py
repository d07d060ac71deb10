"""LeakSuspected wants evidence: a floor that rises, and confidence; and says when the limit is reached."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import MI, memory, spec, subject

from oomsight_api.names import Confidence, RiskLevel, RiskReason
from oomsight_operator.judgement.forecast.outlook import Forecast, Shape
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.leak_suspected import leak_suspected

LIMITED = spec(limit=512 * MI)
HOUR = 3600.0
GROWING = Forecast(
    shape=Shape.GROWING,
    limit_bytes=512 * MI,
    floor_bytes=310 * MI,
    window_seconds=6 * HOUR,
    points=31,
    why="",
    seconds_to_limit=17 * HOUR,
    earliest_seconds=14 * HOUR,
    latest_seconds=21 * HOUR,
    confidence=Confidence.HIGH,
    growth_bytes_per_second=12 * MI / HOUR,
)


def judged(found: Forecast | None, **more: Any) -> Finding | None:
    return leak_suspected(subject(LIMITED, memory(330 * MI, 512 * MI), forecast=found, **more))


def test_the_sentence_carries_rate_window_floor_time_and_confidence() -> None:
    finding = judged(GROWING)

    assert finding is not None
    assert finding.level is RiskLevel.LOW
    assert finding.sentence == (
        "container app: memory that cannot be reclaimed has grown by 12Mi an hour for 6 h (floor after garbage collection 310Mi of"
        " 512Mi): reaches the limit in about 17 h (14 h to 21 h), confidence high"
    )


def test_peaks_and_earlier_runs_are_named() -> None:
    finding = judged(replace(GROWING, by_peaks=True, grown_runs=3))

    assert finding is not None
    assert "for 6 h, as in its last 3 runs" in finding.sentence
    assert "its peaks reach the limit in about 17 h" in finding.sentence


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        (25 * HOUR, None),
        (24 * HOUR, RiskLevel.LOW),
        (4 * HOUR, RiskLevel.MEDIUM),
        (HOUR, RiskLevel.HIGH),
        (600.0, RiskLevel.CRITICAL),
    ],
)
def test_default_thresholds(seconds: float, level: RiskLevel | None) -> None:
    finding = judged(replace(GROWING, seconds_to_limit=seconds))

    assert (finding.level if finding is not None else None) is level


def test_thresholds_of_the_policy() -> None:
    times = {"timeToLimit": {"lowSeconds": 100000, "mediumSeconds": 90000, "highSeconds": 80000, "criticalSeconds": 10}}
    finding = judged(GROWING, risk=times)

    assert finding is not None
    assert finding.level is RiskLevel.HIGH


def test_a_level_is_held_until_well_beyond_its_threshold() -> None:
    before = {RiskReason.LEAK_SUSPECTED: RiskLevel.MEDIUM}
    held = judged(replace(GROWING, seconds_to_limit=4.1 * HOUR), raised=before)
    fallen = judged(replace(GROWING, seconds_to_limit=4.3 * HOUR), raised=before)

    assert held is not None
    assert fallen is not None
    assert (held.level, fallen.level) == (RiskLevel.MEDIUM, RiskLevel.LOW)


def test_low_confidence_suspects_nothing_and_only_keeps_a_suspicion_low() -> None:
    soon = replace(GROWING, seconds_to_limit=600.0, confidence=Confidence.LOW)
    kept = judged(soon, raised={RiskReason.LEAK_SUSPECTED: RiskLevel.HIGH})

    assert judged(soon) is None
    assert kept is not None
    assert kept.level is RiskLevel.LOW


@pytest.mark.parametrize("shape", [shape for shape in Shape if shape is not Shape.GROWING])
def test_no_other_shape_is_a_leak(shape: Shape) -> None:
    assert judged(replace(GROWING, shape=shape, seconds_to_limit=0.0)) is None


def test_nothing_is_said_of_what_is_unknown_or_does_not_run() -> None:
    assert judged(None) is None
    assert judged(GROWING, running=False) is None
