"""How MemoryRecommendations come back after a restart, or when a workload does; time is in the test's hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.recommend.scenes import seen
from tests.oomsight_operator.publishing.builders import (
    MI,
    NOW,
    Clock,
    MemoryApi,
    a_kill,
    a_pod,
    a_publisher,
    running,
)
from tests.oomsight_operator.publishing.workloads import PATH, limit_of, say, status_writes

from oomsight_operator.judgement.model import Owner
from oomsight_operator.judgement.recommend.state import State


async def test_a_restarted_operator_goes_on_and_writes_nothing_that_is_known() -> None:
    api, clock = MemoryApi(), Clock()
    async with running(api, clock) as stage:
        say(stage, "a", limit_mi=256, kills=(a_kill(),))
        await stage.drain()
    async with running(api, clock) as restarted:
        document = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **api.objects[PATH]}
        histories = restarted.publisher.restore([document]).histories
        assert histories["shop", "a"].containers["app"].kills == (a_kill(),)
        assert histories["shop", "a"].containers["app"].peak_bytes == 10 * MI
        say(restarted, "b", limit_mi=128)
        await restarted.drain()
        assert limit_of(api) == "256Mi", "the worst replica was not judged yet"
        say(restarted, "a", limit_mi=256, kills=(a_kill(),))
        clock.advance(600)
        await restarted.drain()
    assert len(status_writes(api)) == 1


async def test_a_kill_after_the_restart_is_added_to_those_before() -> None:
    api, clock = MemoryApi(), Clock()
    async with running(api, clock) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
    async with running(api, clock) as restarted:
        restarted.publisher.restore([{"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **api.objects[PATH]}])
        say(restarted, kills=(a_kill(container_id="f" * 64, at=NOW + 60),))
        await restarted.drain()
    assert api.objects[PATH]["status"]["summary"]["oomKills"] == 2


async def test_an_operator_that_was_not_told_of_the_object_goes_on_from_it_all_the_same() -> None:
    api, clock = MemoryApi(), Clock()
    async with running(api, clock) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
    async with running(api, clock) as restarted:
        say(restarted, kills=(a_kill(), a_kill(container_id="f" * 64)))
        await restarted.drain()
    assert api.objects[PATH]["status"]["summary"]["oomKills"] == 2
    assert api.objects[PATH]["status"]["containers"][0]["oomKills"] == 2


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", "metadata": "x"},
        {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", "metadata": {"name": "a"}, "status": 7},
    ],
)
async def test_objects_that_make_no_sense_are_counted_and_left_out(document: dict[str, Any]) -> None:
    async with running(MemoryApi()) as stage:
        assert stage.publisher.restore([document]).histories == {}
        assert stage.metrics.registry.get_sample_value("oomsight_operator_malformed_total", {"source": "recommendation"}) == 1


async def test_an_object_without_an_owner_is_not_taken_over() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
        document = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **api.objects[PATH]}
        document["metadata"] = {**document["metadata"], "ownerReferences": [{"kind": 1}, None]}
        assert stage.publisher.restore([document]).histories == {}


async def test_an_operator_that_ends_keeps_what_it_learned_the_worst_first() -> None:
    api = MemoryApi()
    workloads = {name: Owner("apps/v1", "Deployment", name, f"uid-{name}") for name in ("calm", "risen", "young")}
    async with running(api, concurrent_writes=1) as stage:
        for name in ("calm", "risen"):
            say(stage, name, workload=workloads[name], learned=seen(20 * MI, 30))
        await stage.drain()
        stage.clock.advance(60)
        say(stage, "young", workload=workloads["young"], limit_mi=None, learned=seen(20 * MI, 0.5))
        say(stage, "calm", workload=workloads["calm"], learned=seen(20 * MI, 31, until=NOW + 60))
        say(stage, "risen", workload=workloads["risen"], learned=seen(30 * MI, 31, until=NOW + 60))
        await stage.drain()
        assert len(status_writes(api)) == 2
        stage.publisher.flush()
        await stage.drain()
    assert [each.path.split("/")[-2] for each in api.writes("PATCH", "/status")][2:] == [
        "deployment-risen",
        "deployment-young",
        "deployment-calm",
    ]


async def test_an_operator_that_ends_makes_nothing_for_what_no_policy_selects() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, limit_mi=None, learned=seen(20 * MI, 0.5))
        stage.publisher.withdraw(a_pod(name="web-uid-1"))
        stage.publisher.flush()
        await stage.drain()
    assert api.requests == []


async def test_a_workload_that_comes_back_is_recalled_from_its_object_and_told_to_the_judgement() -> None:
    api, told = MemoryApi(), dict[str, tuple[int, tuple[str, ...]]]()

    def recalled(uid: str, learned: Mapping[str, State], pods: Iterable[str]) -> None:
        track = learned["app"].unreclaimable
        assert track is not None
        told[uid] = (track.peak_bytes, tuple(pods))

    async with running(api) as stage:
        say(stage, "first", learned=seen(50 * MI, 30, until=NOW))
        await stage.drain()
        stage.publisher.forget("first")
        stage.clock.advance(7 * 86400)
        say(stage, "other", workload=None, kills=(a_kill(),))
        stage.publisher.forget("other")  # meanwhile others rest
        await stage.drain()
        assert len(stage.publisher._recommendations) <= 1
        before = len(status_writes(api))
        stage.publisher.follow_recalled(recalled)
        say(stage, "second", limit_mi=None, learned=seen(20 * MI, 0.1, until=stage.clock.now))
        await stage.drain()
        assert told == {"shop/uid-web": (50 * MI, ("second",))}
        assert len(status_writes(api)) == before, "it says what stands there already"
    assert limit_of(api) == "128Mi"


async def test_a_digest_that_makes_no_sense_is_told_once_with_its_object_and_written_anew(caplog: pytest.LogCaptureFixture) -> None:
    api, clock = MemoryApi(), Clock()
    async with running(api, clock) as stage:
        say(stage, kills=(a_kill(),), learned=seen(20 * MI, 30, until=NOW))
        await stage.drain()
    api.objects[PATH]["status"]["containers"][0]["digest"] = api.objects[PATH]["status"]["containers"][0]["digest"][:200]
    async with running(api, clock) as restarted:
        document = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **api.objects[PATH]}
        restored = restarted.publisher.restore([document])
        assert restored.histories["shop", "uid-1"].containers["app"].kills == (a_kill(),), "what stands beside it is kept"
        assert restored.learned["shop/uid-web"] == {}
        say(restarted, kills=(a_kill(),), learned=seen(20 * MI, 1, until=NOW))
        clock.advance(600)
        await restarted.drain()
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage().startswith("left out of what an earlier run learned: container app: its digest is cut off")
    assert record.__dict__["object"] == "shop/deployment-web"
    assert '"learned"' in api.objects[PATH]["status"]["containers"][0]["digest"]


async def test_a_workload_that_is_forgotten_takes_no_pod_along_that_is_another_ones_by_now() -> None:
    api, clock = MemoryApi(), Clock()
    replica_set = Owner("apps/v1", "ReplicaSet", "web-1", "uid-rs")
    async with running(api, clock) as stage:
        say(stage, "a", workload=replica_set, limit_mi=256)  # its Deployment was not known yet
        await stage.drain()
    document = {
        "apiVersion": "oomsight.dev/v1alpha1",
        "kind": "MemoryRecommendation",
        **api.objects[PATH.replace("deployment-web", "replicaset-web-1")],
    }
    async with running(api, clock) as restarted:
        restarted.publisher.restore([document])
        say(restarted, "a", limit_mi=256)
        say(restarted, "b", limit_mi=128)
        await restarted.drain()
        assert limit_of(api) == "256Mi"
        clock.advance(2 * 3600)
        say(restarted, "b", limit_mi=128)  # meanwhile the ReplicaSet rested for long
        restarted.publisher.forget("a")
        say(restarted, "b", limit_mi=128, kills=(a_kill(),))
        await restarted.drain()
    assert limit_of(api) == "128Mi", "of a pod that is gone nothing is told"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=10) | st.just("app"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("name", "containers", "digest", "kills", "time", "summary", "conditions")), inner, max_size=4
            )
        ),
    )
)
def test_no_status_crashes_a_start(status: object) -> None:
    stage = a_publisher(MemoryApi(), Clock())
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-web"}
    metadata = {
        "name": "deployment-web",
        "namespace": "shop",
        "uid": "u",
        "generation": 1,
        "creationTimestamp": "2026-03-01T10:00:00Z",
        "ownerReferences": [owner],
    }
    spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    base = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", "metadata": metadata, "spec": spec}
    restored = stage.publisher.restore([{**base, "status": status}, {**base, "status": {"containers": [status]}}])
    assert restored.histories == {}
