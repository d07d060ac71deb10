"""Why a recommendation is what it is: what stands in its way is never what gets cut."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.publishing.builders import (
    MI,
    a_container,
    a_kill,
    a_pod,
    a_recommendation,
    an_assessment,
)

from oomsight_api.names import EventReason, RiskLevel
from oomsight_api.recommendation import MAX_SENTENCE_LENGTH, MemoryRecommendationStatus
from oomsight_operator.judgement.model import Owner, Recommendation, RecommendationStep
from oomsight_operator.publishing.contributions import contribution_of
from oomsight_operator.publishing.events import Told, decide
from oomsight_operator.publishing.recommendations import status_of
from oomsight_operator.publishing.summary import next_command, summary_lines
from oomsight_operator.publishing.whys import why_words

QUOTA = RecommendationStep("Quota", 96 * MI, 96 * MI, "ResourceQuota team leaves 0 of requests.memory: raise the quota first")
WEB = Owner("apps/v1", "Deployment", "web", "uid-web")


def blocked(*, steps: int = 0) -> Recommendation:
    """A request that a quota refuses, beside a limit that was led to by so many further steps."""
    found = a_recommendation(128, request_mi=96)
    way = tuple(RecommendationStep(f"Step{number}", 128 * MI, 128 * MI, f"step {number} of a long way") for number in range(steps))
    return replace(found, limit_steps=(*found.limit_steps, *way), request_steps=(*found.request_steps, QUOTA))


def test_what_stands_in_the_way_comes_last_and_first_where_not_all_of_it_fits() -> None:
    assert why_words(blocked(), 200) == f"the limit of 64Mi killed it; {QUOTA.why}"
    assert why_words(blocked(steps=30), 200).startswith(f"{QUOTA.why}; the limit of 64Mi killed it; step 0")


def test_where_the_way_is_long_it_is_cut_and_not_the_confidence_that_follows_it() -> None:
    found = replace(blocked(steps=30), confidence_why="samples of 3 hours only, less than a day")
    assessment = an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, recommendation=found))
    text = " ".join(line.strip() for line in summary_lines(a_pod(), assessment))

    assert QUOTA.why in text
    assert f". Confidence {found.confidence.value}: samples of 3 hours only, less than a day" in text


def test_without_a_limit_the_request_says_why() -> None:
    found = replace(blocked(), limit_bytes=None, limit_steps=())

    assert why_words(found, 200) == f"the peak of an hour; {QUOTA.why}"


def test_a_quota_for_the_request_is_read_on_the_pod_in_its_events_and_in_the_recommendation() -> None:
    pod = a_pod(owner=Owner("apps/v1", "ReplicaSet", "web-1", "r1"), labels={"pod-template-hash": "1"})
    for steps in (0, 60):
        container = a_container(RiskLevel.HIGH, new_kills=(a_kill(),), recommendation=blocked(steps=steps))
        assessment = an_assessment(RiskLevel.HIGH, container)
        events, _ = decide(pod, assessment, Told(RiskLevel.HIGH), assessment.time_seconds, 3600.0)
        said = contribution_of(pod, assessment, None)
        status = status_of(WEB, [said], {}, MemoryRecommendationStatus(), generation=1, now_seconds=1.0)

        assert QUOTA.why in " ".join(line.strip() for line in summary_lines(pod, assessment))
        assert next(event.note for event in events if event.reason is EventReason.OOM_KILLED).count(QUOTA.why) == 1
        assert QUOTA.why in status.containers[0].reason
        assert len(status.containers[0].reason) <= MAX_SENTENCE_LENGTH
        assert "set resources" not in next_command(pod, assessment)
