from __future__ import annotations

from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, SECOND_RUN, memory, pod, row, running, spec, waiting

from oomsight_api.report import Container
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.eviction.working_set import PodUse, Source, pod_use
from oomsight_operator.judgement.model import Telemetry

TWO = pod(spec(), spec("proxy"), statuses=(running(), running("proxy", SECOND_RUN)))


def told(*, of_pod: int | None = None, **containers: int | None) -> Telemetry:
    rows: dict[str, Container] = {
        name: row(FIRST_RUN if name == "app" else SECOND_RUN, memory(working_set=size)) for name, size in containers.items()
    }
    pod_row = PodRow(pod_uid="uid-1", cgroup="/pod", memory=memory(working_set=of_pod)) if of_pod is not None else None
    return Telemetry(NOW, 1.0, rows, pod_row)


def test_the_pods_own_cgroup_is_what_the_kubelet_sees() -> None:
    assert pod_use(TWO, told(of_pod=90 * MI, app=50 * MI, proxy=10 * MI)) == PodUse(TWO, 90 * MI, Source.POD)


def test_without_it_the_containers_are_added_up_and_the_source_says_so() -> None:
    assert pod_use(TWO, told(app=50 * MI, proxy=10 * MI)) == PodUse(TWO, 60 * MI, Source.CONTAINERS)


def test_a_sum_that_lacks_a_running_container_says_so() -> None:
    assert pod_use(TWO, told(app=50 * MI)) == PodUse(TWO, 50 * MI, Source.SOME_CONTAINERS)
    assert pod_use(TWO, told(app=50 * MI, proxy=None)).source is Source.SOME_CONTAINERS


def test_a_container_that_waits_is_not_missed() -> None:
    one = pod(spec(), spec("proxy"), statuses=(running(), waiting("proxy")))
    assert pod_use(one, told(app=50 * MI)).source is Source.CONTAINERS


def test_of_a_silent_agent_or_a_pod_without_rows_nothing_is_known() -> None:
    assert pod_use(TWO, None) == pod_use(TWO, told()) == pod_use(TWO, told(app=None)) == PodUse(TWO, None)
