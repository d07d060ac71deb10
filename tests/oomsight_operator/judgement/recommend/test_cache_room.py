"""The room for page cache as each `pageCache` has it, from judgement to judgement, with the words that are read."""

from __future__ import annotations

from functools import partial

import pytest
from tests.oomsight_operator.judgement.build import GI, MI, memory, row
from tests.oomsight_operator.judgement.recommend.cached import OWN, PAGES, Followed, never_active, reader, untold, writer

FITS_AT_88 = partial(reader, 80 * MI)
NEVER_ACTIVE = partial(never_active, 80 * MI)
HUGE = partial(reader, 8 * GI)


def under(page_cache: str, **more: object) -> Followed:
    return Followed(policy={"mode": "Always", "pageCache": page_cache}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("page_cache", ["Working", "Include"])
def test_a_file_twice_the_cache_gets_a_higher_limit_until_it_fits_and_no_more(page_cache: str) -> None:
    one = under(page_cache).live(5, FITS_AT_88)

    assert one.limits == [68, 98]
    one.live(12, FITS_AT_88)
    assert one.limits == [68, 98]


def test_what_fits_stays_also_where_no_page_of_it_is_ever_active() -> None:
    """Without that the room would be forgotten after some weeks, and the reader would begin to wait anew."""
    one = under("Working").live(45, NEVER_ACTIVE)

    assert one.limits == [68, 98]
    assert "room for 88Mi of page cache" in one.cache_words


def test_a_cache_that_was_enough_comes_back_at_once_when_less_turned_out_to_be_too_little() -> None:
    """A working set without active pages says nothing of it, so the limit is lowered: that is a trial, and what fitted is known."""
    one = under("Working", limit=256 * MI).live(4, NEVER_ACTIVE)

    assert one.limits == [256, 12, 96]
    assert one.live(4, NEVER_ACTIVE).restarted().live(4, NEVER_ACTIVE).limits == [256, 12, 96]


def test_the_room_goes_when_what_stands_in_it_is_dropped_and_not_missed() -> None:
    one = under("Working").live(4, NEVER_ACTIVE)

    assert one.live(40, writer).limits[:2] == [68, 98]
    assert one.limits[-1] == 12


def test_the_step_says_what_was_read_again_with_how_much_cache_and_over_what_time() -> None:
    one = under("Working", follows=False).live(0.2, FITS_AT_88)
    step = one.cache_step

    assert step is not None
    assert step.why == (
        "room for 60Mi of page cache beside 8Mi that cannot be reclaimed: with 40Mi of it 38.1Mi a second were dropped at the limit"
        " and read again (highest mean of an hour); at most 50 % more at once, then a day shows whether it helps"
    )
    assert step.after_bytes == 68 * MI
    raised = under("Working").live(0.5, FITS_AT_88)
    assert raised.cache_words == (
        "room for 60Mi of page cache beside 8Mi that cannot be reclaimed: with 60Mi of it 38.1Mi a second were dropped at the limit"
        " and read again (highest mean of an hour); 38.1Mi with 40Mi: more is asked for when a day with it did not help"
    )


def test_a_limit_that_nobody_raises_is_asked_for_once_and_grows_no_further() -> None:
    assert under("Working", follows=False).live(6, FITS_AT_88).limits == [68]


def test_what_was_asked_for_stays_when_the_reader_pauses() -> None:
    one = under("Working", follows=False).live(1, FITS_AT_88).live(3.5, writer)

    assert one.limits == [68]
    assert "last seen 3 days ago" in one.cache_words


def test_a_stream_through_a_huge_file_is_bounded_taken_back_and_said() -> None:
    one = under("Working").live(7, HUGE)

    assert one.limits == [68, 98, 48]
    assert one.cache_words == (
        "room for 40Mi of page cache beside 8Mi that cannot be reclaimed, as before; more page cache does not help: 38.1Mi a second"
        " are read again with 90Mi of it, 38.1Mi with 40Mi (highest means of an hour), so it reads through more than that; no more"
        " is asked for, tried again after 28 days"
    )


def test_a_restarted_operator_neither_asks_twice_nor_forgets_what_did_not_help() -> None:
    one = under("Working").live(0.5, HUGE).restarted()

    assert one.live(6, HUGE).limits == [68, 98, 48]
    assert one.restarted().live(1, HUGE).limits == [68, 98, 48]
    assert "more page cache does not help" in one.cache_words


def test_a_cache_that_merely_fills_gets_no_room_unless_all_is_to_stay() -> None:
    """Today's limit 48Mi is full of a log that nobody reads: what cannot be reclaimed, and room, is enough."""
    assert under("Working").live(3, writer).limits == [48, 12]
    assert under("Include").live(3, writer).limits == [48]


def test_with_include_all_that_was_seen_stays_also_where_more_does_not_help() -> None:
    one = under("Include").live(7, HUGE)

    assert one.limits == [68, 98]
    assert "highest usage 98Mi" in one.cache_words
    assert "more page cache does not help" in one.cache_words


def test_exclude_adds_nothing_and_says_what_the_policy_could_ask_for() -> None:
    one = under("Exclude", follows=False).live(2, FITS_AT_88)

    assert one.limits == [48, 12]
    assert one.cache_step is not None
    assert one.cache_step.before_bytes == one.cache_step.after_bytes
    assert one.cache_words == (
        "no room for page cache (pageCache: Exclude): with 40Mi of it 38.1Mi a second were dropped at the limit and read again"
        " (highest mean of an hour); if these reads matter, pageCache: Working would leave room for 60Mi"
    )
    assert under("Exclude").live(2, writer).cache_step is None


def test_refaults_that_a_kernel_does_not_tell_are_unknown_and_the_working_set_counts() -> None:
    one = under("Working").live(1, lambda limit: untold(memory(OWN, limit, usage=limit, working_set=30 * MI)))

    assert one.cache_words == (
        "room for page cache as the policy asks: highest working set 30Mi in 24 hours; whether its page cache is enough is unknown:"
        " this kernel does not tell refaults (4.20 and later do)"
    )
    one.live(0.1, lambda limit: row(uses=memory(OWN, limit, usage=limit, working_set=30 * MI), refaults_per_second=0.0))
    assert "unknown" not in one.cache_words


def test_an_agent_that_started_a_moment_ago_has_no_rates_yet_which_is_not_unknown() -> None:
    one = under("Working").live(1, lambda limit: row(uses=memory(OWN, limit, usage=limit, working_set=30 * MI)))

    assert "unknown" not in one.cache_words


def test_a_trickle_or_half_an_hour_asks_for_nothing() -> None:
    def trickle(limit: int) -> object:
        return row(uses=memory(OWN, limit, usage=limit, working_set=OWN + MI), refaults_per_second=150.0)

    assert under("Working").live(2, trickle).limits == [48, 12]
    assert under("Working", follows=False).live(2, writer).live(0.02, FITS_AT_88).limits == [48, 12]


def test_refaults_below_the_limit_are_the_nodes_doing() -> None:
    def squeezed(limit: int) -> object:
        return row(uses=memory(OWN, 256 * MI, usage=100 * MI, working_set=OWN + MI), refaults_per_second=PAGES)

    assert under("Working", limit=256 * MI).live(2, squeezed).limits == [256, 12]


def test_a_pod_level_limit_that_pushes_the_cache_out_raises_no_containers_limit() -> None:
    one = under("Working", follows=False).live(1, FITS_AT_88, pod_limit=48 * MI)

    assert one.learned["app"].cache is None


def test_without_knowing_what_cannot_be_reclaimed_nothing_is_asked_for() -> None:
    one = under("Working").live(0.5, lambda limit: row(uses=memory(None, limit, usage=limit), refaults_per_second=PAGES))

    assert one.learned["app"].cache is None


def test_max_limit_of_the_policy_holds() -> None:
    capped = Followed(policy={"mode": "Always", "pageCache": "Working", "maxLimit": "60Mi"})

    assert capped.live(5, FITS_AT_88).limits == [60]
