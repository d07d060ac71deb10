"""CacheNotSized: the container lives from page cache, and its limit has no room for it.

Evidence: over about the last hour, and ten minutes at least, file pages were dropped and needed again at the policy's
`risk.cacheThrashing.lowPagesPerSecond` while usage stood at a limit; once advised, until half of that. No danger of a kill, so no
risk; where tasks wait for it the reason CacheThrashing says so.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Advice
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.risk.at_limit import bound_reached
from oomsight_operator.judgement.risk.rule import DEFAULTS
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.usual import MEAN_SECONDS
from oomsight_operator.judgement.words import format_span

SUSTAINED_SECONDS: Final = 600.0


def cache_not_sized(context: AdviceContext) -> str | None:
    """Sustained refaults at the limit."""
    subject, mean = context.subject, context.usual.refaults_per_second
    least = float(subject.policy.cache_thrashing.low_pages_per_second)
    if Advice.CACHE_NOT_SIZED in context.given:
        least /= 2
    if mean is None or not mean.at_least(SUSTAINED_SECONDS) or mean.value < least:
        return None
    bound = bound_reached(subject)
    at = str(bound) if bound is not None else "its limit"
    over = format_span(min(mean.watched_seconds, MEAN_SECONDS))
    return (
        f"{subject.label}: {int(mean.value)} pages of page cache a second{_bytes(subject, mean.value)} were dropped at {at} and"
        f" read again (mean over {over}): the files that it works on do not fit. No kill comes of that, only reading. If reads"
        " matter, raise the limit; recommendation.pageCache Working and mode Always recommend by how much, step by step"
    )


def _bytes(subject: Subject, pages: float) -> str:
    size = subject.node.memory.page_size_bytes if subject.node.memory is not None else None
    return f" ({human_bytes(int(pages) * size)})" if size is not None and 0 < size <= 1 << 20 else ""


RULE: Final = AdviceRule(
    Advice.CACHE_NOT_SIZED,
    cache_not_sized,
    when=(
        f"over about the last hour, and for {format_span(SUSTAINED_SECONDS)} at least,"
        f" {DEFAULTS.cache_thrashing.low_pages_per_second} pages of page cache a second (`risk.cacheThrashing.lowPagesPerSecond`)"
        " were dropped and needed again while usage stood at a limit; half of that once it was advised."
    ),
    meaning=(
        "Page cache counts against the limit, so a limit that was sized by the program's own memory alone leaves none for the"
        " files that it reads all day. The kernel gives page cache back before it kills: there is no danger, but each read goes"
        " to the disk."
    ),
    todo=(
        "If the reads matter, raise the limit. With `recommendation.pageCache: Working` (or `Include`) and `mode: Always` in the"
        " policy oomsight recommends by how much: half as much cache again, and the next day more if that did not help; and it says"
        " so where more cache does not help at all. If the reads do not matter (a backup, an import), leave it: with `pageCache:"
        " Exclude` the recommended limit has no room for page cache."
    ),
)
