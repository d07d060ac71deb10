"""SharedMemory: tmpfs or shared memory is most of what filled the limit.

Condition: shmem is at least half of the charge when it was killed (kernel log); without the log, at least half of the limit at
the last sample. Threshold: half, so that nothing else can be more (a choice; the same as of the risk SharedMemoryHeavy).
Why it is told apart: measured, `dd` died with 2.6 MB resident while 15.5 MB of shmem stayed charged. Killing frees no tmpfs
file, so the next process dies too, until somebody deletes it.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import Cause
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import (
    NEED_AGE_SECONDS,
    charge_at_kill,
    charge_before,
    is_containers_own,
    limit_at_kill,
    victim,
)
from oomsight_operator.judgement.kills.model import Kill


def shared_memory(kill: Kill, context: KillContext) -> str | None:
    """Mostly shmem."""
    if not is_containers_own(kill, context):
        return None
    charge, limit = charge_at_kill(kill), limit_at_kill(kill, context)
    if charge is not None:
        whole = charge.usage_bytes if charge.usage_bytes is not None else limit
    else:
        charge, whole = charge_before(kill) if kill.scope is not OomScope.CGROUP else None, limit
    if charge is None or not charge.shmem_bytes or not whole or charge.shmem_bytes * 2 < whole:
        return None
    if charge.age_seconds is not None and not charge.age_seconds <= NEED_AGE_SECONDS:
        return None
    died = victim(kill, context)
    mapped = died.shmem_rss_bytes if died is not None else None
    if mapped is not None and mapped * 2 >= charge.shmem_bytes:
        return f"shared memory is most of it, {human_bytes(mapped)} of that mapped by the killed process"
    return "tmpfs files (emptyDir medium Memory, /dev/shm) or shared memory are most of it and no kill frees them: expect repeats"


RULE: Final = CauseRule(
    Cause.SHARED_MEMORY,
    shared_memory,
    when=(
        "shared memory was at least half of what was charged at the kill (kernel log); without the log, at least half of the limit"
        " in the last sample."
    ),
    meaning=(
        "Most of the charge was tmpfs or shared memory: files in an emptyDir with medium Memory or in /dev/shm, or a"
        " shared memory segment. They count against the limit but belong to no process, so the kernel kills processes and"
        " frees next to nothing."
    ),
    todo=(
        "Find what is written there (df -h -t tmpfs in the container), delete it, and bound it: sizeLimit on the"
        " emptyDir. Put big files on a disk-backed emptyDir. If the shared memory is a cache that the program sizes itself"
        " (shared_buffers of PostgreSQL), add it to the limit."
    ),
)
