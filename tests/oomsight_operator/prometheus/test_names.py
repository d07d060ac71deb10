"""Which pods of the past were a workload's: by the API, by kube-state-metrics, by their names; never another's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.prometheus.names import (
    Living,
    Owners,
    Workload,
    common_prefix,
    is_named_after,
    owners_of,
    pattern_of,
    pods_of,
)

WEB = Workload("Deployment", "web")
OLD = "web-6d5f8c9b7d-x2z4b"


@pytest.mark.parametrize(
    ("kind", "name", "pod"),
    [
        ("Deployment", "web", "web-6d5f8c9b7d-x2z4b"),
        ("Deployment", "my.web-2", "my.web-2-6d5f8c9b7d-x2z4b"),
        ("StatefulSet", "db", "db-0"),
        ("StatefulSet", "db", "db-12"),
        ("DaemonSet", "log", "log-x2z4b"),
        ("ReplicaSet", "web-6d5f8c9b7d", "web-6d5f8c9b7d-x2z4b"),
        ("ReplicationController", "old", "old-x2z4b"),
        ("DeploymentConfig", "ledger", "ledger-3-x2z4b"),
        ("Job", "migrate", "migrate-x2z4b"),
        ("Job", "indexed", "indexed-17-x2z4b"),
        ("CronJob", "backup", "backup-29401230-x2z4b"),
        ("CronJob", "backup", "backup-1611144000-x2z4b"),
        ("Pod", "spool", "spool"),
    ],
)
def test_a_pod_is_known_by_the_name_that_its_controller_gave_it(kind: str, name: str, pod: str) -> None:
    assert is_named_after(Workload(kind, name), pod)
    assert pod.startswith(common_prefix(Workload(kind, name)))


@pytest.mark.parametrize(
    ("kind", "name", "pod"),
    [
        ("Deployment", "web", "web-api-6d5f8c9b7d-x2z4b"),
        ("Deployment", "web", "web-db-x2z4b"),  # a DaemonSet web-db
        ("Deployment", "web", "web-x2z4b"),
        ("Deployment", "web", "web-0"),
        ("Deployment", "web", "my-web-6d5f8c9b7d-x2z4b"),
        ("Deployment", "w.b", "wxb-6d5f8c9b7d-x2z4b"),
        ("StatefulSet", "db", "db-00"),
        ("StatefulSet", "db", "db-main-0"),
        ("DaemonSet", "log", "log-agent"),
        ("CronJob", "backup", "backup-2-x2z4b"),
        ("DeploymentConfig", "ledger", "ledger-3-deploy"),  # what rolls it out
        ("DeploymentConfig", "ledger", "ledger-x2z4b"),
        ("Pod", "spool", "spool-2"),
        ("Rollout", "web", "web-6d5f8c9b7d-x2z4b"),  # no kind of which names are known to tell
        ("Deployment", "w" * 47, "w" * 47 + "-6d5f8c9b7-x2z4b"),  # names are cut
    ],
)
def test_a_name_that_may_be_anothers_is_not_taken(kind: str, name: str, pod: str) -> None:
    assert not is_named_after(Workload(kind, name), pod)


def test_pods_that_live_are_known_by_the_api_whatever_their_names() -> None:
    living = Living({"odd": WEB, OLD: Workload("Pod", OLD)})

    assert pods_of(WEB, ["odd", OLD], living, Owners()) == ("odd",)


def test_kube_state_metrics_beats_names() -> None:
    owners = owners_of(
        [
            {"__name__": "kube_pod_owner", "pod": OLD, "owner_kind": "DaemonSet", "owner_name": "web-6d5f8c9b7d"},
            {"__name__": "kube_pod_owner", "pod": "web-zz", "owner_kind": "ReplicaSet", "owner_name": "web-zz1"},
            {"__name__": "kube_replicaset_owner", "replicaset": "web-zz1", "owner_kind": "Deployment", "owner_name": "web"},
            {"__name__": "kube_pod_owner", "pod": "web-r1", "owner_kind": "ReplicaSet", "owner_name": "web-6d5f8c9b7d"},
            {"__name__": "kube_pod_owner", "pod": "web-bare", "owner_kind": "<none>", "owner_name": "<none>"},
            {"__name__": "kube_pod_owner", "pod": "web-node", "owner_kind": "Node", "owner_name": "node-1"},
        ]
    )
    candidates = (OLD, "web-zz", "web-r1", "web-bare", "web-node", "web-7f9c6b5d48-q8w7r")

    assert pods_of(WEB, candidates, Living(), owners) == ("web-7f9c6b5d48-q8w7r", "web-r1", "web-zz")
    assert pods_of(Workload("DaemonSet", "web-6d5f8c9b7d"), candidates, Living(), owners) == (OLD,)
    assert pods_of(Workload("Pod", "web-bare"), candidates, Living(), owners) == ("web-bare",)
    assert pods_of(Workload("Pod", "web-node"), candidates, Living(), owners) == ("web-node",), "a static pod's owner is its node"


def test_kinds_whose_names_tell_nothing_are_known_by_their_owners_alone() -> None:
    rollout = Workload("Rollout", "web")
    owners = owners_of(
        [
            {"__name__": "kube_pod_owner", "pod": OLD, "owner_kind": "ReplicaSet", "owner_name": "web-6d5f8c9b7d"},
            {"__name__": "kube_replicaset_owner", "replicaset": "web-6d5f8c9b7d", "owner_kind": "Rollout", "owner_name": "web"},
        ]
    )

    assert pods_of(rollout, (OLD,), Living(), Owners()) == ()
    assert pods_of(rollout, (OLD,), Living(), owners) == (OLD,)
    assert pods_of(WEB, (OLD,), Living(), owners) == ()


def test_jobs_of_a_cron_job_are_found_by_owner_or_by_their_minute() -> None:
    cron = Workload("CronJob", "backup")
    owners = owners_of(
        [
            {"__name__": "kube_pod_owner", "pod": "by-hand-x2z4b", "owner_kind": "Job", "owner_name": "by-hand"},
            {"__name__": "kube_job_owner", "job_name": "by-hand", "owner_kind": "CronJob", "owner_name": "backup"},
            {"__name__": "kube_pod_owner", "pod": "p", "owner_kind": "Job", "owner_name": "backup-29401230"},
        ]
    )

    assert pods_of(cron, ("by-hand-x2z4b", "p", "backup-29401231-x2z4b"), Living(), owners) == (
        "backup-29401231-x2z4b",
        "by-hand-x2z4b",
        "p",
    )


def test_pods_of_a_deployment_config_are_found_by_owner_or_by_its_replicationcontrollers_number() -> None:
    ledger = Workload("DeploymentConfig", "ledger")
    pod = {"__name__": "kube_pod_owner", "owner_kind": "ReplicationController"}
    owners = owners_of(
        [
            {**pod, "pod": "a", "owner_name": "ledger-2"},
            {**pod, "pod": "b", "owner_name": "ledger-4"},
            {
                "__name__": "kube_replicationcontroller_owner",
                "replicationcontroller": "ledger-4",
                "owner_kind": "DeploymentConfig",
                "owner_name": "other",
            },
        ]
    )

    assert pods_of(ledger, ("a", "b", "ledger-3-x2z4b", "ledger-3-deploy"), Living(), owners) == ("a", "ledger-3-x2z4b")


def test_a_name_that_two_workloads_of_the_namespace_could_have_given_is_nobodys() -> None:
    daemon_set = Workload("DaemonSet", "web-bcdfghj")
    living = Living({"web-bcdfghj-ccccc": daemon_set, "web-7f9c6b5d48-q8w7r": WEB})

    assert pods_of(WEB, ["web-bcdfghj-x2z4b", OLD], living, Owners()) == (OLD,)
    assert pods_of(daemon_set, ["web-bcdfghj-x2z4b"], living, Owners()) == ()


def test_contradictions_of_kube_state_metrics_are_left_out() -> None:
    one = {"__name__": "kube_pod_owner", "pod": "p", "owner_kind": "StatefulSet", "owner_name": "a"}

    assert owners_of([one, {**one, "owner_name": "b"}]).pods == {}
    assert owners_of([{**one, "owner_is_controller": "false"}, {"pod": "p"}, {**one, "pod": ""}]).pods == {}


NAMES = st.text(max_size=60) | st.from_regex(r"[a-z0-9.-]{1,60}", fullmatch=True)
KINDS = st.sampled_from(
    ["Deployment", "DeploymentConfig", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet", "Thing"]
)
WORKLOADS = st.builds(Workload, KINDS, NAMES)


@given(WORKLOADS, st.lists(NAMES, max_size=8), st.dictionaries(NAMES, WORKLOADS, max_size=5))
def test_whatever_names_there_are_only_asked_ones_come_back_and_none_of_a_stranger(
    workload: Workload, candidates: list[str], alive: dict[str, Workload]
) -> None:
    found = pods_of(workload, candidates, Living(alive), Owners())

    assert set(found) <= set(candidates)
    assert all(alive.get(name, workload) == workload for name in found)
    pattern = pattern_of(workload)
    assert pattern is None or re.compile(pattern)


@given(st.lists(st.dictionaries(st.sampled_from(["__name__", "pod", "owner_kind", "owner_name", "replicaset"]), NAMES, max_size=5)))
def test_whatever_label_sets_come_owners_are_read_of_them(label_sets: list[dict[str, str]]) -> None:
    assert all(owners_of(label_sets).pods)
