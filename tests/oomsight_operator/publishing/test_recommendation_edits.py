"""Who edits a policy sees it on the MemoryRecommendation soon, and once for each change."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oomsight_operator.publishing.builders import MemoryApi, Stage, a_pod, running
from tests.oomsight_operator.publishing.workloads import PATH, limit_of, say, status_writes

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.recommendation_record import MOST_RELEASED


async def written_a_moment_ago(stage: Stage) -> None:
    """Two replicas' recommendation."""
    for uid in ("uid-1", "uid-2"):
        say(stage, uid, limit_mi=128)
    await stage.drain()
    stage.clock.advance(10)


async def test_other_rules_show_half_a_minute_after_the_last_write_and_once() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        before = len(status_writes(api))
        for uid in ("uid-1", "uid-2"):
            say(stage, uid, limit_mi=160, mode="OnOOMKill")
        await stage.drain()
        assert limit_of(api) == "128Mi"
        stage.clock.advance(20)
        await stage.drain()
        assert limit_of(api) == "160Mi"
        for limit in (192, 224):  # no edit is behind these
            say(stage, limit_mi=limit, mode="OnOOMKill")
            stage.clock.advance(60)
            await stage.drain()
        assert len(status_writes(api)) == before + 1


async def test_an_edit_that_changes_nothing_here_lets_nothing_be_written_sooner_later() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        for uid in ("uid-1", "uid-2"):
            say(stage, uid, limit_mi=128, mode="OnOOMKill")
        stage.clock.advance(60)
        await stage.drain()
        say(stage, limit_mi=160, mode="OnOOMKill")
        await stage.drain()
        assert limit_of(api) == "128Mi"


async def test_a_pod_that_its_owner_moves_under_another_policy_by_its_labels_waits() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        for uid in ("uid-1", "uid-2"):
            say(stage, uid, limit_mi=160, mode="OnOOMKill", labels={"tier": "other"})
        stage.clock.advance(60)
        await stage.drain()
        assert limit_of(api) == "128Mi"
        stage.clock.advance(600)
        await stage.drain()
        assert limit_of(api) == "160Mi"


def withdraw(stage: Stage, *uids: str, labels: Mapping[str, str] | None = None) -> None:
    for uid in uids:
        stage.publisher.withdraw(a_pod(uid, f"web-{uid}", labels=labels or {}))


def is_selected(api: MemoryApi) -> bool:
    return "NoPolicy" not in {condition["reason"] for condition in api.objects[PATH]["status"]["conditions"]}


async def test_a_policy_that_goes_shows_half_a_minute_after_the_last_write_and_so_does_one_that_comes_back() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        withdraw(stage, "uid-1", "uid-2")
        await stage.drain()
        assert is_selected(api)
        stage.clock.advance(20)
        await stage.drain()
        assert not is_selected(api)
        stage.clock.advance(5)
        say(stage, "uid-1", limit_mi=128)
        stage.clock.advance(25)
        await stage.drain()
        assert is_selected(api)
        before = len(status_writes(api))
        say(stage, "uid-1", limit_mi=160)  # no edit is behind this
        stage.clock.advance(60)
        await stage.drain()
        assert len(status_writes(api)) == before


async def test_a_policy_that_no_longer_selects_one_replica_of_two_lets_nothing_be_written_sooner() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        withdraw(stage, "uid-1")
        say(stage, "uid-2", limit_mi=160)
        stage.clock.advance(60)
        await stage.drain()
        assert limit_of(api) == "128Mi"


async def test_pods_that_their_owner_moves_out_of_the_policy_by_their_labels_and_back_wait() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        withdraw(stage, "uid-1", "uid-2", labels={"tier": "none"})
        stage.clock.advance(580)
        await stage.drain()
        assert is_selected(api)
        stage.clock.advance(20)
        await stage.drain()
        assert not is_selected(api)
        say(stage, "uid-1", limit_mi=128)
        stage.clock.advance(590)
        await stage.drain()
        assert not is_selected(api)
        stage.clock.advance(10)
        await stage.drain()
        assert is_selected(api)


async def test_a_policy_that_comes_and_goes_is_written_once_in_half_a_minute_and_leaves_no_memory() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        before = len(status_writes(api))
        for second in range(300):
            if second % 2:
                say(stage, f"uid-{second}", limit_mi=128)
            else:
                withdraw(stage, "uid-1", "uid-2", f"uid-{second - 1}")
            stage.clock.advance(1)
            await stage.drain()
        assert len(status_writes(api)) - before <= 11
        (record,) = stage.publisher._recommendations._records.values()
        assert len(record.released) <= MOST_RELEASED


async def test_edits_all_the_time_are_written_once_in_half_a_minute() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        before = len(status_writes(api))
        for second in range(300):
            say(stage, limit_mi=160 + 16 * (second % 3), mode="OnOOMKill" if second % 2 else "Always")
            stage.clock.advance(1)
            await stage.drain()
        assert 5 <= len(status_writes(api)) - before <= 11


async def test_an_edit_is_not_forgotten_by_a_write_that_failed() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        await written_a_moment_ago(stage)
        for uid in ("uid-1", "uid-2"):
            say(stage, uid, limit_mi=160, mode="OnOOMKill")
        tried = len(api.requests)
        api.failures.append(ApiError(503, "ServiceUnavailable", "busy"))
        stage.clock.advance(30)
        await api.until(lambda: len(api.requests) > tried)
        assert limit_of(api) == "128Mi"
        say(stage, limit_mi=192, mode="OnOOMKill")
        stage.clock.advance(30)
        await stage.drain()
        assert limit_of(api) == "192Mi"
