"""What the namespace allows: LimitRanges bound the numbers, an exhausted quota and an autoscaler are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, limit_of, seen, story, why

from oomsight_api.names import QosClass
from oomsight_operator.judgement.recommend.namespace import fitted, least_request
from oomsight_operator.judgement.recommend.state import NOTHING
from oomsight_operator.judgement.recommend.surroundings import LimitRule, QuotaRule, Surroundings


def ranged(**bounds: float) -> Surroundings:
    return Surroundings(limit_rules=(LimitRule("mem", **bounds),))  # type: ignore[arg-type]


def test_a_limit_range_bounds_the_limit_and_what_comes_of_it_is_said() -> None:
    found = asked(NOTHING, context(killed(), around=ranged(max_bytes=512 * MI)))

    assert found is not None
    assert found.limit_bytes == 512 * MI
    assert "LimitRange mem allows 512Mi at most" in why(found)
    assert "killed at limit 512Mi and will be again, unless max of LimitRange mem is raised" in why(found)
    assert limit_of(seen(30 * MI, 48), context(limit=GI, around=ranged(min_bytes=256 * MI)), mode="Always") == 256 * MI


def test_a_request_is_no_smaller_than_ratio_and_least_of_a_limit_range_allow() -> None:
    by_ratio = asked(seen(100 * MI, 48), context(killed(), request=64 * MI, around=ranged(max_ratio=2.0)))
    by_least = asked(seen(100 * MI, 48), context(killed(), request=64 * MI, around=ranged(min_bytes=200 * MI)))

    assert by_ratio is not None
    assert (by_ratio.limit_bytes, by_ratio.request_bytes) == (640 * MI, 320 * MI)
    assert "LimitRange mem allows a limit of 2 times the request at most" in why(by_ratio)
    assert by_least is not None
    assert by_least.request_bytes == 200 * MI


def test_an_exhausted_quota_is_told_and_the_need_stays_what_it_is() -> None:
    exhausted = Surroundings(quotas=(QuotaRule("team", limits_left_bytes=64 * MI, requests_left_bytes=0),))
    found = asked(seen(400 * MI, 48), context(killed(), around=exhausted))

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (640 * MI, 400 * MI)
    assert "ResourceQuota team leaves 64Mi of limits.memory, and each replica needs 128Mi more: raise the quota first" in why(found)
    assert "ResourceQuota team leaves 0 of requests.memory, and each replica needs 144Mi more" in why(found)


def test_a_quota_with_room_or_of_unknown_use_says_nothing() -> None:
    roomy = Surroundings(quotas=(QuotaRule("team", 128 * MI, 144 * MI), QuotaRule("other")))

    assert "Quota" not in story(asked(seen(400 * MI, 48), context(killed(), around=roomy)))


def test_an_autoscaler_by_memory_is_told_and_the_request_left_alone() -> None:
    scaled = Surroundings(autoscaler="web")
    found = asked(seen(400 * MI, 48), context(killed(), around=scaled))
    guaranteed = asked(NOTHING, context(killed(), request=512 * MI, qos_class=QosClass.GUARANTEED, around=scaled))

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (640 * MI, 256 * MI)
    assert "HorizontalPodAutoscaler web scales by memory relative to the request" in why(found)
    assert guaranteed is not None
    assert guaranteed.request_bytes == 640 * MI
    assert "HorizontalPodAutoscaler web scales by memory relative to it: expect another number of replicas" in why(guaranteed)


AMOUNT = st.none() | st.integers(0, 1 << 40)


@given(
    st.integers(1, 1 << 40),
    st.lists(st.tuples(AMOUNT, AMOUNT, st.none() | st.floats(allow_nan=True)), max_size=4),
)
def test_whatever_the_ranges_say_the_largest_allowed_is_never_exceeded(
    limit: int, told: list[tuple[int | None, int | None, float | None]]
) -> None:
    around = Surroundings(limit_rules=tuple(LimitRule("x", least, most, ratio) for least, most, ratio in told))
    fit, _ = fitted(limit, around)

    assert all(most is None or fit <= most for _, most, _ in told)
    assert least_request(fit, around)[0] <= max(fit, *(least or 0 for least, _, _ in told), 0)
