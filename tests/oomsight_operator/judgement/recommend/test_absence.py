"""Why a container that was killed gets no limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, NOW, SECOND_RUN, end, pod, row, running, spec
from tests.oomsight_operator.judgement.build import judge as judged
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, seen
from tests.oomsight_operator.judgement.recommend.scenes import spec as policy

from oomsight_api.incident import OomScope
from oomsight_api.names import QosClass
from oomsight_operator.judgement.recommend.absence import why_no_limit
from oomsight_operator.judgement.recommend.context import Context
from oomsight_operator.judgement.recommend.state import NOTHING

BY_NODE, BY_POD = replace(killed(), scope=OomScope.NODE), replace(killed(), scope=OomScope.POD)
CASES: list[tuple[Context, dict[str, Any], str]] = [
    (context(killed()), {"mode": "Off"}, "the policy recommends nothing (recommendation.mode Off)"),
    (
        context(killed(None), limit=None, request=None, qos_class=QosClass.BEST_EFFORT),
        {},
        "the pod is BestEffort, and the policy keeps its QoS class (recommendation.targetQoS Keep)",
    ),
    (context(BY_NODE), {}, "the node ran out of memory, and no limit is to blame; then the request decides who goes first"),
    (context(replace(BY_NODE, scope=OomScope.CGROUP)), {}, "a cgroup above the pod reached its limit"),
    (context(BY_POD, pod_limit=100 * MI), {}, "the pod's own limit 100Mi (spec.resources) was reached"),
    (context(killed(None), limit=None, request=None), {}, "which limit killed it is not known"),
]


@pytest.mark.parametrize(("now", "rules", "why"), CASES, ids=[case[2][:25] for case in CASES])
def test_what_stands_in_the_way_is_told(now: Context, rules: dict[str, Any], why: str) -> None:
    found = asked(NOTHING, now, **rules)

    assert found is None or found.limit_bytes is None
    assert why_no_limit(NOTHING, now, policy(**rules)).startswith(why)


def test_it_is_told_of_killed_containers_alone_and_only_where_none_is_recommended() -> None:
    calm, _ = judged(pod(spec(limit=100 * MI)), {"app": row()})

    assert calm.containers[0].no_limit_because == ""


@given(
    scope=st.sampled_from([None, *OomScope]),
    limit=st.sampled_from([None, 100 * MI]),
    mode=st.sampled_from(["Off", "OnOOMKill", "Always"]),
    target=st.sampled_from(["Keep", "Burstable", "Guaranteed"]),
    qos_class=st.sampled_from(list(QosClass)),
    hours=st.sampled_from([0, 30]),
)
def test_a_killed_container_gets_a_limit_or_a_reason(
    scope: OomScope | None, limit: int | None, mode: str, target: str, qos_class: QosClass, hours: int
) -> None:
    state = seen(50 * MI, hours) if hours else NOTHING
    now = context(replace(killed(limit), scope=scope), limit=limit, qos_class=qos_class)
    found = asked(state, now, mode=mode, targetQoS=target)

    if found is None or found.limit_bytes is None:
        assert why_no_limit(state, now, policy(mode=mode, targetQoS=target)) != "there is not enough evidence yet"


def test_an_ephemeral_container_that_was_killed_cannot_be_given_a_limit() -> None:
    status = running("debug", run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60))
    told, _ = judged(pod(spec("debug", kind="ephemeral"), statuses=(status,)), {"debug": row(SECOND_RUN)})

    assert told.containers[0].recommendation is None
    assert told.containers[0].no_limit_because == "an ephemeral container can be given none"
