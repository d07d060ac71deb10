"""What the namespace allows: LimitRanges bound the numbers, an exhausted quota and an autoscaler are told."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, pod, spec
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, limit_of, seen, story, why

from oomsight_api.names import QosClass
from oomsight_operator.judgement.model import ContainerSpec
from oomsight_operator.judgement.recommend.context import Context
from oomsight_operator.judgement.recommend.namespace import NO_LIMIT_FITS, fitted, least_request
from oomsight_operator.judgement.recommend.request import AUTOSCALED
from oomsight_operator.judgement.recommend.state import NOTHING
from oomsight_operator.judgement.recommend.surroundings import LimitRule, ScaledBy, Surroundings


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


def test_limit_ranges_that_contradict_each_other_are_told_and_the_smaller_limit_stands() -> None:
    around = Surroundings(limit_rules=(LimitRule("floor", min_bytes=GI), LimitRule("cap", max_bytes=256 * MI)))
    found = asked(NOTHING, context(killed(), around=around))

    assert found is not None
    assert found.limit_bytes == 256 * MI
    assert "LimitRange floor demands 1Gi at least, yet LimitRange cap allows 256Mi at most: no limit fits both" in why(found)
    assert "unless max of LimitRange cap is raised" in why(found)
    assert NO_LIMIT_FITS in story(found)
    assert NO_LIMIT_FITS not in story(asked(NOTHING, context(killed(), around=Surroundings(limit_rules=(around.limit_rules[1],)))))


def beside(*others: ContainerSpec, **bounds: float) -> Context:
    """A killed container beside others, and a LimitRange of pods."""
    return context(
        killed(),
        around=Surroundings(limit_rules=(LimitRule("mem", of_pod=True, **bounds),)),  # type: ignore[arg-type]
        pod=pod(spec("app", request=256 * MI, limit=512 * MI), *others),
    )


def test_a_limit_range_of_pods_bounds_the_sum() -> None:
    proxy = spec("proxy", request=100 * MI, limit=200 * MI)

    assert limit_of(NOTHING, beside(proxy, max_bytes=800 * MI)) == 600 * MI
    assert limit_of(NOTHING, beside(proxy, max_bytes=840 * MI)) == 640 * MI
    assert limit_of(NOTHING, beside(proxy, min_bytes=GI)) == GI - 200 * MI
    assert limit_of(NOTHING, beside(max_bytes=600 * MI)) == 600 * MI


def test_init_containers_run_before_the_others_and_do_not_add_to_the_sum() -> None:
    setup = spec("setup", kind="init", request=300 * MI, limit=700 * MI)

    assert limit_of(NOTHING, beside(setup, max_bytes=800 * MI)) == 640 * MI


def test_other_containers_that_have_it_all_leave_no_room_and_that_is_said() -> None:
    found = asked(NOTHING, beside(spec("proxy", limit=GI), max_bytes=GI))

    assert found is not None
    assert found.limit_bytes == 640 * MI
    assert NO_LIMIT_FITS in story(found)
    assert "LimitRange mem allows 1Gi at most a pod, whose other containers have 1Gi: no limit of this container fits in" in why(
        found
    )


def test_of_a_pod_with_a_limit_of_its_own_the_sum_is_not_asked() -> None:
    now = replace(beside(spec("proxy", limit=GI), max_bytes=GI), pod_limit_bytes=GI)

    assert limit_of(NOTHING, now) == 640 * MI


def test_the_ratio_of_a_limit_range_of_pods_is_over_all_containers() -> None:
    found = asked(seen(100 * MI, 48), beside(spec("proxy", request=60 * MI, limit=160 * MI), max_ratio=2.0))

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (640 * MI, (640 + 160) // 2 * MI - 60 * MI)
    assert "allows a limit of 2 times the request at most, over all containers of a pod" in why(found)


def test_an_autoscaler_by_memory_is_told_and_the_request_left_alone() -> None:
    scaled = Surroundings(autoscalers=(ScaledBy("web"),))
    found = asked(seen(400 * MI, 48), context(killed(), around=scaled))
    guaranteed = asked(NOTHING, context(killed(), request=512 * MI, qos_class=QosClass.GUARANTEED, around=scaled))

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (640 * MI, 256 * MI)
    assert "HorizontalPodAutoscaler web scales by memory relative to the request" in why(found)
    assert guaranteed is not None
    assert guaranteed.request_bytes == 640 * MI
    told = "HorizontalPodAutoscaler web scales by memory relative to the request, which changes: expect another number of replicas"
    assert told in why(guaranteed)
    enough = asked(seen(480 * MI, 48), context(request=512 * MI, qos_class=QosClass.GUARANTEED, around=scaled), mode="Always")
    assert enough is not None
    assert (enough.request_bytes, "HorizontalPodAutoscaler" in why(enough)) == (512 * MI, False)


def test_where_the_limit_comes_down_to_the_request_that_the_replicas_change_is_told() -> None:
    scaled = Surroundings(autoscalers=(ScaledBy("web"),))
    found = asked(seen(100 * MI, 24 * 9), context(limit=512 * MI, request=256 * MI, around=scaled), mode="Always")

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (109 * MI, 109 * MI)
    assert found.request_steps[-1].rule == AUTOSCALED
    assert found.request_steps[-1].why.endswith("which changes: expect another number of replicas")


def test_a_request_that_a_ratio_asks_for_is_a_plain_number_and_the_sentence_plain_words() -> None:
    def by(ratio: float, limit: int) -> tuple[int, str]:
        return least_request(limit, context(around=Surroundings(limit_rules=(LimitRule("r", max_ratio=ratio),))))

    assert by(1.3, 400 * MI) == (308 * MI, "LimitRange r allows a limit of 1.3 times the request at most")
    assert by(1.0, 500_000_000) == (500_000_000, "LimitRange r allows no limit above the request")


AMOUNT = st.none() | st.integers(0, 1 << 40)


@given(
    st.integers(1, 1 << 40),
    st.lists(st.tuples(AMOUNT, AMOUNT, st.none() | st.floats(allow_nan=True)), max_size=4),
)
def test_whatever_the_ranges_say_the_largest_allowed_is_never_exceeded(
    limit: int, told: list[tuple[int | None, int | None, float | None]]
) -> None:
    around = Surroundings(limit_rules=tuple(LimitRule("x", least, most, ratio) for least, most, ratio in told))
    now = context(around=around)
    fit, _ = fitted(limit, now)

    assert all(most is None or most == 0 or fit <= most for _, most, _ in told)
    assert least_request(fit, now)[0] <= max(fit, *(least or 0 for least, _, _ in told), 0)
