"""From one look at a replica to what it says about the page cache that it needs; None where it says nothing.

It says something when over an hour file pages were dropped and needed again at the policy's `risk.cacheThrashing.lowPagesPerSecond`
(the measure of the advice CacheNotSized) while usage stood at a limit, so that it was this limit that pushed them out.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.finite import finite
from oomsight_operator.judgement.recommend.cache import FIT_LEAST_BYTES, CacheFit, CacheLook
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS, MAX_BYTES
from oomsight_operator.judgement.risk.at_limit import Bound, bound_reached
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.rounding import LARGEST_PAGE_BYTES, is_same_limit
from oomsight_operator.judgement.usual import MEAN_SECONDS, Usual

_USUAL_PAGE_BYTES: Final = 4096


def cache_look(subject: Subject, usual: Usual) -> CacheLook | None:
    """Sustained refaults at a limit that a higher limit of the container would lift."""
    mean = usual.refaults_per_second
    if mean is None or not subject.running or not mean.at_least(MEAN_SECONDS):
        return None
    if mean.value < subject.policy.cache_thrashing.low_pages_per_second:
        return None
    bound = bound_reached(subject)
    if bound is None:
        return None
    of_pod = subject.pod_limit_bytes
    if of_pod is not None and (bound.limit_bytes >= of_pod or is_same_limit(bound.limit_bytes, of_pod)):
        return None  # pod-level resources: a higher limit of the container would change nothing
    held = _left_for_cache(subject, bound)
    if held is None:
        return None
    rate = int(mean.value) * _page_bytes(subject)
    return CacheLook(int(subject.now_seconds) // HOUR_SECONDS, held, min(rate, MAX_BYTES))


def cache_fit(subject: Subject) -> CacheFit | None:
    """Cache that is held below every limit, and next to nothing of it is read again; None where that is not so, or not known.

    Whether it is used is not told: with the multi-generational LRU a file that is read over and over is never active.
    """
    row, memory = subject.row, subject.memory
    refaults = finite(row.refaults_per_second) if row is not None else None
    if refaults is None or refaults >= subject.policy.cache_thrashing.low_pages_per_second or not subject.running:
        return None
    if subject.limit_bytes is None or bound_reached(subject) is not None:
        return None
    if memory.usage_bytes is None or memory.unreclaimable_bytes is None:
        return None
    held = min(memory.usage_bytes - memory.unreclaimable_bytes, MAX_BYTES)
    return CacheFit(int(subject.now_seconds) // HOUR_SECONDS, held) if held >= FIT_LEAST_BYTES else None


def tells_no_refaults(row: ContainerRow | None) -> bool | None:
    """Whether this kernel counts no refaults; None where that cannot be told yet: a rate takes two readings."""
    if row is None:
        return None
    if finite(row.refaults_per_second) is not None:
        return False
    return True if row.major_faults_per_second is not None else None


def _left_for_cache(subject: Subject, bound: Bound) -> int | None:
    """What the limit leaves when everything that the kernel cannot free is taken; of a pod's limit, what others use too."""
    memory = subject.memory
    if memory.unreclaimable_bytes is None:
        return None
    others = 0
    if subject.pod_row is not None and bound.is_of_pod and memory.usage_bytes is not None:
        others = max(0, (subject.pod_row.memory.usage_bytes or 0) - memory.usage_bytes)
    return min(max(0, bound.limit_bytes - others - memory.unreclaimable_bytes), MAX_BYTES)


def _page_bytes(subject: Subject) -> int:
    size = subject.node.memory.page_size_bytes if subject.node.memory is not None else None
    return size if size is not None and 0 < size <= LARGEST_PAGE_BYTES else _USUAL_PAGE_BYTES
