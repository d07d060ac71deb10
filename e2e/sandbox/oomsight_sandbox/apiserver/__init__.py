"""One embedded Kubernetes API server: what the demo, the integration tests, the fault tests and the scale runs talk to.

`async with ApiServer() as server:` serves on loopback what kubectl, kopf, the `kubernetes` client and an informer ask of a real
one: discovery, OpenAPI, custom resources, patches, watches, paged lists, Tables, events. `server.faults` breaks it on purpose.
"""

from __future__ import annotations

from .faults import FailureRule, Faults
from .requests import RequestLog, RequestRecord
from .server import ApiServer
from .store import Key, ResourceId, Store, StoredObject

__all__ = ["ApiServer", "FailureRule", "Faults", "Key", "RequestLog", "RequestRecord", "ResourceId", "Store", "StoredObject"]
