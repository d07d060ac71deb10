"""MemoryRecommendation: what a workload's containers should ask for, every number behind it, and what a restart must not forget.

Namespaced, one per workload and owned by it. Written by the operator alone; quantities are strings, times RFC 3339.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from oomsight_api.api_model import WHOLE_NUMBER, ApiModel, Name, QuantityText, StatusModel, Timestamp
from oomsight_api.conditions import MAX_CONDITIONS, Condition
from oomsight_api.incident import MAX_ID_LENGTH
from oomsight_api.names import Cause, Confidence
from oomsight_api.status import Count

MAX_CONTAINERS = 32
MAX_STEPS = 16
MAX_KILLS = 10
"""Kills remembered with their details, per container; older ones stay in the count."""
MAX_DIGEST_LENGTH = 4096
MAX_SENTENCE_LENGTH = 512
MAX_INCIDENT_LENGTH = MAX_ID_LENGTH
MAX_PROCESS_LENGTH = 64
"""A process name has 15 bytes, each escaped at most four times as long."""

ContainerName = Annotated[str, Field(max_length=63)]
Sentence = Annotated[str, Field(max_length=MAX_SENTENCE_LENGTH)]


class Resource(StrEnum):
    """Which of the two numbers a step is about."""

    LIMIT = "Limit"
    REQUEST = "Request"


class KillEvidence(StrEnum):
    """What proves a kill: the kubelet's OOMKilled (Status), the kernel's counter (Counter), or its log (KernelLog)."""

    STATUS = "Status"
    COUNTER = "Counter"
    KERNEL_LOG = "KernelLog"


class KillScope(StrEnum):
    """Whose memory ran out: the container's own limit (Container), its pod's (Pod), that of another cgroup (Cgroup), or the node
    (Node)."""

    CONTAINER = "Container"
    POD = "Pod"
    NODE = "Node"
    CGROUP = "Cgroup"


class KillOutcome(StrEnum):
    """What became of the container: it ended with the kill, or it went on without the killed process."""

    CONTAINER_ENDED = "ContainerEnded"
    CONTAINER_WENT_ON = "ContainerWentOn"


class TargetRef(ApiModel):
    """The workload that the recommendation is for: what holds its pods' template, such as a Deployment or CronJob."""

    api_version: Name
    """Such as apps/v1."""
    kind: Annotated[str, Field(max_length=63)]
    """Such as Deployment; Pod for a pod without a controller."""
    name: Name
    """Name of the workload, in the same namespace."""


class MemoryRecommendationSpec(ApiModel):
    """What the recommendation is for."""

    target_ref: TargetRef
    """The workload."""


class Step(StatusModel):
    """One step of the computation: what the number was before, what it became, and why."""

    resource: Resource
    """Which number: Limit or Request."""
    rule: Annotated[str, Field(max_length=63)]
    """Name of the rule, such as StartFromKillingLimit."""
    why: Sentence
    """Why, in words."""
    before: QuantityText | None = None
    """Before the step; missing where the step starts the computation."""
    after: QuantityText
    """After the step."""


