"""The MemoryRecommendation of one workload in the API: read, made, and its status written. Every call may raise ApiError."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from oomsight_api.kinds import MEMORY_RECOMMENDATION
from oomsight_api.names import API_VERSION
from oomsight_api.recommendation import MemoryRecommendationStatus
from oomsight_operator.judgement.model import Owner
from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.patches import is_other_uid, status_patch
from oomsight_operator.publishing.runner import ApiClient

logger = logging.getLogger(__name__)


class OtherOwnerError(ApiError):
    """The name belongs to another workload of the same kind and name: one before, which waits to be collected, or one after."""


MANAGED_BY = {"app.kubernetes.io/managed-by": "oomsight"}


async def read(client: ApiClient, namespace: str, name: str) -> dict[str, Any] | None:
    """The object; None where there is none."""
    try:
        answer = await client.request("GET", MEMORY_RECOMMENDATION.path(namespace, name))
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    return _with_kind(answer)


async def make(client: ApiClient, namespace: str, name: str, target: Owner) -> tuple[dict[str, Any], int]:
    """Make the object, owned by its workload, or read the one that is there; and the number of writes."""
    reference = {"apiVersion": target.api_version, "kind": target.kind, "name": target.name}
    body = {
        "apiVersion": API_VERSION,
        "kind": MEMORY_RECOMMENDATION.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": MANAGED_BY,
            "ownerReferences": [{**reference, "uid": target.uid}],
        },
        "spec": {"targetRef": reference},
    }
    try:
        return _with_kind(await client.request("POST", MEMORY_RECOMMENDATION.path(namespace), body=body)), 1
    except ApiError as error:
        if error.status != 409:
            raise
    standing = await read(client, namespace, name)
    if standing is None:
        raise ApiError(409, "Conflict", f"{namespace}/{name} went while it was looked at")  # worth another try
    owner = owner_of(standing)
    if owner is not None and owner.uid != target.uid:
        what = f"{MEMORY_RECOMMENDATION.kind} {namespace}/{name}"
        raise OtherOwnerError(409, "Conflict", f"{what} belongs to another {target.kind} of the same name")
    return standing, 0


async def write_status(client: ApiClient, namespace: str, name: str, uid: str, status: MemoryRecommendationStatus) -> bool:
    """Write the status; False where the object with this uid is no more."""
    path = MEMORY_RECOMMENDATION.path(namespace, name, "status")
    try:
        await client.request("PATCH", path, body=status_patch(uid, status), content_type=MERGE_PATCH)
    except ApiError as error:
        if error.status != 404 and not is_other_uid(error):
            raise
        return False
    return True


def owner_of(document: Mapping[str, Any]) -> Owner | None:
    """The workload that owns a recommendation."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    references = metadata.get("ownerReferences") if isinstance(metadata, Mapping) else None
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, Mapping):
            parts = [reference.get(part) for part in ("apiVersion", "kind", "name", "uid")]
            if all(isinstance(part, str) and part for part in parts):
                return Owner(*(str(part) for part in parts))
    return None


def _with_kind(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": MEMORY_RECOMMENDATION.kind, **answer}
