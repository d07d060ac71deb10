"""Who edits a policy sees it on the MemoryRecommendation soon, and once for each change."""

from __future__ import annotations

from tests.oomsight_operator.publishing.builders import MemoryApi, Stage, running
from tests.oomsight_operator.publishing.workloads import limit_of, say, status_writes

from oomsight_operator.kube.errors import ApiError


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
