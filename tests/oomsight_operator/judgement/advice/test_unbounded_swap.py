"""UnboundedSwap: a material amount in swap, and no bound."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.advice.build import context, mean
from tests.oomsight_operator.judgement.build import MI, memory, spec

from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.advice.unbounded_swap import unbounded_swap


def pod_row(**more: Any) -> PodRow:
    return PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(**more))


def advised(swap_mi: float, watched: float = 7200.0, **more: Any) -> str | None:
    """Without a bound of its own or its pod's, as far as `bound` (of its own) and `pod_row` do not say otherwise."""
    bound = more.pop("bound", {"swap_unlimited": True})
    uses = memory(100 * MI, 512 * MI, swap=int(swap_mi * MI), **bound)
    more = {"pod_row": pod_row(swap_unlimited=True), **more}
    return unbounded_swap(context(spec(limit=512 * MI), uses, usual={"swap_bytes": mean(swap_mi * MI, watched)}, **more))


def test_swap_without_a_bound() -> None:
    assert advised(120) == (
        "container app: 120Mi of it lies in swap (mean of about an hour), and nothing bounds that: if it grows it takes the swap"
        " of node node-1 from all others, gets slow, and its limit stops it late. Use the kubelet's LimitedSwap, or no swap for"
        " pods"
    )


def test_a_bound_of_its_own_or_of_its_pod() -> None:
    assert advised(120, bound={"swap_limit": 256 * MI, "swap_unlimited": False}) is None
    assert advised(120, bound={"swap_limit": 0, "swap_unlimited": False}) is None
    assert advised(120, pod_row=pod_row(swap_limit=256 * MI, swap_unlimited=False)) is None


def test_a_bound_that_is_not_known_is_not_taken_for_none() -> None:
    assert advised(120, bound={}) is None
    assert advised(120, pod_row=pod_row()) is None
    assert advised(120, pod_row=None) is None


def test_a_few_pages_or_a_moment_are_not_worth_a_word() -> None:
    assert advised(15) is None
    assert advised(120, watched=500.0) is None


def test_once_advised_it_does_not_tremble() -> None:
    assert advised(9, given=("UnboundedSwap",)) is not None
    assert advised(7, given=("UnboundedSwap",)) is None