class KillRecord(StatusModel):
    """One OOM kill of the container or of a process in it."""

    time: Timestamp
    """When it happened."""
    pod: Name
    """Pod that it happened in."""
    pod_uid: Annotated[str | None, Field(alias="podUID", max_length=63)] = None
    """Uid of that pod: a later pod of the same name did not suffer it."""
    container_id: Annotated[str, Field(alias="containerID", max_length=128)]
    """Id of the container's run: 64 hexadecimal digits, or how its end is named where the runtime gives no id."""
    source: KillEvidence
    """What proves it."""
    limit: QuantityText | None = None
    """The container's own memory limit then, which need not be the one that was hit (see scope); missing where it is not known."""
    peak: QuantityText | None = None
    """Highest memory seen before it; missing where it is unknown."""
    exit_code: Annotated[int, Field(), WHOLE_NUMBER] | None = None
    """Exit code of the container; missing where it went on, or nobody told how it ended."""
    processes: Count = 1
    """How many processes died, as far as the kernel says."""
    sequence: Count = 0
    """Which kill of the container's counter it is; 0 where that is not known."""
    incident: Annotated[str, Field(max_length=MAX_INCIDENT_LENGTH)] | None = None
    """Id of the node agent's incident; missing where the kubelet alone tells of the kill."""
    scope: KillScope | None = None
    """Whose limit was hit: the Container's, the Pod's, another Cgroup's, or none: the Node ran out; missing where it is unknown."""
    outcome: KillOutcome | None = None
    """Whether the container ended with it; missing where the exit code alone tells."""
    process: Annotated[str, Field(max_length=MAX_PROCESS_LENGTH)] | None = None
    """Name of the first process killed, escaped to printable ASCII; missing where it is unknown."""
    pid: Count | None = None
    """Its process id on the node; missing where it is unknown."""
    cause: Cause | None = None
    """Why it was killed, as one word; docs/causes.md explains each."""
    cause_sentence: Sentence | None = None
    """Why it was killed, with the numbers that show it."""


class ContainerRecommendation(StatusModel):
    """The recommendation for one container of the workload."""

    name: ContainerName
    """Name of the container."""
    current_limit: QuantityText | None = None
    """Memory limit as the workload's pods have it; missing where none is set."""
    current_request: QuantityText | None = None
    """Memory request as the workload's pods have it; missing where none is set."""
    recommended_limit: QuantityText | None = None
    """Memory limit to set; missing where nothing is recommended."""
    recommended_request: QuantityText | None = None
    """Memory request to set; missing where nothing is recommended."""
    reason: Sentence = ""
    """Why, in one sentence."""
    confidence: Confidence | None = None
    """How much the recommendation may be relied on; missing where nothing is recommended."""
    confidence_reason: Sentence = ""
    """Why not more."""
    observed_hours: Count = 0
    """Hours of which samples were seen, all of the workload's pods together."""
    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_STEPS)] = ()
    """Every step that led to the numbers, in order."""
    oom_kills: Count = 0
    """OOM kills since the recommendation exists, all of the workload's pods together."""
    kills: Annotated[tuple[KillRecord, ...], Field(max_length=MAX_KILLS)] = ()
    """The latest of them, newest last, at most ten."""
    digest: Annotated[str, Field(max_length=MAX_DIGEST_LENGTH)] | None = None
    """What a restarted operator goes on from; its format belongs to the operator."""


class Summary(StatusModel):
    """The container that needs a change most, for kubectl get."""

    workload: Annotated[str, Field(max_length=320)]
    """Kind and name of the workload, such as Deployment/web."""
    container: ContainerName
    """Name of the container."""
    current_limit: QuantityText | None = None
    """Its memory limit now."""
    recommended_limit: QuantityText | None = None
    """Its recommended memory limit."""
    current_request: QuantityText | None = None
    """Its memory request now."""
    recommended_request: QuantityText | None = None
    """Its recommended memory request."""
    reason: Annotated[str, Field(max_length=63)] | None = None
    """Why, as one word, such as OOMKilled; missing where no container is at risk."""
    oom_kills: Count = 0
    """OOM kills of all containers of the workload."""
    confidence: Confidence | None = None
    """How much the recommendation may be relied on."""


class MemoryRecommendationStatus(StatusModel):
    """The recommendation."""

    observed_generation: Count | None = None
    """The generation of the spec that this status was computed from."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=MAX_CONDITIONS)] = Field(
        default=(), json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """RecommendationProvided."""
    policy: Annotated[str, Field(max_length=640)] | None = None
    """The policy that asked for it, such as MemoryPolicy team-a/default."""
    last_update_time: Timestamp | None = None
    """When the recommendation or its evidence last changed."""
    summary: Summary | None = None
    """The container that needs a change most."""
    containers: Annotated[tuple[ContainerRecommendation, ...], Field(max_length=MAX_CONTAINERS)] = Field(
        default=(), json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    )
    """Every container of the workload of which something is known."""
