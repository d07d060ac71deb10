"""NearLimit looks at what cannot be reclaimed, and at nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, memory, spec, subject

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.risk.near_limit import near_limit

LIMITED = spec(limit=1000 * MI)


@pytest.mark.parametrize(
    ("used", "level"),
    [(699, None), (700, RiskLevel.LOW), (800, RiskLevel.MEDIUM), (900, RiskLevel.HIGH), (950, RiskLevel.CRITICAL)],
)
def test_default_thresholds(used: int, level: RiskLevel | None) -> None:
    finding = near_limit(subject(LIMITED, memory(used * MI, 1000 * MI)))

    assert (finding.level if finding is not None else None) is level


def test_thresholds_of_the_policy() -> None:
    thresholds = {"nearLimit": {"lowPercent": 10, "mediumPercent": 20, "highPercent": 30, "criticalPercent": 40}}
    finding = near_limit(subject(LIMITED, memory(350 * MI, 1000 * MI), risk=thresholds))

    assert finding is not None
    assert finding.level is RiskLevel.HIGH


def test_a_raised_level_is_held_until_well_below_its_threshold() -> None:
    before = {RiskReason.NEAR_LIMIT: RiskLevel.HIGH}
    held = near_limit(subject(LIMITED, memory(851 * MI, 1000 * MI), raised=before))
    fallen = near_limit(subject(LIMITED, memory(849 * MI, 1000 * MI), raised=before))

    assert held is not None
    assert fallen is not None
    assert (held.level, fallen.level) == (RiskLevel.HIGH, RiskLevel.MEDIUM)


def test_the_limit_that_the_kernel_enforces_beats_the_spec() -> None:
    finding = near_limit(subject(LIMITED, memory(480 * MI, 500 * MI)))

    assert finding is not None
    assert "96 % of its limit 500Mi" in finding.sentence


def test_the_pods_own_limit_counts_where_it_is_nearer_than_the_containers() -> None:
    pod_row = PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(950 * MI, 1000 * MI))
    finding = near_limit(subject(spec(limit=900 * MI), memory(640 * MI, 900 * MI), pod_row=pod_row, pod_limit_bytes=1000 * MI))

    assert finding is not None
    assert finding.level is RiskLevel.CRITICAL
    assert finding.sentence.startswith("pod of container app")


def test_a_container_without_its_own_limit_is_judged_by_the_pods() -> None:
    pod_row = PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(950 * MI, 1000 * MI))
    finding = near_limit(subject(spec(), memory(10 * MI), pod_row=pod_row, pod_limit_bytes=1000 * MI))

    assert finding is not None
    assert finding.sentence.startswith("pod of container app: unreclaimable 950Mi is 95 %")


@given(st.integers(0, 2 * GI), st.integers(0, 2 * GI), st.integers(0, 2 * GI))
def test_page_cache_and_working_set_never_change_the_level(unreclaimable: int, cache: int, working_set: int) -> None:
    bare = near_limit(subject(LIMITED, memory(unreclaimable, 1000 * MI)))
    cached = memory(unreclaimable, 1000 * MI, usage=unreclaimable + cache, file=cache, active_file=cache, working_set=working_set)
    full = near_limit(subject(LIMITED, cached))

    assert (bare.level if bare is not None else None) == (full.level if full is not None else None)


def test_nothing_is_said_of_what_is_unknown_or_does_not_run() -> None:
    full = memory(1000 * MI, 1000 * MI)

    assert near_limit(subject(LIMITED, memory(None, 1000 * MI, usage=1000 * MI))) is None
    assert near_limit(subject(spec(), memory(1000 * MI))) is None
    assert near_limit(subject(LIMITED, full, running=False)) is None
    assert near_limit(subject(LIMITED, memory(10, 0))) is None
