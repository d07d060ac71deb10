"""The whole chain, from samples and kills over policy, namespace and node to the numbers: what must hold whatever comes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, NOW, pod
from tests.oomsight_operator.judgement.build import spec as container
from tests.oomsight_operator.judgement.recommend.scenes import context, killed, spec

from oomsight_api.names import QosClass
from oomsight_api.policy import TargetQos
from oomsight_operator.judgement.model import Recommendation, RecommendationStep
from oomsight_operator.judgement.recommend.bounds import floor_bytes
from oomsight_operator.judgement.recommend.context import blamed
from oomsight_operator.judgement.recommend.not_enough import NOT_ENOUGH
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, State, observe, on_oom
from oomsight_operator.judgement.recommend.surroundings import LimitRule, QuotaRule, QuotaScope, Rollout, ScaledBy, Surroundings
from oomsight_operator.judgement.recommend.whole_pod import followed, together

AMOUNT = st.integers(1, 64 * GI)
MAYBE = st.none() | AMOUNT
HELD = MAYBE | st.just(0)
SAMPLES = st.lists(st.tuples(st.integers(0, 20 * 24), HELD, HELD, HELD), max_size=30)
"""Hours ago, unreclaimable, working set, usage."""
KILLS = st.lists(st.tuples(st.integers(0, 40 * 24), AMOUNT), max_size=5)
RULES = st.lists(
    st.builds(LimitRule, st.just("mem"), MAYBE, MAYBE, st.none() | st.floats(1, 8), st.booleans()),
    max_size=3,
)
QUOTAS = st.lists(
    st.builds(QuotaRule, st.just("team"), MAYBE, MAYBE, st.sampled_from([(), (QuotaScope("NotBestEffort"),)])), max_size=2
)
AROUND = st.builds(
    Surroundings,
    largest_node_bytes=MAYBE,
    limit_rules=RULES.map(tuple),
    quotas=QUOTAS.map(tuple),
    autoscalers=st.sampled_from([(), (ScaledBy("web"),)]),
    rollout=st.builds(Rollout, st.integers(1, 100), st.integers(0, 25)),
)
POLICY = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["OnOOMKill", "Always"]),
        "targetQoS": st.sampled_from(["Keep", "Guaranteed", "Burstable"]),
        "pageCache": st.sampled_from(["Exclude", "Working", "Include"]),
        "headroomPercent": st.integers(0, 200),
    },
    optional={"maxLimit": st.sampled_from(["64Mi", "1Gi", "100Gi"]), "minLimit": st.sampled_from(["16Mi", "64Mi"])},
)


def learned(samples: list[tuple[int, int | None, int | None, int | None]], kills: list[tuple[int, int]]) -> State:
    state = NOTHING
    for hours, unreclaimable, working_set, usage in sorted(samples, key=lambda sample: -sample[0]):
        state = observe(state, Sample(NOW - hours * 3600, usage, working_set, unreclaimable))
    deaths = [
        killed(limit, at=NOW - hours * 3600, run=f"{index:064x}")
        for index, (hours, limit) in enumerate(sorted(kills, reverse=True))
    ]
    return on_oom(state, blamed(deaths, None))


def bounded(found: Recommendation) -> bool:
    """Something that somebody set, or the nodes, had the last word, and what comes of it is said."""
    return any(step.rule == NOT_ENOUGH for step in found.limit_steps)


def add_up(steps: tuple[RecommendationStep, ...], result: int | None) -> bool:
    """Each begins where the one before ended, and the last one is the number."""
    chained = all(one.after_bytes == other.before_bytes for one, other in pairwise(steps))
    return chained and (steps[-1].after_bytes if steps else None) == result


@settings(max_examples=300)
@given(
    samples=SAMPLES,
    kills=KILLS,
    current=st.tuples(MAYBE, MAYBE),
    others=st.lists(st.tuples(st.sampled_from(["app", "init", "sidecar"]), MAYBE), max_size=2),
    around=AROUND,
    rules=POLICY,
    qos_class=st.sampled_from([QosClass.BURSTABLE, QosClass.GUARANTEED]),
)
def test_no_recommendation_is_below_what_is_proven_to_be_needed_unless_it_says_so(
    samples: list[tuple[int, int | None, int | None, int | None]],
    kills: list[tuple[int, int]],
    current: tuple[int | None, int | None],
    others: list[tuple[str, int | None]],
    around: Surroundings,
    rules: dict[str, Any],
    qos_class: QosClass,
) -> None:
    limit, request = current
    if limit is not None and request is not None:
        limit, request = max(limit, request), min(limit, request)
    state, policy = learned(samples, kills), spec(**rules)
    own = container(limit=limit, request=request)
    of = pod(*(container(f"c{index}", kind=kind, limit=amount) for index, (kind, amount) in enumerate(others)), own)
    now = context(limit=limit, request=request, qos_class=qos_class, around=around, pod=of)
    found = recommend(state, now, policy)[1]
    if found is None:
        return

    check(found, state, now.limit_bytes, now.request_bytes)
    assert not bounded(found) or policy.max_limit_bytes or around.largest_node_bytes or around.limit_rules
    shaped = together({"app": found}, of, followed(of, found), around, TargetQos(policy.target_qos), 64 * GI)["app"]
    assert (shaped.limit_bytes, shaped.request_bytes) == (found.limit_bytes, found.request_bytes)
    check(shaped, state, now.limit_bytes, now.request_bytes)


def check(found: Recommendation, state: State, limit: int | None, request: int | None) -> None:
    assert add_up(found.limit_steps, found.limit_bytes)
    assert add_up(found.request_steps, found.request_bytes)
    for step in (*found.limit_steps, *found.request_steps):
        assert step.rule
        assert step.why
        assert step.why.isascii()
        assert step.why.isprintable()
    assert found.limit_bytes != 0, "to Kubernetes a limit of 0 is none"
    if found.limit_bytes is not None:
        needed = state.unreclaimable or state.working_set or state.usage
        held = needed.peak_bytes if needed is not None else 0
        asked = floor_bytes(state.floor, NOW) if state.floor is not None else None
        killing = state.floor.killing_limit_bytes if state.floor is not None and asked is not None else -1
        assert bounded(found) or (found.limit_bytes >= held and found.limit_bytes > killing)
    standing_limit = found.limit_bytes if found.limit_bytes is not None else limit
    if found.request_bytes is not None and standing_limit is not None:
        assert found.request_bytes <= standing_limit
    if found.limit_bytes is not None and found.request_bytes is None and request is not None:
        assert request <= found.limit_bytes, "the request that stays fits below the limit that is recommended"
