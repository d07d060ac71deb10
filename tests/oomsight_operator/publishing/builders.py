"""Pods, judgements and a small API in memory for the tests of publishing."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from oomsight_api.names import PREFIX, RISK_LABEL, QosClass, RiskLevel, RiskReason
from oomsight_api.policy import PolicyRules
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerAssessment,
    ContainerKind,
    ContainerSpec,
    EffectivePolicy,
    Finding,
    Pod,
    PolicyRef,
    Recommendation,
    RecommendationStep,
)
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.publisher import Publisher
from oomsight_operator.publishing.settings import PublisherSettings

MI = 1024 * 1024
NOW = 1_750_000_000.0
POLICY = PolicyRef("MemoryPolicy", "default", "shop")
CONTAINER_ID = "c" * 64


def a_pod(uid: str = "uid-1", name: str = "web-0", namespace: str = "shop", **fields: Any) -> Pod:
    containers = fields.pop("containers", (ContainerSpec("app", memory_limit_bytes=64 * MI),))
    return Pod(uid, namespace, name, fields.pop("node_name", "node-1"), "Running", containers, **fields)


def a_kill(
    container: str = "app",
    *,
    source: KillSource = KillSource.STATUS,
    at: float = NOW,
    container_id: str = CONTAINER_ID,
    **fields: Any,
) -> Kill:
    fields = {"limit_bytes": 64 * MI, "exit_code": 137 if source is KillSource.STATUS else None, **fields}
    return Kill(at, container, container_id, source, **fields)


def a_recommendation(limit_mi: int = 128, container: str = "app", *, request_mi: int | None = None) -> Recommendation:
    step = RecommendationStep("StartFromKillingLimit", None, limit_mi * MI, "the limit of 64Mi killed it")
    return Recommendation(
        container,
        limit_mi * MI,
        request_mi * MI if request_mi else None,
        64 * MI,
        None,
        (step,),
        (RecommendationStep("Peak", None, request_mi * MI, "the peak of an hour"),) if request_mi else (),
    )


def a_container(
    level: RiskLevel = RiskLevel.NONE, name: str = "app", *, new_kills: tuple[Kill, ...] = (), **fields: Any
) -> ContainerAssessment:
    findings = (Finding(RiskReason.NEAR_LIMIT, level, f"{name}: 60Mi of 64Mi cannot be reclaimed"),) if level.severity > 1 else ()
    return ContainerAssessment(
        **{
            "name": name,
            "kind": ContainerKind.APP,
            "level": level,
            "findings": findings,
            "row": None,
            "memory_limit_bytes": 64 * MI,
            "memory_request_bytes": None,
            "expected_oom_score_adj": 990,
            "live_oom_score_adj_min": 990,
            "live_oom_score_adj_max": 990,
            "kills": new_kills,
            "new_kills": new_kills,
            **fields,
        }
    )


def an_assessment(
    level: RiskLevel = RiskLevel.NONE,
    *containers: ContainerAssessment,
    pod_uid: str = "uid-1",
    at: float = NOW,
    previous: RiskLevel = RiskLevel.UNKNOWN,
    policy: PolicyRef = POLICY,
    **publish: str,
) -> Assessment:
    rules = PolicyRules.model_validate({"publish": publish})
    judged = containers or (a_container(level),)
    reasons = tuple(dict.fromkeys(finding.reason for each in judged for finding in each.findings))
    return Assessment(pod_uid, EffectivePolicy(policy, rules), QosClass.BURSTABLE, level, reasons, judged, at, at, previous)


class Clock:
    """Time that goes on when the test says so."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Request:
    method: str
    path: str
    body: Any
    content_type: str


@dataclass
class MemoryApi:
    """Objects by path, merge patches with the uid as precondition, and failures on demand."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    failures: list[ApiError] = field(default_factory=list)
    """Answers to the next requests."""
    hold: asyncio.Event | None = None
    """While set and unset inside, requests wait."""
    _version: int = 100
    _seen: asyncio.Event = field(default_factory=asyncio.Event)

    def add_pod(self, pod: Pod) -> str:
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"
        labels = {**pod.labels, **({RISK_LABEL: pod.own_label} if pod.own_label else {})}
        metadata = {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": pod.uid,
            "annotations": dict(pod.own_annotations),
            "labels": labels,
        }
        self._store(path, {"kind": "Pod", "metadata": metadata})
        return path

    def pod(self, pod: Pod) -> Pod:
        """The pod as an informer would see it now."""
        metadata = self.objects[f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"]["metadata"]
        own = {key: value for key, value in metadata.get("annotations", {}).items() if key.startswith(PREFIX)}
        label = metadata.get("labels", {}).get(RISK_LABEL)
        return replace(pod, own_annotations=own, own_label=label, resource_version=metadata["resourceVersion"])

    def writes(self, method: str | None = None, contains: str = "") -> list[Request]:
        return [
            each
            for each in self.requests
            if each.method != "GET" and (method is None or each.method == method) and contains in each.path
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._seen.clear()
                await self._seen.wait()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        self.requests.append(Request(method, path, copy.deepcopy(body), content_type))
        self._seen.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.failures:
            raise self.failures.pop(0)
        await asyncio.sleep(0)
        document: dict[str, Any] = copy.deepcopy(body) if isinstance(body, dict) else {}
        if method == "POST":
            target = f"{path}/{document['metadata']['name']}"
            if target in self.objects:
                raise ApiError(409, "AlreadyExists", f"{target} already exists")
            document["metadata"] |= {"uid": f"made-{self._version}", "generation": 1, "creationTimestamp": "2026-03-01T10:00:00Z"}
            return copy.deepcopy(self._store(target, document))
        target = path.removesuffix("/status")
        if target not in self.objects:
            raise ApiError(404, "NotFound", f"{target} not found")
        standing = self.objects[target]
        if method == "PATCH":
            wanted_uid = document.get("metadata", {}).get("uid")
            if wanted_uid not in (None, standing["metadata"].get("uid")):
                raise ApiError(409, "Conflict", "the UID in the precondition does not match the UID in record")
            self._store(target, merge(standing, document))
        return copy.deepcopy(self.objects[target])

    def _store(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        self.objects[path] = document
        return document


def merge(standing: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7386."""
    result = dict(standing)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            inner = result.get(key)
            result[key] = merge(inner if isinstance(inner, dict) else {}, value)
        else:
            result[key] = value
    return result


@dataclass
class Stage:
    """A publisher over a MemoryApi, with a clock in the test's hand."""

    api: MemoryApi
    clock: Clock
    publisher: Publisher
    metrics: OperatorMetrics

    async def drain(self) -> None:
        assert await self.publisher.drain(10), "the publisher did not come to rest"

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """The publisher runs."""
        task = asyncio.create_task(self.publisher.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def a_publisher(api: MemoryApi, clock: Clock, **settings: Any) -> Stage:
    metrics = OperatorMetrics()
    publisher = Publisher(
        api,
        PublisherSettings(**settings),
        metrics,
        reporting_instance="operator-0",
        wall_clock=clock,
        clock=clock,
        jitter=lambda: 0.0,
    )
    return Stage(api, clock, publisher, metrics)


@asynccontextmanager
async def running(api: MemoryApi | None = None, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Stage]:
    stage = a_publisher(api or MemoryApi(), clock or Clock(), **settings)
    async with stage.writing():
        yield stage
