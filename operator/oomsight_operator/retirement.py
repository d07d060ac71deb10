"""Stops a running operator before its marks are removed, lest it writes them anew. For `oomsight-operator cleanup` alone.

Through the Deployment's scale subresource: the right to patch that of one Deployment gives no say over its image or its pods.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.runner import ApiClient

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 120
"""A pod has 30 seconds to end before the kubelet kills it."""
ATTEMPTS = 6

Sleep = Callable[[float], Awaitable[None]]


class RetirementError(Exception):
    """The operator still runs, or may; the message names what and says what to do."""


async def stop_deployment(client: ApiClient, namespace: str, name: str, *, sleep: Sleep = asyncio.sleep) -> None:
    """Scale a Deployment to zero and wait until its pods have ended. One that is not there needs no stopping.

    Raises RetirementError when that is refused, or when a pod is still there after two minutes.
    """
    where = quote(namespace, safe="")
    path = f"/apis/apps/v1/namespaces/{where}/deployments/{quote(name, safe='')}/scale"
    try:
        scale = await _retrying(
            lambda: client.request("PATCH", path, body={"spec": {"replicas": 0}}, content_type=MERGE_PATCH), sleep
        )
    except ApiError as error:
        if error.status == 404:
            return
        raise RetirementError(f"Deployment {namespace}/{name} could not be scaled to zero: {error.message}") from error
    selector = str(_mapping(scale.get("status")).get("selector") or "")
    if not selector:  # all pods of the namespace would be meant
        raise RetirementError(f"Deployment {namespace}/{name}: its Scale has no status.selector to find its pods by")
    logger.info("Deployment %s/%s is scaled to zero, waiting for its pods to end", namespace, name)
    left: list[str] = []
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        try:
            left = await _pods(client, where, selector, sleep)
        except ApiError as error:
            raise RetirementError(f"the pods of Deployment {namespace}/{name} could not be listed: {error.message}") from error
        if not left:
            return
        await sleep(POLL_SECONDS)
    raise RetirementError(
        f"pod {namespace}/{left[0]} of Deployment {name} is still there after {PATIENCE_SECONDS} s and could write anew; "
        f"if its node is gone: kubectl -n {namespace} delete pod {left[0]} --force"
    )


async def _pods(client: ApiClient, namespace: str, selector: str, sleep: Sleep) -> list[str]:
    """Names of those that may still run. A ReplicaSet that shrinks leaves evicted ones lie, whose containers have ended."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    answer = await _retrying(lambda: client.request("GET", path, params={"labelSelector": selector}), sleep)
    items = answer.get("items")
    pods = [_mapping(item) for item in (items if isinstance(items, list) else ())]
    running = (pod for pod in pods if _mapping(pod.get("status")).get("phase") not in ("Succeeded", "Failed"))
    return [str(_mapping(pod.get("metadata")).get("name")) for pod in running]


async def _retrying(send: Callable[[], Awaitable[Mapping[str, Any]]], sleep: Sleep) -> Mapping[str, Any]:
    """A few times, what may succeed later. Raises the last ApiError."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return await send()
        except ApiError as error:
            if not error.transient:
                raise
            await sleep(max(error.retry_after_seconds or 0.0, 0.25 * 2**attempt))
    return await send()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
