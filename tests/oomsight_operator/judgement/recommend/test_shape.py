"""What a recommendation makes of the pod: before and after."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import GI, MI, NOW, SECOND_RUN, end, memory, pod, row, running, spec
from tests.oomsight_operator.judgement.build import judge as judged

from oomsight_api.names import QosClass
from oomsight_operator.judgement.model import NodeContext, Pod, Shape
from oomsight_operator.publishing.summary import summary_lines


def shape_of(of: Pod, node: NodeContext | None = None, **recommendation: Any) -> tuple[Shape, str]:
    """The shape, and the summary as a reader sees it, after a kill at the container's limit."""
    found, _ = judged(
        of, {"app": row(uses=memory(100 * MI, 512 * MI, working_set=2 * GI))}, node=node, recommendation=recommendation
    )
    shape = found.containers[0].recommendation.shape if found.containers[0].recommendation is not None else None
    assert shape is not None
    return shape, " ".join(line.strip() for line in summary_lines(of, found))


def killed_once(**resources: Any) -> Pod:
    return pod(spec(**resources), statuses=(running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60)),))


def test_a_larger_request_makes_the_kernel_spare_it_longer_and_that_is_told() -> None:
    shape, text = shape_of(killed_once(request=64 * MI, limit=4 * GI))

    assert (shape.oom_score_adj_before, shape.oom_score_adj_after) == (997, 875)
    assert "oom_score_adj 997 -> 875" in text


def test_becoming_guaranteed_is_told() -> None:
    shape, text = shape_of(killed_once(request=64 * MI, limit=512 * MI, cpu=(100, 100)), targetQoS="Guaranteed")

    assert (shape.qos_class_before, shape.qos_class_after) == (QosClass.BURSTABLE, QosClass.GUARANTEED)
    assert shape.oom_score_adj_after == -997
    assert "QoS class Burstable -> Guaranteed, oom_score_adj 997 -> -997" in text


def test_what_stays_is_not_told_and_a_node_of_unknown_size_gives_no_score() -> None:
    kept, text = shape_of(killed_once(request=4 * GI, limit=8 * GI))
    unknown, _ = shape_of(killed_once(request=64 * MI, limit=4 * GI), NodeContext("node-1"))

    assert kept.oom_score_adj_before == kept.oom_score_adj_after
    assert "oom_score_adj" not in text.partition("Recommended for")[2]
    assert (unknown.oom_score_adj_before, unknown.oom_score_adj_after) == (None, None)
