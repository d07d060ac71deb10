"""No limit is recommended in which the runtime cannot start the container."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import MI
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, limit_of, seen, story, why

TINY = seen(1 * MI, 24 * 9)


@pytest.mark.parametrize(
    ("today_mi", "recommended_mi", "words"),
    [
        pytest.param(None, 12, "no less than 12Mi", id="none-is-set-below"),
        pytest.param(64, 12, "not lowered below 12Mi", id="lowered-no-further"),
        pytest.param(12, 12, "not below today's limit 12Mi", id="stays"),
        pytest.param(6, 6, "not below today's limit 6Mi", id="a-lower-one-that-works-stays"),
    ],
)
def test_a_container_of_one_mebibyte_keeps_a_limit_that_it_starts_in(today_mi: int | None, recommended_mi: int, words: str) -> None:
    limit = today_mi * MI if today_mi is not None else None
    found = asked(TINY, context(limit=limit, request=MI), mode="Always")

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (recommended_mi * MI, MI)
    assert f"{words}: runc needs up to 10Mi to start a container, and CRI-O refuses less than 12Mi" in why(found)


def test_what_a_kill_asks_for_and_what_the_policy_caps_is_not_touched() -> None:
    assert limit_of(TINY, context(killed(4 * MI), limit=4 * MI)) == 20 * MI
    assert limit_of(TINY, context(limit=64 * MI), mode="Always", maxLimit="8Mi") == 8 * MI
    assert "Startable" not in story(asked(seen(100 * MI, 24 * 9), context(limit=None), mode="Always"))
