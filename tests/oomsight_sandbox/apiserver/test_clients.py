"""The clients the operator is built on, against the server: the official client's leader election, and kopf."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import kopf
import pytest
from kubernetes import client as kubernetes_client
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from tests.oomsight_sandbox.apiserver.conftest import CRDS, WIDGETS, Client, make_definition, make_widget, until

from oomsight_sandbox.apiserver import ApiServer
from oomsight_sandbox.apiserver.resources import CRDS as CRD_STORAGE

LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/one"


async def test_the_official_client_reads_and_writes_typed_objects(server: ApiServer) -> None:
    def work() -> tuple[str, str, int]:
        configuration = kubernetes_client.Configuration(host=server.url)
        with kubernetes_client.ApiClient(configuration) as connection:
            core = kubernetes_client.CoreV1Api(connection)
            body = kubernetes_client.V1ConfigMap(metadata=kubernetes_client.V1ObjectMeta(generate_name="c-"), data={"a": "b"})
            made = core.create_namespaced_config_map("default", body)
            assert made.metadata is not None
            name = str(made.metadata.name)
            core.patch_namespaced_config_map(name, "default", {"data": {"a": "c"}})
            found = core.read_namespaced_config_map(name, "default")
            assert found.data is not None
            return name, found.data["a"], len(core.list_namespace().items)

    name, value, namespaces = await asyncio.to_thread(work)
    assert name.startswith("c-")
    assert (value, namespaces) == ("c", 4)


async def test_one_of_two_leads_and_the_other_takes_over(
    server: ApiServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_client.Configuration, "_default", kubernetes_client.Configuration(host=server.url))
    leading: list[str] = []
    ended: list[str] = []
    leave = {name: threading.Event() for name in ("first", "second")}

    def elect(name: str) -> None:
        class Leaving(LeaseLock):
            def __init__(self) -> None:
                super().__init__("one", "default", name)  # type: ignore[no-untyped-call]

            def update(self, *arguments: Any) -> bool:
                # Once the candidate has left, its lock is not renewed any more.
                return not leave[name].is_set() and bool(super().update(*arguments))  # type: ignore[no-untyped-call]

        def lead() -> None:
            leading.append(name)

        config = electionconfig.Config(  # type: ignore[no-untyped-call]
            Leaving(), lease_duration=3, renew_deadline=2, retry_period=1.1,
            onstarted_leading=lead, onstopped_leading=lambda: ended.append(name),
        )  # fmt: skip
        leaderelection.LeaderElection(config).run()  # type: ignore[no-untyped-call]

    threads = [threading.Thread(target=elect, args=(name,), daemon=True) for name in leave]
    threads[0].start()
    await until(lambda: leading == ["first"])
    threads[1].start()
    lease = await client.get(LEASE)
    assert lease["spec"]["holderIdentity"] == "first"
    leave["first"].set()
    await until(lambda: leading == ["first", "second"])
    await until(lambda: ended == ["first"])
    assert (await client.get(LEASE))["spec"]["holderIdentity"] == "second"
    leave["second"].set()
    await until(lambda: ended == ["first", "second"])
    for thread in threads:
        await asyncio.to_thread(thread.join, 10)


async def test_kopf_handles_objects_and_sees_them_again_after_a_410(server: ApiServer, client: Client) -> None:
    await client.post(CRDS, make_definition())
    assert server.store.count(CRD_STORAGE) == 1
    registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = False
    settings.persistence.finalizer = "example.dev/finalizer"
    settings.watching.reconnect_backoff = 0.05
    seen: list[tuple[str, str]] = []

    @kopf.on.login(registry=registry)
    def log_in(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=server.url)

    @kopf.on.create("example.dev", "v1", "widgets", registry=registry)
    @kopf.on.update("example.dev", "v1", "widgets", field="spec", registry=registry)
    async def follow(spec: Any, name: Any, patch: Any, **_: Any) -> None:
        seen.append((str(name), f"size {spec['size']}"))
        patch.status["ready"] = True

    @kopf.on.delete("example.dev", "v1", "widgets", registry=registry)
    async def let_go(name: Any, **_: Any) -> None:
        seen.append((str(name), "gone"))

    stop, ready = asyncio.Event(), asyncio.Event()
    operator = asyncio.create_task(
        kopf.operator(registry=registry, settings=settings, clusterwide=True, standalone=True, stop_flag=stop, ready_flag=ready)
    )
    try:
        async with asyncio.timeout(30):
            await ready.wait()
        await client.post(WIDGETS, make_widget())
        await until(lambda: ("one", "size 1") in seen)
        await until(lambda: _status(server) == {"ready": True})
        server.faults.expire_watches()
        await client.merge(f"{WIDGETS}/one", {"spec": {"size": 2}})
        await until(lambda: ("one", "size 2") in seen)
        await server.faults.restart()
        await client.ask("DELETE", f"{WIDGETS}/one")
        await until(lambda: ("one", "gone") in seen)
        await until(lambda: _status(server) is None)
    finally:
        stop.set()
        await asyncio.wait([operator], timeout=10)
    assert seen == [("one", "size 1"), ("one", "size 2"), ("one", "gone")]


def _status(server: ApiServer) -> Any:
    widget = server.registry.find("example.dev", "v1", "widgets")
    assert widget is not None
    found = server.store.objects(widget.storage)
    return found[0].data.get("status") if found else None
