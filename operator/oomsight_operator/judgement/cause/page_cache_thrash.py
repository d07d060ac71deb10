"""PageCacheThrash: the limit was full of page cache that the kernel could not drop.

Condition: page cache without shmem is at least half of the charge at the moment of the kill. Only the kernel's log tells that:
in a sample beforehand much page cache is normal and proves nothing. Threshold: half, so that nothing else can be more (a
choice). Page cache alone never kills: the kernel drops clean pages before it kills. What is left was dirty, being written,
locked (mlock), or needed again at once; the last is what refaults show, and the clause says which the numbers show.
"""

from __future__ import annotations

import math
from typing import Final

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import charge_at_kill, is_containers_own, limit_at_kill
from oomsight_operator.judgement.kills.model import Kill

MAX_REFAULTS = 10**9


def page_cache_thrash(kill: Kill, context: KillContext) -> str | None:
    """Mostly page cache when it was killed."""
    charge = charge_at_kill(kill)
    if charge is None or not charge.cache_bytes or charge.cache_with_shmem or not is_containers_own(kill, context):
        return None
    whole = charge.usage_bytes if charge.usage_bytes is not None else limit_at_kill(kill, context)
    if not whole or charge.cache_bytes * 2 < whole:
        return None
    refaults = kill.before.refaults_per_second if kill.before is not None else None
    if refaults is not None and math.isfinite(refaults) and refaults >= 1:
        rate = f"{min(int(refaults), MAX_REFAULTS)} dropped pages a second were read again before"
        return f"page cache is most of it and could not be dropped; {rate}"
    return "page cache is most of it and could not be dropped in time: dirty, being written, or locked"


RULE: Final = CauseRule(
    Cause.PAGE_CACHE_THRASH,
    page_cache_thrash,
    when=("page cache without shared memory was at least half of what was charged at the kill (kernel log)."),
    meaning=(
        "At the kill most of the charge was page cache, which the kernel drops before it kills, unless it cannot: pages"
        " still to be written to a slow disk, locked pages, or pages that are needed again at once. Page cache in kubectl"
        " top is no such sign."
    ),
    todo=(
        "Write less at once or sync as you go (a slow volume keeps dirty pages long), look for mlock, and give the files"
        " that are read again and again room in the limit. A faster volume helps more than a higher limit where pages wait"
        " to be written."
    ),
)
