"""Whom a MemoryRecommendation is for, and what it is called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import a_pod
from tests.oomsight_operator.publishing.workloads import WEB

from oomsight_operator.inventory.workloads import workload_of
from oomsight_operator.judgement.model import Owner
from oomsight_operator.publishing.targets import object_name, target_of, workload_key


def test_a_bare_pod_is_its_own_workload() -> None:
    pod = a_pod()
    assert target_of(pod, None) == Owner("v1", "Pod", "web-0", "uid-1")
    assert target_of(pod, WEB) is WEB


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (WEB, "deployment-web"),
        (Owner("v1", "Pod", "web-0", "u"), "pod-web-0"),
        (Owner("batch/v1", "CronJob", "a.b", "u"), "cronjob-a.b"),
    ],
)
def test_objects_are_called_as_a_person_would(owner: Owner, name: str) -> None:
    assert object_name(owner) == name


def test_workloads_of_other_groups_and_long_names_never_share_an_object() -> None:
    names = {
        object_name(Owner(api, "Deployment", name, "u"))
        for api in ("apps/v1", "example.com/v1", "example.org/v1")
        for name in ("web", "w" * 253, "w" * 252 + "x")
    }
    assert len(names) == 9
    assert all(len(name) <= 253 for name in names)


@given(kind=st.text(min_size=1, max_size=300), name=st.text(min_size=1, max_size=300), api=st.text(max_size=40))
def test_whatever_an_owner_is_called_its_object_has_a_valid_name(kind: str, name: str, api: str) -> None:
    found = object_name(Owner(api, kind, name, "u"))
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", found), found
    assert len(found) <= 253


def test_the_recommendation_of_a_static_pod_is_owned_by_its_mirror_pod_and_by_no_node() -> None:
    static = a_pod(owner=Owner("v1", "Node", "node-1", "n1"), config_hash="a" * 32)

    assert target_of(static, workload_of(static, lambda uid: None)) == Owner("v1", "Pod", static.name, static.uid)


def test_a_workload_of_another_namespace_is_another_whatever_uid_a_tenant_writes() -> None:
    assert workload_key("shop", WEB) != workload_key("other", WEB)
