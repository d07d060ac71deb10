"""SharedMemoryHeavy: tmpfs or shared memory is most of what brings the container near its limit.

Condition: shmem is at least half of the unreclaimable memory, and that is above the policy's `risk.nearLimit` thresholds.
Level: as NearLimit gives. Why it is told apart: killing a process does not free a tmpfs file, so the next one dies too;
measured, `dd` died with 2.6 MB resident while 15.5 MB of shmem stayed charged.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk import near_limit
from oomsight_operator.judgement.risk.near_limit import grade
from oomsight_operator.judgement.risk.rule import RiskRule
from oomsight_operator.judgement.risk.subject import Subject


def shared_memory_heavy(subject: Subject) -> Finding | None:
    """Near the limit, mostly by shared memory."""
    memory, limit = subject.memory, subject.limit_bytes
    if not subject.running or limit is None or limit <= 0 or memory.unreclaimable_bytes is None or memory.shmem_bytes is None:
        return None
    if memory.shmem_bytes * 2 < memory.unreclaimable_bytes:
        return None
    level = grade(memory.unreclaimable_bytes, limit, subject.policy, subject.before(RiskReason.SHARED_MEMORY_HEAVY))
    if level is RiskLevel.NONE:
        return None
    sentence = (
        f"{subject.label}: {human_bytes(memory.shmem_bytes)} of {human_bytes(memory.unreclaimable_bytes)} unreclaimable is tmpfs or"
        " shared memory, which no kill frees"
    )
    return Finding(RiskReason.SHARED_MEMORY_HEAVY, level, sentence)


RULE: Final = RiskRule(
    RiskReason.SHARED_MEMORY_HEAVY,
    shared_memory_heavy,
    when=(
        "at least half of what the kernel cannot free is tmpfs or shared memory, and all of it is near the limit (the policy's"
        " `risk.nearLimit`)."
    ),
    levels=near_limit.RULE.levels,
    meaning=(
        "Files in an emptyDir with medium Memory or in /dev/shm, or shared memory segments. They belong to no process: the kernel"
        " kills processes and frees next to nothing, so one kill follows the other."
    ),
    todo=(
        "Find what is written there (df -h -t tmpfs in the container), delete it, and bound it: sizeLimit on the emptyDir. Put"
        " big files on a disk-backed emptyDir. Shared memory that the program sizes itself (shared_buffers of PostgreSQL) belongs"
        " into the limit."
    ),
)
