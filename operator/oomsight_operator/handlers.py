"""kopf's part: it watches the policies, and tells the store. Nothing is written by it, and nothing but policies is watched.

Rules (measured, kopf 1.45): `on.event` only, since every other handler writes annotations or finalizers; handlers return nothing;
the timeouts below, since kopf's inactivity timeout can end a watcher for good.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import kopf

from oomsight_api.kinds import CLUSTER_MEMORY_POLICY, MEMORY_POLICY
from oomsight_api.names import GROUP, VERSION
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.kube.credentials import Credentials

_IDENTITY: Any = "oomsight-operator"
"""Told to no peer. Left to itself kopf asks for the name of its user, who has none in an image with a high uid, and fails."""
STOP_SECONDS = 3.0
"""For kopf to end; then it is left alone, since its thread ends with the process."""


def make_registry(observe: Callable[[Mapping[str, Any], bool], None], credentials: Credentials) -> kopf.OperatorRegistry:
    """Handlers that give each policy, and whether it is deleted, to `observe`, and a login with our own credentials."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(credentials)

    @kopf.on.event(GROUP, VERSION, MEMORY_POLICY.plural, registry=registry)
    @kopf.on.event(GROUP, VERSION, CLUSTER_MEMORY_POLICY.plural, registry=registry)
    async def policy_changed(event: Any, **_: Any) -> None:
        observe(event["object"], event["type"] == "DELETED")

    return registry


class _Endless(Iterable[float]):
    """kopf's pauses between attempts, seconds, for ever: an API server that is away for an hour must not end the operator."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 2.0, 5.0, 10.0), itertools.repeat(15.0))


async def run_kopf(policies: PolicyStore, credentials: Credentials, ready: asyncio.Event) -> None:
    """Watch the policies until cancelled; `ready` is set when kopf works. Raises what kopf fails of.

    kopf gets a thread and a loop of its own: when it ends, it cancels every task of its loop that is younger than itself, and
    one of its watchers may swallow its own cancellation. Neither must reach ours.
    """
    loop = asyncio.get_running_loop()
    stop: concurrent.futures.Future[None] = concurrent.futures.Future()
    works: concurrent.futures.Future[None] = concurrent.futures.Future()
    ended: asyncio.Future[None] = loop.create_future()

    def observe(raw: Mapping[str, Any], deleted: bool) -> None:
        loop.call_soon_threadsafe(functools.partial(policies.observe, raw, deleted=deleted))

    def work() -> None:
        error: BaseException | None = None
        try:
            registry = make_registry(observe, credentials)
            asyncio.run(
                kopf.operator(
                    registry=registry,
                    settings=make_settings(),
                    clusterwide=True,
                    standalone=True,
                    identity=_IDENTITY,
                    stop_flag=stop,
                    ready_flag=works,
                )
            )
        except BaseException as caught:  # noqa: BLE001 - it is raised again in our loop
            error = caught
        with contextlib.suppress(RuntimeError):  # our loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_end, ended, error)

    works.add_done_callback(lambda _: loop.call_soon_threadsafe(ready.set))
    threading.Thread(target=work, name="kopf", daemon=True).start()
    try:
        await asyncio.shield(ended)
    finally:
        if not stop.done():
            stop.set_result(None)
        await asyncio.wait((ended,), timeout=STOP_SECONDS)


def _end(ended: asyncio.Future[None], error: BaseException | None) -> None:
    if ended.done():
        return
    if error is None or isinstance(error, asyncio.CancelledError):
        ended.set_result(None)
    else:
        ended.set_exception(error)
        ended.exception()  # somebody who was cancelled no longer looks at it


async def connection_info(credentials: Credentials) -> kopf.ConnectionInfo:
    """What kopf needs to reach the API server as we do."""
    header = await asyncio.to_thread(credentials.read_authorization)
    scheme, _, token = (header or "").partition(" ")
    configuration = credentials.configuration
    return kopf.ConnectionInfo(
        server=credentials.host,
        ca_path=configuration.ssl_ca_cert,
        ca_data=configuration.ca_cert_data if not configuration.ssl_ca_cert else None,
        insecure=not configuration.verify_ssl,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        scheme=scheme or None,
        token=token or None,
        proxy_url=credentials.proxy,
    )


def make_settings() -> kopf.OperatorSettings:
    """kopf's settings: quiet, without traces of its own on any object, and with watchers that live."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP, v1=False)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
        prefix=GROUP, key="last-handled-configuration", v1=False
    )
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = 1e7
    settings.networking.error_backoffs = _Endless()
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 0.5
    settings.process.ultimate_exiting_timeout = None
    return settings
