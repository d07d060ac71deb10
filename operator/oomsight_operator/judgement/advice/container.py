"""Advice for one container from one judgement to the next: what is usual of it is followed, then the rules are asked."""

from __future__ import annotations

from dataclasses import replace

from oomsight_operator.judgement.advice.context import AdviceContext
from oomsight_operator.judgement.advice.no_burst_room import has_equal_request
from oomsight_operator.judgement.advice.rules import advise
from oomsight_operator.judgement.advice.unbounded_swap import is_unbounded
from oomsight_operator.judgement.finite import finite
from oomsight_operator.judgement.model import ContainerHistory, ContainerStatus, Pod
from oomsight_operator.judgement.risk.at_limit import bound_reached
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.rounding import is_same_limit
from oomsight_operator.judgement.usual import Usual, follow, follow_above_zero


def with_advice(
    history: ContainerHistory, pod: Pod, status: ContainerStatus | None, subject: Subject, sampled_at_seconds: float | None
) -> ContainerHistory:
    """The history with what is usual now, and with what is advised."""
    usual = history.usual
    if subject.running and subject.row is not None and sampled_at_seconds is not None:
        usual = observe_usual(usual, subject, sampled_at_seconds)
    context = AdviceContext(
        subject=subject,
        usual=usual,
        given=frozenset(given.advice for given in history.advice),
        peak_working_set_bytes=history.peak_working_set_bytes,
        pod_level_request_bytes=pod.pod_memory_request_bytes,
        restart_count=status.restart_count if status is not None else None,
    )
    advice = advise(context, history.advice)
    same = usual == history.usual and advice == history.advice
    return history if same else replace(history, usual=usual, advice=advice)


def observe_usual(usual: Usual, subject: Subject, at_seconds: float) -> Usual:
    """Take one sample; only what some advice may need is followed."""
    memory, row = subject.memory, subject.row
    equal = has_equal_request(subject)
    refaults = finite(row.refaults_per_second) if row is not None else None
    bound, counted, limit = bound_reached(subject), usual.refaults_per_second, usual.refaults_limit_bytes
    if bound is None:
        refaults = 0.0 if refaults is not None else None
    elif limit is None or not is_same_limit(bound.limit_bytes, limit):
        counted, limit = None, bound.limit_bytes
    counted = follow_above_zero(counted, refaults, at_seconds)
    return Usual(
        follow(usual.unreclaimable_bytes, memory.unreclaimable_bytes, at_seconds) if equal else None,
        counted,
        limit if counted is not None else None,
        follow_above_zero(usual.swap_bytes, memory.swap_bytes, at_seconds) if is_unbounded(subject) else None,
    )
