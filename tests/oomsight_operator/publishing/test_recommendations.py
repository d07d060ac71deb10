"""One workload's MemoryRecommendation from what its pods say."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.publishing.builders import MI, NOW, a_container, a_kill, a_pod, a_recommendation, an_assessment

from oomsight_api.names import RiskLevel
from oomsight_api.recommendation import MAX_KILLS, MAX_STEPS, MemoryRecommendationStatus, Resource
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import ContainerAssessment, Owner, RecommendationStep
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, observe
from oomsight_operator.publishing.contributions import Contribution, contribution_of
from oomsight_operator.publishing.kill_records import ContainerMemory, remember
from oomsight_operator.publishing.recommendations import same_recommendation, status_of

WEB = Owner("apps/v1", "Deployment", "web", "uid-web")
EMPTY = MemoryRecommendationStatus()


def says(uid: str, *containers: ContainerAssessment) -> Contribution:
    return contribution_of(a_pod(uid=uid, name=f"web-{uid}"), an_assessment(RiskLevel.LOW, *containers, pod_uid=uid), None)


def replica(uid: str, limit_mi: int, *kills: Kill, request_mi: int | None = None) -> Contribution:
    recommendation = a_recommendation(limit_mi, request_mi=request_mi)
    return says(uid, a_container(RiskLevel.LOW, recommendation=recommendation, new_kills=kills, memory_limit_bytes=64 * MI))


def status(
    *pods: Contribution,
    memory: ContainerMemory | None = None,
    standing: MemoryRecommendationStatus = EMPTY,
    now: float = NOW,
    withdrawn: bool = False,
) -> MemoryRecommendationStatus:
    memories = {"app": memory} if memory is not None else {}
    return status_of(WEB, pods, memories, standing, generation=1, now_seconds=now, withdrawn=withdrawn)


def all_remembered(*pods: Contribution) -> ContainerMemory:
    memory = ContainerMemory()
    for pod in pods:
        for container in pod.containers:
            memory = remember(memory, container.kills, pod.pod_name, pod.pod_uid)
    return memory


def test_the_worst_replica_decides_and_is_never_averaged_away() -> None:
    (container,) = status(replica("a", 96, request_mi=90), replica("b", 256, request_mi=50), replica("c", 128)).containers
    assert (container.recommended_limit, container.recommended_request) == ("256Mi", "90Mi")
    assert container.current_limit == "64Mi"
    assert container.current_request is None
    assert [(step.resource, step.after) for step in container.steps] == [(Resource.LIMIT, "256Mi"), (Resource.REQUEST, "90Mi")]


def test_a_limit_that_an_old_replica_keeps_is_not_recommended_for_the_new_ones() -> None:
    """In the middle of a rollout from 1Gi to 256Mi: `kubectl get memrec` said 256Mi now, 1Gi recommended."""
    keeping = [
        says(
            f"{limit_mi}",
            a_container(
                recommendation=replace(a_recommendation(limit_mi), current_limit_bytes=limit_mi * MI),
                memory_limit_bytes=limit_mi * MI,
            ),
        )
        for limit_mi in (1024, 256)
    ]
    (container,) = status(*keeping).containers

    assert (container.current_limit, container.recommended_limit) == ("256Mi", "256Mi")


def test_the_order_of_pods_does_not_matter() -> None:
    pods = (replica("a", 128), replica("b", 128), replica("c", 96))
    assert status(*pods) == status(*reversed(pods))


def test_every_kill_of_every_replica_counts_once_and_the_latest_ten_are_kept() -> None:
    pods = [replica(f"{n}", 128, a_kill(container_id=f"{n:064x}", at=NOW - n)) for n in range(15)]
    memory = all_remembered(*pods, *pods)
    (container,) = status(*pods, memory=memory).containers
    assert container.oom_kills == 15
    assert len(container.kills) == MAX_KILLS
    assert [kill.pod for kill in container.kills] == [f"web-{n}" for n in reversed(range(10))]
    assert container.kills[-1].pod_uid == "0"


def test_several_processes_killed_at_once_count_as_several() -> None:
    pod = replica("a", 128, a_kill(source=KillSource.COUNTER, sequence=7, processes=3))
    memory = all_remembered(pod)
    assert memory.oom_kills == 3
    assert memory.kills[0].sequence == 7


def test_kills_and_recommendation_of_pods_that_are_gone_stay() -> None:
    killed = replica("a", 256, a_kill())
    memory = all_remembered(killed)
    before = status(killed, memory=memory)
    (container,) = status(says("b", a_container(memory_limit_bytes=256 * MI)), memory=memory, standing=before).containers
    assert container.recommended_limit == "256Mi"
    assert container.current_limit == "256Mi", "the new pods have what was recommended"
    assert container.oom_kills == 1


def test_the_summary_shows_the_container_that_needs_a_change_most() -> None:
    sidecar = a_container(name="proxy", recommendation=a_recommendation(512, "proxy"))
    killed = a_container(RiskLevel.HIGH, recommendation=a_recommendation(128), new_kills=(a_kill(),))
    pod = says("a", sidecar, killed)
    found = status(pod, memory=all_remembered(says("a", killed))).summary
    assert found is not None
    assert (found.workload, found.container, found.reason, found.oom_kills) == ("Deployment/web", "app", "OOMKilled", 1)
    assert (found.current_limit, found.recommended_limit) == ("64Mi", "128Mi")


def test_the_condition_says_what_is_recommended_or_why_nothing_is() -> None:
    (provided,) = status(replica("a", 128)).conditions
    assert (provided.type, provided.status, provided.reason) == ("RecommendationProvided", "True", "UsageObserved")
    assert provided.message == "Recommended memory: app: limit 128Mi, request unset."
    (missing,) = status(says("a", a_container(RiskLevel.LOW, new_kills=(a_kill(),)))).conditions
    assert (missing.status, missing.reason) == ("False", "NoEvidence")
    (orphan,) = status(standing=status(replica("a", 128)), withdrawn=True).conditions
    assert (orphan.status, orphan.reason) == ("False", "NoPolicy")


def test_between_two_pods_of_a_workload_its_recommendation_stands() -> None:
    before = status(replica("a", 128, request_mi=90))
    assert same_recommendation(status(standing=before, now=NOW + 5000), before)


def test_a_container_without_recommendation_is_told_of_with_what_was_learned() -> None:
    learned = observe(NOTHING, Sample(NOW, unreclaimable_bytes=10 * MI))
    found = status(says("a", a_container(learned=learned)))
    (container,) = found.containers
    assert (container.name, container.current_limit, container.observed_hours) == ("app", "64Mi", 1)
    assert container.recommended_limit is None
    assert found.summary is not None
    columns = found.summary.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert columns == {"workload": "Deployment/web", "container": "app", "currentLimit": "64Mi", "oomKills": 0}, "kubectl: <none>"


def test_transition_times_change_only_with_the_condition() -> None:
    before = status(replica("a", 128))
    after = status(replica("a", 256), standing=before, now=NOW + 100)
    assert after.conditions[0].last_transition_time == before.conditions[0].last_transition_time
    assert "256Mi" in after.conditions[0].message


def test_a_later_look_at_the_same_facts_says_nothing_new() -> None:
    before = status(replica("a", 128))
    assert same_recommendation(status(replica("a", 128), standing=before, now=NOW + 5000), before)
    assert not same_recommendation(status(replica("a", 129), standing=before), before)


def test_containers_of_which_nothing_is_known_are_left_out() -> None:
    found = status(says("a", a_container(name="quiet"), a_container(recommendation=a_recommendation())))
    assert [container.name for container in found.containers] == ["app"]


def test_steps_are_bounded_and_their_sentences_cut() -> None:
    steps = tuple(RecommendationStep("r" * 100, n, n, "why " * 1000) for n in range(1, 100))
    recommendation = a_recommendation()
    many = type(recommendation)("app", 128 * MI, None, 64 * MI, None, steps)
    found = status(says("a", a_container(recommendation=many)))
    assert len(found.containers[0].steps) == MAX_STEPS
    assert MemoryRecommendationStatus.model_validate(found.model_dump(mode="json", by_alias=True, exclude_none=True)) == found


def test_where_there_is_no_room_for_all_steps_warnings_and_changes_stay() -> None:
    talk = tuple(RecommendationStep(f"Said{number}", 64 * MI, 64 * MI, "why") for number in range(MAX_STEPS))
    ends = (RecommendationStep("MaxLimit", 64 * MI, 32 * MI, "why"), RecommendationStep("NotEnough", 32 * MI, 32 * MI, "why"))
    asked = (RecommendationStep("RequestFromPeak", None, 16 * MI, "why"), RecommendationStep("Quota", 16 * MI, 16 * MI, "why"))
    many = type(a_recommendation())("app", 32 * MI, 16 * MI, 64 * MI, None, (*talk, *ends), asked)

    rules = [step.rule for step in status(says("a", a_container(recommendation=many))).containers[0].steps]

    assert rules == [*(f"Said{number}" for number in range(MAX_STEPS - 4)), "MaxLimit", "NotEnough", "RequestFromPeak", "Quota"]


def test_the_summary_has_a_word_also_where_nothing_happened() -> None:
    """A blank column would look as if something was missing."""
    calm = says("a", a_container(RiskLevel.NONE, recommendation=a_recommendation(96)))
    summary = status(calm).summary

    assert summary is not None
    assert summary.reason == "UsageObserved"
