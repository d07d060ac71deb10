"""HeapNotSized: the heap of a runtime with a garbage collector and the container's limit do not fit together.

Evidence, the first that holds:

- It was killed by its limit within the policy's `risk.recentKillSeconds`, although the heap could not have filled it: the rest
  outgrew what was left. The kernel killed, no OutOfMemoryError was thrown.
- The heap may take 90 % of the limit or more (Go: 95 %, its guide asks for 5 to 10 % beside it), whatever was held until now. A
  choice: a JVM of any size needs more beside its heap.
- The heap was left at its default, what was held reached that, and stayed below 60 % of the limit in an hour at least: the rest
  of the limit cannot become heap.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Advice
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.recommend.context import blamed
from oomsight_operator.judgement.recommend.heap import FLAG, Heap
from oomsight_operator.judgement.recommend.heap_words import outside_of
from oomsight_operator.judgement.risk.rule import DEFAULTS
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.runtime.setting import Runtime
from oomsight_operator.judgement.usual import MEAN_SECONDS
from oomsight_operator.judgement.words import format_percent, format_span

NEAR_PERCENT: Final = 90
GO_NEAR_PERCENT: Final = 95
UNUSED_PERCENT: Final = 60


def heap_not_sized(context: AdviceContext) -> str | None:
    """Nothing where the heap, or the limit, is not known."""
    subject, setting = context.subject, context.subject.spec.heap
    limit = subject.limit_bytes if subject.limit_bytes is not None else subject.pod_limit_bytes
    if setting is None or setting.hidden or limit is None or limit <= 0:
        return None
    node = subject.node.memory.total_bytes if subject.node.memory is not None else None
    kills = blamed(subject.recent_kills, subject.pod_limit_bytes)
    held = max(subject.peak_unreclaimable_bytes or 0, *(kill.limit_bytes for kill in kills), 0)
    heap = Heap(setting, node if setting.of_node else limit, held, kills[-1].limit_bytes if kills else None)
    may = setting.heap_bytes(heap.memory_bytes)
    if may is None:
        return None
    return _outgrown(subject, heap) or _too_large(subject, heap, may, limit) or _left_small(subject, heap, may, limit)


def _outgrown(subject: Subject, heap: Heap) -> str | None:
    """Killed by a limit that the heap alone could not reach."""
    killing = heap.killing_bytes
    if killing is None:
        return None
    could = heap.setting.heap_bytes(heap.memory_bytes if heap.setting.of_node else killing)
    if could is None or _fills(could, killing, heap):
        return None
    return (
        f"{subject.label}: it was killed at its limit {human_bytes(killing)}, of which its heap could have {human_bytes(could)}"
        f" ({_source(heap, killing)}): {human_bytes(killing - could)} or more were outside of the heap ({outside_of(heap)}), for"
        f" which the runtime throws no error of its own. {_what_to_do(heap)}"
    )


def _too_large(subject: Subject, heap: Heap, may: int, limit: int) -> str | None:
    if not _fills(may, limit, heap):
        return None
    when = "when it was killed" if heap.killing_bytes is not None and heap.held_bytes == heap.killing_bytes else "at most until now"
    held = f" (it held {human_bytes(heap.held_bytes)} {when})" if heap.held_bytes else ""
    beside = "leave 5 to 10 % beside it" if heap.setting.runtime is Runtime.GO else "what is beside it has no room"
    return (
        f"{subject.label}: its heap may grow to {human_bytes(may)} ({_source(heap, limit)}), {format_percent(may, limit)} of its"
        f" limit {human_bytes(limit)}{held}: {beside} ({outside_of(heap)}). The kernel kills it then, before it would collect more."
        f" Set {FLAG[heap.setting.runtime]} lower, or the limit higher"
    )


def _left_small(subject: Subject, heap: Heap, may: int, limit: int) -> str | None:
    held = heap.held_bytes
    if heap.setting.explicit or held < may or held * 100 >= limit * UNUSED_PERCENT:
        return None
    if subject.watched_seconds is None or subject.watched_seconds < MEAN_SECONDS:
        return None
    return (
        f"{subject.label}: its heap may have {human_bytes(may)} of its limit {human_bytes(limit)} ({_source(heap, limit)}), and in"
        f" the {format_span(subject.watched_seconds)} watched it held {human_bytes(held)} at most: the rest of the limit cannot"
        f" become heap. If it collects all the time or throws OutOfMemoryError, set {FLAG[heap.setting.runtime]}; else lower the"
        f" limit and set {FLAG[heap.setting.runtime]} to what the heap has now"
    )


def _fills(heap_bytes: int, limit: int, heap: Heap) -> bool:
    """To a byte: a share is cut to whole ones."""
    near = GO_NEAR_PERCENT if heap.setting.runtime is Runtime.GO else NEAR_PERCENT
    return (heap_bytes + 1) * 100 > limit * near


def _source(heap: Heap, limit: int) -> str:
    return heap.share_words(limit) if heap.setting.follows_limit else heap.source


def _what_to_do(heap: Heap) -> str:
    """A higher limit gives the rest less than it seems where the heap follows it."""
    if heap.setting.follows_limit:
        flag = FLAG[heap.setting.runtime]
        return f"Raise the limit and set {flag} to what the heap has now: otherwise the heap takes its share of the rise"
    return "Raise the limit, or let it need less there: fewer threads, smaller buffers"


RULE: Final = AdviceRule(
    Advice.HEAP_NOT_SIZED,
    heap_not_sized,
    when=(
        "command, args or env of the container set the heap of a JVM, Node.js, .NET or Go (or start it with its default), and it"
        f" was killed by its limit within `risk.recentKillSeconds` (default {format_span(DEFAULTS.recent_kill_seconds)}) although"
        f" the heap could not have filled that; or the heap may take {NEAR_PERCENT} % of the limit or more (Go:"
        f" {GO_NEAR_PERCENT} %); or it was left at its default, and in an hour at least what was held reached the heap's size but"
        f" stayed below {UNUSED_PERCENT} % of the limit. [recommender.md](recommender.md) has what is read and what cannot be seen."
    ),
    meaning=(
        "A runtime knows its heap's bound, and as a rule no more of the limit. Beside the heap it needs memory for code, threads,"
        " buffers and native libraries, which counts against the same limit. A heap that may grow beyond what is left of it is"
        " killed by the kernel before the runtime collects more; a heap left at its default (a quarter of the limit on a JVM)"
        " leaves the rest of the limit unused."
    ),
    todo=(
        "Set limit and heap together: on a JVM -Xmx or -XX:MaxRAMPercentage, on Node.js --max-old-space-size, on .NET"
        " DOTNET_GCHeapHardLimit (in hexadecimal), for Go GOMEMLIMIT. Three quarters of the limit is where .NET begins; programs"
        " with many threads or direct buffers need less heap. For GOMEMLIMIT leave 5 to 10 % (Go's guide)."
    ),
)
