"""What the recommendations for a pod's containers make of the pod, and what would refuse them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import (
    GI,
    MI,
    NOW,
    ROOMY,
    SECOND_RUN,
    end,
    memory,
    pod,
    policy,
    row,
    running,
    spec,
)

from oomsight_api.names import QosClass
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerSpec,
    NodeContext,
    Pod,
    PodHistory,
    Recommendation,
    Shape,
    Telemetry,
)
from oomsight_operator.judgement.recommend.surroundings import (
    NOWHERE,
    LimitRule,
    QuotaRule,
    Rollout,
    ScaledBy,
    Surroundings,
)
from oomsight_operator.publishing.summary import next_command, summary_lines


def killed(*containers: ContainerSpec, names: tuple[str, ...] = ("app",), **more: Any) -> Pod:
    """A pod in which the named containers were killed at their limits a minute ago."""
    statuses = tuple(
        running(each.name, run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60))
        if each.name in names
        else running(each.name)
        for each in containers
    )
    return pod(*containers, statuses=statuses, **more)


def judged(of: Pod, around: Surroundings = NOWHERE, node: NodeContext | None = None, **recommendation: Any) -> Assessment:
    rows = {each.name: row(uses=memory(40 * MI, each.memory_limit_bytes, working_set=40 * MI)) for each in of.containers}
    told = Telemetry(NOW, 1.0, rows)
    context = node if node is not None else NodeContext("node-1", ROOMY)
    return assess_pod(of, told, context, policy(recommendation=recommendation), PodHistory(), NOW, around)[0]


def recommended(found: Assessment, name: str = "app") -> Recommendation:
    one = next(each.recommendation for each in found.containers if each.name == name)
    assert one is not None
    return one


def shape_of(found: Assessment, name: str = "app") -> Shape:
    shape = recommended(found, name).shape
    assert shape is not None
    return shape


def text(of: Pod, found: Assessment) -> str:
    return " ".join(line.strip() for line in summary_lines(of, found))


def why(found: Assessment, name: str = "app") -> str:
    one = recommended(found, name)
    return "; ".join(step.why for step in (*one.limit_steps, *one.request_steps))


def test_a_larger_request_makes_the_kernel_spare_it_longer_and_that_is_told() -> None:
    of = killed(spec(request=16 * MI, limit=128 * MI))
    small = NodeContext("node-1", NodeMemory(total_bytes=GI))
    found = judged(of, node=small)
    shape = shape_of(found)

    assert (shape.oom_score_adj_before, shape.oom_score_adj_after) == (985, 961)
    assert "oom_score_adj 985 -> 961" in text(of, found)


def test_what_stays_is_not_told_and_a_node_of_unknown_size_gives_no_score() -> None:
    of = killed(spec(request=4 * GI, limit=8 * GI))
    kept, unknown = judged(of), judged(of, node=NodeContext("node-1"))

    assert shape_of(kept).oom_score_adj_before == shape_of(kept).oom_score_adj_after
    assert "oom_score_adj" not in text(of, kept).partition("Recommended for")[2]
    assert (shape_of(unknown).oom_score_adj_before, shape_of(unknown).oom_score_adj_after) == (None, None)


def test_becoming_guaranteed_is_told() -> None:
    of = killed(spec(request=64 * MI, limit=512 * MI, cpu=(100, 100)))
    found = judged(of, targetQoS="Guaranteed")
    shape = shape_of(found)

    assert (shape.qos_class_before, shape.qos_class_after) == (QosClass.BURSTABLE, QosClass.GUARANTEED)
    assert shape.oom_score_adj_after == -997
    assert "QoS class Burstable -> Guaranteed, oom_score_adj 997 -> -997" in text(of, found)


def test_a_pod_is_guaranteed_only_when_all_containers_are_and_which_lack_what_is_told() -> None:
    """One container of three gets a recommendation."""
    of = killed(
        spec("setup", kind="init", request=32 * MI, limit=32 * MI, cpu=(100, 100)),
        spec(request=64 * MI, limit=512 * MI, cpu=(100, 200)),
        spec("proxy", request=64 * MI, limit=128 * MI, cpu=(None, 100)),
    )
    found = judged(of, targetQoS="Guaranteed")

    assert [each.name for each in found.containers if each.recommendation is not None] == ["app"]
    assert recommended(found).request_bytes == recommended(found).limit_bytes
    assert shape_of(found).qos_class_after is QosClass.BURSTABLE
    assert "still to be set for cpu of app and memory of proxy" in why(found)


def test_containers_that_are_recommended_for_together_make_the_pod_guaranteed_together() -> None:
    containers = (spec(request=64 * MI, limit=128 * MI, cpu=(1, 1)), spec("proxy", request=64 * MI, limit=128 * MI, cpu=(1, 1)))
    found = judged(killed(*containers, names=("app", "proxy")), targetQoS="Guaranteed")

    assert {shape_of(found, name).qos_class_after for name in ("app", "proxy")} == {QosClass.GUARANTEED}
    assert "still to be set" not in why(found)


def test_a_best_effort_pod_that_gets_a_request_is_told_its_new_class_and_score() -> None:
    of = killed(spec())
    seen = Telemetry(NOW, 1.0, {"app": row(uses=memory(100 * MI, working_set=100 * MI))})
    asks = policy(recommendation={"targetQoS": "Burstable"})
    found, _ = assess_pod(of, seen, NodeContext("node-1", ROOMY), asks, PodHistory(), NOW)
    shape = shape_of(found)

    assert (shape.qos_class_before, shape.qos_class_after) == (QosClass.BEST_EFFORT, QosClass.BURSTABLE)
    assert (shape.oom_score_adj_before, shape.oom_score_adj_after) == (1000, 994)
    assert "QoS class BestEffort -> Burstable, oom_score_adj 1000 -> 994" in text(of, found)


@pytest.mark.parametrize("kind", ["init", "app"])
def test_scores_of_init_and_app_containers_follow_their_own_request(kind: str) -> None:
    of = killed(spec("it", kind=kind, request=256 * MI, limit=512 * MI), spec("other", request=2 * GI, limit=2 * GI), names=("it",))
    found = judged(of, targetQoS="Guaranteed")
    shape = shape_of(found, "it")

    assert (shape.oom_score_adj_before, shape.oom_score_adj_after) == (985, 961)


def test_a_sidecar_is_no_likelier_to_die_than_the_smallest_app_before_and_after() -> None:
    """The kubelet lifts it to the app's score."""
    of = killed(spec("proxy", kind="sidecar", request=64 * MI, limit=64 * MI), spec(request=2 * GI, limit=4 * GI), names=("proxy",))
    shape = shape_of(judged(of), "proxy")

    assert shape.oom_score_adj_before == shape.oom_score_adj_after == 875


