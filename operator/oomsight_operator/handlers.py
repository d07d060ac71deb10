"""kopf's part: it watches the policies, and tells the store. Nothing is written by it, and nothing but policies is watched.

Rules (measured, kopf 1.45): `on.event` only, since every other handler writes annotations or finalizers; handlers return nothing;
the timeouts below, since kopf's inactivity timeout can end a watcher for good.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import kopf

from oomsight_api.kinds import CLUSTER_MEMORY_POLICY, MEMORY_POLICY
from oomsight_api.names import GROUP, VERSION
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.kube.credentials import Credentials


def make_registry(policies: PolicyStore, credentials: Credentials) -> kopf.OperatorRegistry:
    """Handlers that feed `policies`, and a login with our own credentials."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(credentials)

    @kopf.on.event(GROUP, VERSION, MEMORY_POLICY.plural, registry=registry)
    @kopf.on.event(GROUP, VERSION, CLUSTER_MEMORY_POLICY.plural, registry=registry)
    async def policy_changed(event: Any, **_: Any) -> None:
        policies.observe(event["object"], deleted=event["type"] == "DELETED")

    return registry


class _Endless(Iterable[float]):
    """kopf's pauses between attempts, seconds, for ever: an API server that is away for an hour must not end the operator."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 2.0, 5.0, 10.0), itertools.repeat(15.0))


class _Everybody(Collection["asyncio.Task[Any]"]):
    """Tasks that kopf must leave alone: all. It would cancel every task made after its own start, ours included."""

    def __contains__(self, _: object) -> bool:
        return True

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def run_kopf(policies: PolicyStore, credentials: Credentials, stop: asyncio.Event, ready: asyncio.Event) -> None:
    """Watch the policies until `stop` is set (or a signal comes: kopf takes SIGTERM and SIGINT when it starts)."""
    tasks = await kopf.spawn_tasks(
        registry=make_registry(policies, credentials),
        settings=make_settings(),
        clusterwide=True,
        standalone=True,
        stop_flag=stop,
        ready_flag=ready,
    )
    await kopf.run_tasks(tasks, ignored=_Everybody())


async def connection_info(credentials: Credentials) -> kopf.ConnectionInfo:
    """What kopf needs to reach the API server as we do."""
    header = await credentials.authorization(renew=True)
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
