"""SharedMemoryHeavy tells tmpfs apart, which no kill frees."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import MI, memory, spec, subject

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.risk.shared_memory_heavy import shared_memory_heavy

LIMITED = spec(limit=100 * MI)


def test_mostly_tmpfs_near_the_limit() -> None:
    finding = shared_memory_heavy(subject(LIMITED, memory(92 * MI, 100 * MI, shmem=80 * MI)))

    assert finding is not None
    assert finding.level is RiskLevel.HIGH
    assert finding.sentence == "container app: 80Mi of 92Mi unreclaimable is tmpfs or shared memory, which no kill frees"


def test_little_tmpfs_or_far_from_the_limit_or_unknown_is_no_reason() -> None:
    assert shared_memory_heavy(subject(LIMITED, memory(92 * MI, 100 * MI, shmem=40 * MI))) is None
    assert shared_memory_heavy(subject(LIMITED, memory(50 * MI, 100 * MI, shmem=50 * MI))) is None
    assert shared_memory_heavy(subject(LIMITED, memory(92 * MI, 100 * MI))) is None
    assert shared_memory_heavy(subject(spec(), memory(92 * MI, shmem=92 * MI))) is None
