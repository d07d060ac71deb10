"""What a heap means for a recommended limit, and what to set along with it, in a sentence."""

from __future__ import annotations

from typing import Final

from oomsight_api.quantity import format_bytes, human_bytes
from oomsight_operator.judgement.recommend.heap import FLAG, Heap, typed
from oomsight_operator.judgement.rounding import MEBIBYTE, round_up
from oomsight_operator.judgement.runtime.setting import Runtime, Share

_OUTSIDE: Final = {
    Runtime.JVM: "metaspace, code, threads, direct and native memory",
    Runtime.NODE: "buffers, code, native memory",
    Runtime.DOTNET: "threads, code, native memory",
    Runtime.GO: "memory of C code, mapped files",
}
_USUAL: Final = {
    Runtime.JVM: " (25 % where nothing is set, with OpenJ9 50 to 75 %)",
    Runtime.NODE: " (about half)",
    Runtime.DOTNET: " (75 %)",
    Runtime.GO: "",
}


def outside_of(heap: Heap) -> str:
    """What a heap needs beside it, and how far its flags let that grow."""
    flags = "".join(f", {flag} {human_bytes(size)}" for flag, size in heap.setting.beside)
    return _OUTSIDE[heap.setting.runtime] + (f"; set are{flags[1:]}" if flags else "")


def unknown(amount: int, current: int | None, heap: Heap | None) -> str:
    """Where there is a heap of unknown size, and the limit is another one. Empty otherwise."""
    return _hidden(heap) if heap is not None and heap.setting.hidden and amount != current else ""


def outgrown(amount: int, heap: Heap | None) -> str:
    """Where it was killed by a limit, and its heap may grow beyond this one as well: nobody should just set it. Empty otherwise."""
    if heap is None or heap.killed_at_bytes is None:
        return ""
    return _not_held(amount, heap)


def told(amount: int, current: int | None, heap: Heap | None) -> str:
    """Of a heap whose size is known. Empty where it makes no difference to this limit."""
    if heap is None or heap.setting.hidden:
        return ""
    if heap.setting.follows_limit and heap.setting.share is not None:
        return _following(amount, current, heap, heap.setting.share)
    return _fixed(amount, current, heap)


def _hidden(heap: Heap) -> str:
    setting = heap.setting
    if setting.explicit:
        return f"its heap is set ({heap.source}): see that the limit leaves room for it and for {outside_of(heap)}"
    named = "the JVM" if setting.runtime is Runtime.JVM else setting.runtime.value
    known_by = setting.where if setting.where.startswith("its ") else f"its runtime is {named}"
    return (
        f"{known_by}, and how large its heap may get is not in the pod's spec: if that is a share of the"
        f" limit{_USUAL[setting.runtime]}, it changes with the limit"
    )


def _fixed(amount: int, current: int | None, heap: Heap) -> str:
    most = heap.most_bytes
    if most is None:
        return ""
    if amount < most:
        return _not_held(amount, heap) if heap.killed_at_bytes is None else ""  # `outgrown` tells that
    if current is None or amount <= current or heap.held_bytes < most:
        return ""
    at_kill = ""
    if heap.killing_bytes is not None and heap.killing_bytes > most:
        at_kill = (
            f": when killed at {human_bytes(heap.killing_bytes)} it held {human_bytes(heap.killing_bytes - most)} or more outside"
            f" ({outside_of(heap)})"
        )
    return f"a higher limit is no larger heap, which ends at {human_bytes(most)} ({heap.source}){at_kill}"


def _not_held(amount: int, heap: Heap) -> str:
    most, needed = heap.most_bytes, heap.needed_bytes
    if most is None or needed is None or amount >= most:
        return ""
    fits = amount - heap.outside_bytes
    less = f"set {typed(fits, heap.setting.runtime)} at most, or " if fits >= MEBIBYTE else ""
    return (
        f"its heap may grow to {human_bytes(most)} ({heap.source}), which this limit does not hold: {less}set the limit to"
        f" {format_bytes(round_up(needed))}"
    )


def _following(amount: int, current: int | None, heap: Heap, share: Share) -> str:
    then, killing = share.of(amount), heap.killing_bytes
    if killing is not None:
        return _after_kill(amount, killing, heap, share)
    if amount == current or (heap.memory_bytes is not None and share.of(heap.memory_bytes) == then):
        return ""
    now = f"{human_bytes(share.of(heap.memory_bytes))} now, " if heap.memory_bytes is not None else ""
    return f"its heap may have {now}{human_bytes(then)} then ({heap.share_words(amount)})"


def _after_kill(amount: int, killing: int, heap: Heap, share: Share) -> str:
    """The kernel killed, not the runtime its own allocation: with a heap within its bound, the rest outgrew what was left."""
    could, then, outside = share.of(killing), share.of(amount), outside_of(heap)
    if could >= killing:
        return (
            f"its heap may take all of the limit ({heap.share_words(killing)}), which leaves nothing for {outside}: set"
            f" {FLAG[heap.setting.runtime]} below it"
        )
    keep = ""
    if then > could:
        keep = f"; {typed(could, heap.setting.runtime)} leaves all of the rise to that"
    return (
        f"when killed at {human_bytes(killing)} its heap could have {human_bytes(could)} ({heap.share_words(killing)}), so"
        f" {human_bytes(killing - could)} or more were outside ({outside}){keep}"
    )
