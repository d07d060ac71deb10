"""NoBurstRoom: equal limit and request are a mistake only where bursts end at the limit."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.advice.build import context, mean
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, memory, spec

from oomsight_api.names import Cause, RiskLevel, RiskReason
from oomsight_operator.judgement.advice.no_burst_room import no_burst_room
from oomsight_operator.judgement.kills.model import Kill, KillCause, KillSource
from oomsight_operator.judgement.usual import Mean

EQUAL = spec(request=512 * MI, limit=512 * MI)


def advised(usual: int = 180, peak: int | None = 490, watched: float = 7200.0, of: Any = EQUAL, **more: Any) -> str | None:
    peak_bytes = peak * MI if peak is not None else None
    uses = memory(usual * MI, 512 * MI)
    means = {"unreclaimable_bytes": mean(usual * MI, watched)}
    return no_burst_room(context(of, uses, usual=means, peak_unreclaimable_bytes=peak_bytes, watched_seconds=3 * 86400.0, **more))


def killed_by(cause: Cause) -> Kill:
    return Kill(NOW - 9e5, "app", FIRST_RUN, KillSource.STATUS, 512 * MI, exit_code=137, cause=KillCause(cause, "why"))


def test_bursts_that_end_at_the_limit() -> None:
    assert advised() == (
        "container app: limit and request are both 512Mi; it usually holds 180Mi unreclaimable (mean of about an hour), but up to"
        " 490Mi (95 % of the limit) in the 3 days watched. Give the limit room above the peak; the request may stay at what is"
        " usual, or rise with it to stay Guaranteed"
    )


def test_guaranteed_by_choice_is_fine_while_bursts_have_room() -> None:
    assert advised(peak=400) is None


def test_steady_use_near_the_limit_is_no_burst() -> None:
    assert advised(usual=470) is None


def test_a_request_below_the_limit_leaves_room() -> None:
    assert advised(of=spec(request=256 * MI, limit=512 * MI)) is None


def test_an_hour_must_have_been_watched_to_know_what_is_usual() -> None:
    assert advised(watched=3599.0) is None


def test_growth_is_no_burst() -> None:
    assert advised(raised={RiskReason.LEAK_SUSPECTED: RiskLevel.MEDIUM}) is None
    assert advised(kills=(killed_by(Cause.LEAK),)) is None


def test_a_burst_that_was_killed_reached_the_limit_though_no_sample_saw_it() -> None:
    told = advised(peak=200, kills=(killed_by(Cause.BURST),))

    assert told is not None
    assert "but up to 512Mi (100 % of the limit)" in told


def test_once_advised_it_does_not_tremble() -> None:
    assert advised(usual=340) is None
    assert advised(usual=340, given=("NoBurstRoom",)) is not None
    assert advised(usual=380, given=("NoBurstRoom",)) is None


def test_a_step_up_that_has_not_come_back_is_no_burst() -> None:
    after_step = Mean(200.0 * MI, 470.0 * MI, 0.0, 7200.0)
    of = {"peak_unreclaimable_bytes": 490 * MI, "usual": {"unreclaimable_bytes": after_step}}

    assert no_burst_room(context(EQUAL, memory(470 * MI, 512 * MI), **of)) is None
    assert no_burst_room(context(EQUAL, memory(470 * MI, 512 * MI), given=("NoBurstRoom",), **of)) is not None


def test_unknown_is_not_judged() -> None:
    assert advised(peak=None) is None
    assert no_burst_room(context(EQUAL, memory(180 * MI, 512 * MI), peak_unreclaimable_bytes=500 * MI)) is None