EXHAUSTED = (QuotaRule("team", limits_left_bytes=64 * MI, requests_left_bytes=0),)


def test_an_exhausted_quota_is_told_the_need_stays_what_it_is_and_no_command_leads_into_a_refusal() -> None:
    of = replace(killed(spec(request=16 * MI, limit=512 * MI)), owner=None)
    free, found = judged(of), judged(of, Surroundings(quotas=EXHAUSTED, rollout=Rollout(3)))

    assert recommended(found).limit_bytes == recommended(free).limit_bytes == 640 * MI
    assert "ResourceQuota team leaves 64Mi of limits.memory, and each of 3 replicas needs 128Mi more, 384Mi in all" in why(found)
    assert "ResourceQuota team leaves 0 of requests.memory, and each of 3 replicas needs 24Mi more, 72Mi in all" in why(found)
    assert "ResourceQuota team leaves 64Mi" in text(of, found)
    assert next_command(of, found) == "Next: kubectl -n team-a get memrec -o yaml"


def test_a_quota_is_held_against_all_containers_of_the_pod_together() -> None:
    containers = (spec(request=64 * MI, limit=128 * MI), spec("proxy", request=64 * MI, limit=128 * MI))
    enough_for_one = Surroundings(quotas=(QuotaRule("team", limits_left_bytes=40 * MI),))

    assert "Quota" not in why(judged(killed(*containers), enough_for_one))
    assert "the pod needs 64Mi more" in why(judged(killed(*containers, names=("app", "proxy")), enough_for_one))


