"""CacheNotSized: refaults that last, at a limit."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.advice.build import context, mean
from tests.oomsight_operator.judgement.build import MI, memory, spec

from oomsight_operator.judgement.advice.cache_not_sized import cache_not_sized

AT_LIMIT = memory(8 * MI, 48 * MI, usage=48 * MI)


def advised(pages: float, watched: float = 720.0, **more: Any) -> str | None:
    usual = {"refaults_per_second": mean(pages, watched)}
    return cache_not_sized(context(spec("engine", limit=48 * MI), AT_LIMIT, usual=usual, **more))


def test_files_that_do_not_fit() -> None:
    assert advised(9800.4) == (
        "container engine: 9800 pages of page cache a second (38.3Mi) were dropped at its limit 48Mi and read again (mean over 12"
        " min): the files that it works on do not fit. No kill comes of that, only reading. If reads matter, raise the limit;"
        " recommendation.pageCache Working and mode Always recommend by how much, step by step"
    )


def test_a_short_storm_or_a_trickle_is_no_habit() -> None:
    assert advised(9800.0, watched=599.0) is None
    assert advised(199.0) is None
    assert cache_not_sized(context(spec(limit=48 * MI), AT_LIMIT)) is None


def test_how_much_is_much_is_the_policys() -> None:
    assert advised(150.0, risk={"cacheThrashing": {"lowPagesPerSecond": 100}}) is not None


def test_once_advised_it_does_not_tremble() -> None:
    assert advised(101.0, given=("CacheNotSized",)) is not None
    assert advised(99.0, given=("CacheNotSized",)) is None
