from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import GI
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_operator.judgement.node_health.condition import NodeCondition, Status
from oomsight_operator.judgement.node_health.swap import swap


def rates(out: float | None, back: float | None, free: int = GI, total: int | None = 4 * GI, swappiness: int = 60) -> NodeCondition:
    return swap(
        node(
            swap_total_bytes=total,
            swap_free_bytes=free,
            swap_out_pages_per_second=out,
            swap_in_pages_per_second=back,
            swappiness=swappiness,
        )
    )


@pytest.mark.parametrize(
    ("out", "back", "status", "reason"),
    [
        (200.0, 200.0, Status.TRUE, "SwapInAndOut"),
        (5000.0, 199.0, Status.FALSE, "SwappingOut"),
        (199.0, 5000.0, Status.FALSE, "SwappingIn"),
        (0.0, 0.0, Status.FALSE, "SwapUsedWithoutTraffic"),
    ],
)
def test_in_and_out_at_once_is_thrash_and_nothing_else_is(out: float, back: float, status: Status, reason: str) -> None:
    found = rates(out, back)
    assert (found.status, found.reason) == (status, reason)


def test_thrash_is_told_with_both_rates_and_what_not_to_do() -> None:
    assert rates(1200.0, 900.0).message == (
        "1200 pages/s out to swap, 900 pages/s back in, 3Gi of 4Gi swap used, vm.swappiness 60: what is swapped out is needed again"
        " at once (from 200 pages/s both ways on); the working set does not fit, so lower what runs here or add memory; raising"
        " limits makes it worse"
    )


def test_full_swap_without_traffic_is_named_as_healthy() -> None:
    assert "swap that is used without traffic is healthy" in rates(0.0, 3.0, free=0).message


def test_empty_swap_and_none_at_all() -> None:
    assert rates(0.0, 0.0, free=4 * GI).reason == "NoSwapTraffic"
    assert rates(None, None, total=0).reason == "NoSwap"


def test_a_swappiness_of_nothing_is_explained() -> None:
    assert "vm.swappiness 0 (swaps only to avoid an OOM)" in rates(0.0, 0.0, swappiness=0).message


def test_before_there_are_two_readings_it_is_unknown() -> None:
    for found in (rates(None, 10.0), rates(10.0, None), rates(1.0, 1.0, total=None), rates(float("nan"), 10.0)):
        assert found.status is Status.UNKNOWN


@pytest.mark.parametrize("hostile", [1e308, -1.0, float("nan")])
def test_a_rate_that_cannot_be_stays_readable(hostile: float) -> None:
    assert len(rates(hostile, hostile).message) < 400
