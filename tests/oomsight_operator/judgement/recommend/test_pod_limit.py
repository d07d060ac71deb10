"""A kill by the pod's own limit: that is what to raise, in every mode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, NOW, ROOMY, memory, pod, policy, row, spec
from tests.oomsight_operator.judgement.recommend.scenes import DAY, context, killed, seen

from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import NodeContext, PodHistory, Telemetry
from oomsight_operator.judgement.recommend.pod_limit import killed_by_pod
from oomsight_operator.judgement.recommend.state import NOTHING
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.publishing.summary import summary_lines

WEEK = 24.0 * 7
AROUND = Surroundings({"app": seen(300 * MI, WEEK), "proxy": seen(250 * MI, WEEK)})


def by_pod(limit: int | None = None, **more: Any) -> Kill:
    return replace(killed(limit, **more), scope=OomScope.POD)


@pytest.mark.parametrize("mode", ["OnOOMKill", "Always"])
def test_it_is_told_in_every_mode_with_the_pods_limit_and_what_its_containers_need(mode: str) -> None:
    of = pod(spec(request=MI, limit=400 * MI), spec("proxy", request=MI, limit=400 * MI), pod_memory_limit_bytes=512 * MI)
    victim = Victim(pod_uid="uid-1", container_id=FIRST_RUN, is_container_init=True)
    oom = Incident(
        id="boot-1", time_seconds=NOW - 5, evidence=Evidence.KERNEL_LOG, scope=OomScope.POD, victims=(victim,), victim_count=1
    )
    told = Telemetry(NOW, 1.0, {"app": row(uses=memory(300 * MI, 400 * MI))}, incidents=(oom,))
    under = policy(recommendation={"mode": mode})
    found = assess_pod(of, told, NodeContext("node-1", ROOMY), under, PodHistory(), NOW, AROUND)[0]
    lines = summary_lines(of, found)

    assert (
        "the pod's own limit 512Mi (spec.resources) was reached, and a higher one of the container would change nothing: raise that"
        " to 640Mi (by what was seen its containers need 597Mi together)"
    ) in " ".join(line.strip() for line in lines)
    assert "--limits" not in lines[-1]


def test_what_the_containers_need_may_be_more_than_the_kills_say() -> None:
    of = pod(spec(), spec("proxy"))
    now = context(by_pod(), limit=None, pod_limit=256 * MI, pod=of, around=AROUND)

    assert "raise that to 600Mi (by what was seen its containers need 597Mi together)" in killed_by_pod(AROUND.learned["app"], now)


def test_without_a_sample_the_kills_alone_say_how_much() -> None:
    twice = context(by_pod(at=NOW - 600), by_pod(), limit=None, pod_limit=256 * MI, pod=pod(spec()))

    assert killed_by_pod(NOTHING, twice).endswith("would change nothing: raise that to 384Mi")


@pytest.mark.parametrize(
    ("kill", "pod_limit"),
    [
        pytest.param(by_pod(512 * MI), 512 * MI, id="both-limits-are-equal-and-to-blame"),
        pytest.param(by_pod(), None, id="the-pods-limit-is-the-sum-of-its-containers"),
        pytest.param(killed(512 * MI), GI, id="the-containers-own"),
        pytest.param(by_pod(at=NOW - 40 * DAY), GI, id="long-ago"),
    ],
)
def test_nothing_is_said_where_the_pods_limit_is_not_what_is_to_be_raised(kill: Kill, pod_limit: int | None) -> None:
    assert killed_by_pod(AROUND.learned["app"], context(kill, pod_limit=pod_limit, pod=pod(spec()), around=AROUND)) == ""
