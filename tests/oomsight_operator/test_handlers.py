from __future__ import annotations

import asyncio

import pytest
from kubernetes.client import Configuration
from tests.oomsight_operator.small_cluster import POLICY, small_cluster

from oomsight_operator.handlers import connection_info, make_settings, run_kopf
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.kube.credentials import from_configuration


def test_kopf_writes_nothing_of_its_own_anywhere() -> None:
    settings = make_settings()
    assert not settings.posting.enabled
    assert not settings.posting.loggers
    assert settings.peering.standalone
    assert settings.scanning.disabled
    assert settings.persistence.finalizer == "oomsight.dev/finalizer"


def test_kopf_outlives_an_api_server_that_is_away_for_long() -> None:
    backoffs = iter(make_settings().networking.error_backoffs)  # type: ignore[arg-type]
    assert sum(next(backoffs) for _ in range(1000)) > 3600


async def test_kopf_logs_in_as_we_do() -> None:
    configuration = Configuration(host="http://127.0.0.1:8001")
    configuration.api_key["BearerToken"] = "Bearer s3cret"
    info = await connection_info(from_configuration(configuration))
    assert info.server == "http://127.0.0.1:8001"
    assert info.as_http_headers() == {"Authorization": "Bearer s3cret"}


async def test_policies_reach_the_store_and_our_tasks_outlive_kopf() -> None:
    async with small_cluster() as cluster:
        store, ready = PolicyStore(), asyncio.Event()
        kopf_task = asyncio.create_task(run_kopf(store, cluster.credentials, ready))
        async with asyncio.timeout(10):
            await ready.wait()
        ours = asyncio.create_task(asyncio.Event().wait())
        await cluster.make_policy("late")
        async with asyncio.timeout(10):
            while not list(store.known()):  # noqa: ASYNC110 - the store is asked
                await asyncio.sleep(0.01)
        await cluster.client.request("DELETE", f"{POLICY}/late")
        async with asyncio.timeout(10):
            while list(store.known()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        kopf_task.cancel()
        await asyncio.gather(kopf_task, return_exceptions=True)
        assert not ours.done()
        ours.cancel()


async def test_kopf_works_for_a_user_without_a_name_as_in_our_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10754")

    monkeypatch.setattr("getpass.getuser", nameless)
    async with small_cluster() as cluster:
        ready = asyncio.Event()
        kopf_task = asyncio.create_task(run_kopf(PolicyStore(), cluster.credentials, ready))
        async with asyncio.timeout(10):
            await ready.wait()
        assert not kopf_task.done()
        kopf_task.cancel()
        await asyncio.gather(kopf_task, return_exceptions=True)


async def test_a_kopf_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(**_: object) -> None:
        raise RuntimeError("the watcher has failed")

    monkeypatch.setattr("kopf.operator", broken)
    credentials = from_configuration(Configuration(host="http://127.0.0.1:1"))
    with pytest.raises(RuntimeError, match="the watcher has failed"):
        async with asyncio.timeout(20):
            await run_kopf(PolicyStore(), credentials, asyncio.Event())
