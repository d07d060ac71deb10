"""What is remembered of a workload between its pods."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.judgement.recommend.scenes import DAY, seen
from tests.oomsight_operator.publishing.builders import MI, NOW, a_container, a_pod, a_recommendation, an_assessment
from tests.oomsight_operator.publishing.workloads import WEB

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.recommend.state import brought_back
from oomsight_operator.publishing.contributions import contribution_of
from oomsight_operator.publishing.recommendation_record import Record


def test_a_pod_that_comes_back_while_its_leaving_is_written_goes_on_counting() -> None:
    """Its ReplicaSet was not known for a moment."""
    record = Record("shop", WEB, "deployment-web", NOW)
    said = contribution_of(a_pod(), an_assessment(RiskLevel.LOW, a_container(recommendation=a_recommendation(256))), None)
    record.hear(said, None)
    record.leave("uid-1")
    status, pending = record.status(NOW), record.begin_write()
    record.hear(said, None)
    record.wrote(status, pending, NOW)
    assert record.has_pods
    assert record.status(NOW).containers[0].recommended_limit == "256Mi"


def test_a_workload_that_rested_while_the_clock_was_set_back_counts_its_hours_once() -> None:
    ahead = seen(100 * MI, 30, until=NOW + 400 * DAY)
    healed = brought_back(ahead, NOW)
    record = Record("shop", WEB, "deployment-web", NOW)
    record.learned["app"] = ahead
    judged = an_assessment(RiskLevel.LOW, a_container(RiskLevel.LOW, learned=healed))

    knows_more = record.learn(replace(judged, time_seconds=NOW))

    assert not knows_more
    assert record.learned["app"] == healed
