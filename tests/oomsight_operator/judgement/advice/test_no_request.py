"""NoRequest: memory that was never asked for."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.advice.build import context
from tests.oomsight_operator.judgement.build import KI, MI, memory, spec

from oomsight_operator.judgement.advice.no_request import no_request
from oomsight_operator.judgement.model import ContainerSpec


def advised(of: ContainerSpec, held: int | None = 30 * MI, **more: Any) -> str | None:
    return no_request(context(of, memory(held), **more))


def test_it_uses_memory_and_asked_for_none() -> None:
    assert advised(spec("shell"), peak_working_set_bytes=33 * MI) == (
        "container shell: no memory request, though it holds 30Mi unreclaimable: the scheduler counts on nothing, and when the"
        " node runs short it is among the first to be evicted and killed. Set a request that covers what it uses (highest working"
        " set seen: 33Mi)"
    )
    assert advised(spec(request=0)) is not None


def test_a_request_of_its_own_by_its_limit_or_of_the_pod_as_a_whole() -> None:
    assert advised(spec(request=64 * MI)) is None
    assert advised(spec(limit=64 * MI)) is None
    assert advised(spec(), pod_level_request_bytes=64 * MI) is None
    assert advised(spec(), pod_limit_bytes=64 * MI) is None


def test_another_containers_request_is_not_its_own() -> None:
    assert advised(spec("proxy"), pod_request_bytes=512 * MI) is not None


def test_what_ends_or_cannot_ask_is_not_advised() -> None:
    assert advised(spec(kind="init")) is None
    assert advised(spec(kind="ephemeral")) is None
    assert advised(spec(kind="sidecar")) is not None


def test_next_to_nothing_needs_no_request_and_unknown_is_not_judged() -> None:
    assert advised(spec(), 900 * KI) is None
    assert advised(spec(), 900 * KI, given=("NoRequest",)) is not None
    assert advised(spec(), None) is None
