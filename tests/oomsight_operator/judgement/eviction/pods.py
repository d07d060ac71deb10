"""Pods in one line, for the tests of the eviction order."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import MI, pod, spec

from oomsight_operator.judgement.eviction.working_set import PodUse, Source
from oomsight_operator.judgement.model import Pod

LOW, DEFAULT, HIGH = -1, 0, 1
"""Priorities of the kubelet's own tests."""


def named(name: str, request_mi: int | None = None, priority: int | None = DEFAULT, **more: Any) -> Pod:
    """A running pod with one container `app`."""
    request = None if request_mi is None else request_mi * MI
    return pod(spec(request=request), uid=more.pop("uid", f"uid-{name}"), name=name, priority=priority, **more)


def using(
    name: str, working_set_mi: int | None, request_mi: int | None = None, priority: int | None = DEFAULT, **more: Any
) -> PodUse:
    """The same with its working set; None: nobody has statistics of it."""
    size = None if working_set_mi is None else working_set_mi * MI
    return PodUse(named(name, request_mi, priority, **more), size, None if size is None else Source.POD)
