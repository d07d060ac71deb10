"""Containers' starts as literals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oomsight_operator.judgement.runtime.environment import ResourceField, Source, Start, Variable, start_of

MI = 1 << 20
GI = 1 << 30

CONFIG_MAP = Source()
"""`valueFrom` of a ConfigMap, a Secret or a field: nothing that the pod tells."""


def of_limit(divisor: str | None = None, container: str | None = None, resource: str = "limits.memory") -> Source:
    return Source(ResourceField(resource, container, divisor))


def start(
    command: Sequence[str] = (),
    args: Sequence[str] = (),
    env: Mapping[str, str | Source] | None = None,
    limit: int | None = 512 * MI,
    from_elsewhere: bool = False,
) -> Start:
    variables = [
        Variable(name, value_from=value) if isinstance(value, Source) else Variable(name, value)
        for name, value in (env or {}).items()
    ]
    return start_of(command, args, variables, container_name="app", limit_bytes=limit, from_elsewhere=from_elsewhere)