def test_more_than_the_pods_own_resources_is_told() -> None:
    own: dict[str, Any] = {"pod_memory_limit_bytes": 600 * MI, "pod_memory_request_bytes": 20 * MI}
    found = judged(killed(spec(request=16 * MI, limit=512 * MI), **own))

    assert recommended(found).limit_bytes == 640 * MI
    assert "more than the pod's own limit 600Mi (spec.resources): raise that as well, or the pod is refused" in why(found)
    assert "the pod's containers ask for 40Mi together, more than the pod's own request 20Mi (spec.resources)" in why(found)


def test_of_a_pod_with_resources_of_its_own_they_alone_decide_the_class() -> None:
    own: dict[str, Any] = {"pod_memory_limit_bytes": 2 * GI, "pod_memory_request_bytes": GI}
    found = judged(killed(spec(request=64 * MI, limit=512 * MI, cpu=(1, 1)), **own), targetQoS="Guaranteed")

    assert shape_of(found).qos_class_after is QosClass.BURSTABLE
    assert "the pod's own resources (spec.resources) alone decide its QoS class" in why(found)


def pod_range(**bounds: float) -> Surroundings:
    return Surroundings(limit_rules=(LimitRule("mem", of_pod=True, **bounds),))  # type: ignore[arg-type]


def test_a_limit_range_of_pods_bounds_what_the_containers_have_together() -> None:
    containers = (spec(request=64 * MI, limit=512 * MI), spec("proxy", request=64 * MI, limit=400 * MI))
    found = judged(killed(*containers), pod_range(max_bytes=GI))

    assert recommended(found).limit_bytes == GI - 400 * MI
    assert "LimitRange mem allows 1Gi at most a pod, whose other containers have 400Mi" in why(found)


def test_what_a_limit_range_of_pods_leaves_is_given_once() -> None:
    containers = (spec(request=64 * MI, limit=512 * MI), spec("proxy", request=64 * MI, limit=400 * MI))
    found = judged(killed(*containers, names=("app", "proxy")), pod_range(max_bytes=GI))
    limits = [recommended(found, name).limit_bytes or 0 for name in ("app", "proxy")]

    assert sum(limits) <= GI
    assert "will be again, unless max of LimitRange mem is raised" in why(found, "proxy")


def test_an_autoscaler_of_one_container_leaves_the_requests_of_the_others_free() -> None:
    containers = (spec(request=16 * MI, limit=128 * MI), spec("proxy", request=16 * MI, limit=128 * MI))
    found = judged(killed(*containers, names=("app", "proxy")), Surroundings(autoscalers=(ScaledBy("web", "app"),)))

    assert (recommended(found, "app").request_bytes, recommended(found, "proxy").request_bytes) == (16 * MI, 40 * MI)
    assert "HorizontalPodAutoscaler web scales by memory" in why(found, "app")


def test_an_autoscaler_does_not_look_at_init_containers() -> None:
    containers = (spec("setup", kind="init", request=16 * MI, limit=128 * MI), spec(request=64 * MI, limit=128 * MI))
    found = judged(killed(*containers, names=("setup",)), Surroundings(autoscalers=(ScaledBy("web"),)))

    assert recommended(found, "setup").request_bytes == 40 * MI


def test_that_an_init_containers_request_is_reserved_after_its_run_is_read_on_the_pod() -> None:
    """40Mi beside an app of 16Mi: the pod reserves what its migration held for seconds."""
    large = killed(
        spec("setup", kind="init", request=16 * MI, limit=128 * MI), spec(request=16 * MI, limit=128 * MI), names=("setup",)
    )
    small = killed(
        spec("setup", kind="init", request=16 * MI, limit=128 * MI), spec(request=64 * MI, limit=128 * MI), names=("setup",)
    )
    told = "an init container's request is reserved for as long as the pod lives: 40Mi in all, where 16Mi would do with today's"

    assert told in text(large, judged(large))
    assert "is reserved for as long" not in text(small, judged(small))
