"""kopf's part: it watches the policies, and tells the store. Nothing is written by it, and nothing but policies is watched.

Rules (measured, kopf 1.45): `on.event` only, since every other handler writes annotations or finalizers; handlers return nothing;
the timeouts below, since kopf's inactivity timeout can end a watcher for good.
"""

from __future__ import annotations

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
    settings.process.ultimate_exiting_timeout = None
    return settings
