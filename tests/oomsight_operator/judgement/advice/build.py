"""What a rule of advice looks at, from a few literals."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import subject

from oomsight_api.names import Advice
from oomsight_api.report import Memory
from oomsight_operator.judgement.advice.context import AdviceContext
from oomsight_operator.judgement.model import ContainerSpec
from oomsight_operator.judgement.usual import Mean, Usual


def mean(value: float, watched: float = 7200.0) -> Mean:
    return Mean(value, value, 0.0, watched)


def context(container: ContainerSpec, uses: Memory | None = None, **more: Any) -> AdviceContext:
    """A running container on a roomy node; `usual` by the names of `Usual`, `given` by name."""
    names = ("peak_working_set_bytes", "pod_level_request_bytes", "restart_count")
    of_context = {name: more.pop(name) for name in names if name in more}
    return AdviceContext(
        usual=Usual(**more.pop("usual", {})),
        given=frozenset(Advice(name) for name in more.pop("given", ())),
        subject=subject(container, uses, **more),
        **of_context,
    )
