"""Which limit usage stands at, page cache included."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import MI, memory, spec, subject

from oomsight_api.report import Memory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.risk.at_limit import bound_reached

OWN = spec(limit=100 * MI)


def reached(uses: Memory, pod: Memory | None = None) -> str:
    pod_row = PodRow(pod_uid="uid-1", cgroup="/p", memory=pod) if pod is not None else None
    return str(bound_reached(subject(OWN, uses, pod_row=pod_row)) or "")


def test_usage_or_its_peak_of_the_interval_at_the_limit() -> None:
    assert reached(memory(10 * MI, 100 * MI, usage=95 * MI)) == "its limit 100Mi"
    assert reached(memory(10 * MI, 100 * MI, usage=90 * MI, peak_interval=99 * MI)) == "its limit 100Mi"
    assert reached(memory(10 * MI, 100 * MI, usage=94 * MI, peak_interval=94 * MI)) == ""


def test_memory_high_reclaims_before_the_limit_does() -> None:
    assert reached(memory(10 * MI, 100 * MI, usage=80 * MI, high=80 * MI)) == "its memory.high 80Mi"


def test_the_pods_limit_may_be_reached_first() -> None:
    assert reached(memory(10 * MI, 100 * MI, usage=60 * MI), memory(limit=120 * MI, usage=119 * MI)) == "its pod's limit 120Mi"


def test_unknown_usage_stands_at_no_limit() -> None:
    assert reached(memory(99 * MI, 100 * MI)) == ""
