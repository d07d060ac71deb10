"""Which pods a quota counts, and what a user is told when it leaves too little."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, pod, spec

from oomsight_operator.judgement.model import Owner, Pod
from oomsight_operator.judgement.recommend.quota import LIMITS, REQUESTS, Change, counts, demands, shortages
from oomsight_operator.judgement.recommend.rollout import rollout_of
from oomsight_operator.judgement.recommend.surroundings import QuotaRule, QuotaScope, Rollout

PLAIN = pod(spec(request=64 * MI, limit=128 * MI))
BARE = pod(spec())


def rule(*scopes: QuotaScope, limits: int | None = 0, requests: int | None = 0, **more: Any) -> QuotaRule:
    return QuotaRule("team", limits, requests, scopes, **more)


def priority(operator: str, *values: str) -> QuotaScope:
    return QuotaScope("PriorityClass", operator, values)


def grown(request: int, limit: int, of: Pod = PLAIN) -> Pod:
    return replace(of, containers=(spec(request=request, limit=limit),), status_qos_class=None)


@pytest.mark.parametrize(
    ("scope", "of", "counted"),
    [
        (QuotaScope("Terminating"), replace(PLAIN, has_deadline=True), True),
        (QuotaScope("Terminating"), PLAIN, False),
        (QuotaScope("NotTerminating"), PLAIN, True),
        (QuotaScope("NotTerminating"), replace(PLAIN, has_deadline=True), False),
        (QuotaScope("BestEffort"), BARE, True),
        (QuotaScope("BestEffort"), PLAIN, False),
        (QuotaScope("NotBestEffort"), PLAIN, True),
        (QuotaScope("NotBestEffort"), BARE, False),
        (QuotaScope("CrossNamespacePodAffinity"), replace(PLAIN, crosses_namespaces=True), True),
        (QuotaScope("CrossNamespacePodAffinity"), PLAIN, False),
        (priority("Exists"), replace(PLAIN, priority_class_name="high"), True),
        (priority("Exists"), PLAIN, False),
        (priority("DoesNotExist"), PLAIN, True),
        (priority("DoesNotExist"), replace(PLAIN, priority_class_name="high"), False),
        (priority("In", "high", "low"), replace(PLAIN, priority_class_name="high"), True),
        (priority("In", "high", "low"), replace(PLAIN, priority_class_name="other"), False),
        (priority("In", "high"), PLAIN, False),
        (priority("NotIn", "high"), replace(PLAIN, priority_class_name="low"), True),
        (priority("NotIn", "high"), replace(PLAIN, priority_class_name="high"), False),
        (priority("NotIn", "high"), PLAIN, True),
        (priority("Near", "high"), PLAIN, None),
        (QuotaScope("OnTuesdays"), PLAIN, None),
    ],
    ids=lambda value: f"{value.name} {value.operator}" if isinstance(value, QuotaScope) else None,
)
def test_a_quota_counts_the_pods_that_kubernetes_would_count(scope: QuotaScope, of: Pod, counted: bool | None) -> None:
    """podMatchesScopeFunc; what this version does not know is unknown."""
    assert counts(rule(scope), of) is counted


def test_all_scopes_must_match_and_one_that_does_not_is_enough_to_know() -> None:
    assert counts(rule(QuotaScope("NotBestEffort"), priority("DoesNotExist")), PLAIN) is True
    assert counts(rule(QuotaScope("NotBestEffort"), priority("Exists")), PLAIN) is False
    assert counts(rule(QuotaScope("OnTuesdays"), priority("Exists")), PLAIN) is False
    assert counts(rule(), PLAIN) is True


def test_every_replica_needs_more_and_a_rolling_update_an_old_pod_beside_them() -> None:
    web = Owner("apps/v1", "Deployment", "web", "d1")
    change = Change(PLAIN, grown(64 * MI, 256 * MI), rollout_of(web, 3))
    told = [list(shortages([rule(limits=left * MI)], change, LIMITS)) for left in (64, 384, 511, 512)]

    assert told[0] == [
        (
            "ResourceQuota team leaves 64Mi of limits.memory, and each of 3 replicas needs 128Mi more, 384Mi in all: raise the"
            " quota first, or new pods are refused"
        )
    ]
    assert told[1] == [
        (
            "ResourceQuota team leaves 384Mi of limits.memory: each of 3 replicas needs 128Mi more, 384Mi in all, and during a"
            " rolling update 128Mi for one old pod beside them (maxSurge 25 % assumed): raise the quota first,"
            " or the update stands still"
        )
    ]
    assert told[2] != []
    assert told[3] == []


def test_a_statefulset_ends_a_pod_before_it_starts_the_next() -> None:
    database = Owner("apps/v1", "StatefulSet", "db", "s1")
    change = Change(PLAIN, grown(64 * MI, 256 * MI), rollout_of(database, 3))

    assert list(shortages([rule(limits=384 * MI)], change, LIMITS)) == []
    assert "each of 3 replicas needs 128Mi more, 384Mi in all" in next(shortages([rule(limits=383 * MI)], change, LIMITS))


def test_how_many_pods_stand_beside_a_rollout_is_assumed_by_the_kind_of_workload() -> None:
    kinds = ("Deployment", "Rollout", "DeploymentConfig", "StatefulSet", "CronJob")
    assert [rollout_of(Owner("x/v1", kind, "web", "u"), 5).surge for kind in kinds] == [2, 2, 2, 0, 0]
    assert rollout_of(None, 0) == Rollout(1, 0)


def test_a_best_effort_pod_that_gets_memory_enters_another_quota_with_all_of_it() -> None:
    quotas = [
        QuotaRule("spare", 0, 0, (QuotaScope("BestEffort"),)),
        QuotaRule("paid", 100 * MI, 64 * MI, (QuotaScope("NotBestEffort"),), ("limits.cpu", "limits.memory", "requests.cpu")),
    ]
    change = Change(BARE, grown(64 * MI, 128 * MI, BARE), Rollout())

    assert list(shortages(quotas, change, LIMITS)) == [
        (
            "ResourceQuota paid leaves 100Mi of limits.memory, and counts the pod once it is no longer BestEffort, and the pod"
            " needs 128Mi more: raise the quota first, or new pods are refused"
        )
    ]
    assert list(shortages(quotas, change, REQUESTS)) == []
    assert list(demands(quotas, change)) == [
        (
            "ResourceQuota paid counts the pod once it is no longer BestEffort, and demands limits.cpu of app; requests.cpu of app:"
            " set that as well, or new pods are refused"
        )
    ]


def test_a_quota_that_counted_the_pod_before_demands_nothing_new() -> None:
    quota = rule(demands=("limits.cpu", "limits.memory"))

    assert list(demands([quota], Change(PLAIN, grown(64 * MI, 256 * MI), Rollout()))) == []


def test_of_a_quota_that_may_or_may_not_count_the_pod_that_is_said_where_it_would_matter() -> None:
    quotas = [rule(priority("Near", "high"), limits=64 * MI)]

    assert list(shortages(quotas, Change(PLAIN, grown(64 * MI, 256 * MI), Rollout()), LIMITS)) == [
        (
            "ResourceQuota team leaves 64Mi of limits.memory, perhaps too little: whether it counts the pod is not known (scope"
            " PriorityClass with operator Near)"
        )
    ]
    assert list(shortages(quotas, Change(PLAIN, grown(64 * MI, 160 * MI), Rollout()), LIMITS)) == []


def test_an_init_container_that_grows_below_what_the_apps_have_needs_no_more() -> None:
    """Quotas count the most that runs at one time."""
    before = pod(spec("setup", kind="init", request=32 * MI, limit=32 * MI), spec(request=64 * MI, limit=128 * MI))
    after = replace(before, containers=(spec("setup", kind="init", request=100 * MI, limit=120 * MI), before.containers[1]))

    assert list(shortages([rule()], Change(before, after, Rollout()), LIMITS)) == []
    assert "the pod needs 36Mi more" in next(shortages([rule()], Change(before, after, Rollout()), REQUESTS))


def test_what_the_runtime_class_takes_counts_when_the_pod_enters_a_quota() -> None:
    bare, after = replace(BARE, overhead_bytes=30 * MI), replace(grown(64 * MI, 128 * MI, BARE), overhead_bytes=30 * MI)
    quota = rule(QuotaScope("NotBestEffort"), limits=157 * MI)

    assert "the pod needs 158Mi more" in next(shortages([quota], Change(bare, after, Rollout()), LIMITS))


def test_a_pod_with_resources_of_its_own_is_counted_by_them() -> None:
    before = replace(PLAIN, pod_memory_limit_bytes=512 * MI, pod_memory_request_bytes=512 * MI)
    after = replace(before, containers=(spec(request=64 * MI, limit=256 * MI),))

    assert list(shortages([rule()], Change(before, after, Rollout()), LIMITS)) == []


@given(
    left=st.integers(-(1 << 40), 1 << 40),
    amounts=st.tuples(*[st.integers(0, 1 << 38)] * 2),
    replicas=st.integers(1, 5000),
    kind=st.sampled_from(["Deployment", "StatefulSet"]),
)
def test_nothing_is_said_exactly_when_every_moment_of_a_rolling_update_fits(
    left: int, amounts: tuple[int, int], replicas: int, kind: str
) -> None:
    """Simulated: new pods come while at most `surge` pods more than the replicas are there."""
    old, new = amounts
    rollout = rollout_of(Owner("apps/v1", kind, "web", "u"), replicas)
    told = list(shortages([rule(limits=left)], Change(grown(0, old), grown(0, new), rollout), LIMITS))
    steps = {0, 1, replicas // 2, replicas}
    worst = max(count * new + (replicas + rollout.surge - count) * old - replicas * old for count in steps)

    assert (not told) == (new <= old or worst <= left)
    assert all(len(sentence) < 400 for sentence in told)


SCOPES = st.lists(
    st.builds(
        QuotaScope,
        st.text() | st.sampled_from(["PriorityClass", "BestEffort", "NotBestEffort", "Terminating"]),
        st.text() | st.sampled_from(["Exists", "In", "NotIn", "DoesNotExist"]),
        st.lists(st.text(), max_size=3).map(tuple),
    ),
    max_size=4,
)


@given(
    name=st.text(min_size=1),
    scopes=SCOPES,
    demanded=st.lists(st.text() | st.just("limits.cpu")),
    priority_class=st.none() | st.text(),
)
def test_whatever_a_quota_is_called_and_scoped_by_the_sentences_are_one_printable_line(
    name: str, scopes: list[QuotaScope], demanded: list[str], priority_class: str | None
) -> None:
    before = replace(BARE, priority_class_name=priority_class)
    change = Change(before, grown(64 * MI, 128 * MI, before), Rollout(3, 1))
    quota = QuotaRule(name, 0, 0, tuple(scopes), tuple(demanded))

    for sentence in (*shortages([quota], change, LIMITS), *shortages([quota], change, REQUESTS), *demands([quota], change)):
        assert sentence.isascii()
        assert sentence.isprintable()
