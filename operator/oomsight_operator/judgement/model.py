"""The plain values that judgement works on: pods as the API tells them, with what the agents told, and what came out.

Everything is immutable and slotted: 150,000 pods live in one operator. Bytes are ints, times are Unix seconds, None means unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from oomsight_api.incident import Incident
from oomsight_api.names import Confidence, QosClass, RiskLevel, RiskReason
from oomsight_api.policy import PolicyRules, RiskSpec
from oomsight_api.report import Container as ContainerRow
from oomsight_api.report import NodeMemory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.advice.given import AdviceGiven
from oomsight_operator.judgement.forecast.history import NOTHING_SEEN, FloorHistory
from oomsight_operator.judgement.forecast.outlook import Forecast
from oomsight_operator.judgement.kill_order.model import KillOrder
from oomsight_operator.judgement.kills.model import Kill, WaitingKill
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.runtime.setting import HeapSetting
from oomsight_operator.judgement.usual import NOTHING_USUAL, Usual


class ContainerKind(StrEnum):
    """Which list of the pod's spec a container stands in; a sidecar is an init container with `restartPolicy: Always`."""

    APP = "app"
    INIT = "init"
    SIDECAR = "sidecar"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Resources of one container; None means that the field is not set in the spec."""

    name: str
    kind: ContainerKind = ContainerKind.APP
    memory_request_bytes: int | None = None
    memory_limit_bytes: int | None = None
    cpu_request_millicores: int | None = None
    cpu_limit_millicores: int | None = None
    heap: HeapSetting | None = None
    """Of a runtime with a garbage collector, as far as command, args and env tell; None where they name none."""


@dataclass(frozen=True, slots=True)
class Termination:
    """One end of a container's run, from `state.terminated` or `lastState.terminated`."""

    container_id: str
    """Of the run; where the runtime gives none, a name that the end of no other pod's container has."""
    reason: str | None
    exit_code: int | None
    started_at_seconds: float | None = None
    finished_at_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """What the kubelet says of a container. `container_id` is the bare 64 hex digits, without `containerd://`."""

    name: str
    container_id: str | None
    restart_count: int
    state: Literal["waiting", "running", "terminated", "unknown"]
    started_at_seconds: float | None = None
    terminated: Termination | None = None
    last_terminated: Termination | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of a pod or workload."""

    api_version: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, projected to the fields that oomsight needs."""

    uid: str
    namespace: str
    name: str
    node_name: str | None
    phase: str
    containers: tuple[ContainerSpec, ...]
    """App, init, sidecar and ephemeral containers, in the order of the spec (init first)."""
    statuses: Mapping[str, ContainerStatus] = field(default_factory=dict)
    """By container name."""
    labels: Mapping[str, str] = field(default_factory=dict)
    own_annotations: Mapping[str, str] = field(default_factory=dict)
    """Those under our prefix: what is published now, to compare with; never an input of judgement."""
    own_label: str | None = None
    """Value of the risk label as it stands."""
    pod_memory_request_bytes: int | None = None
    pod_memory_limit_bytes: int | None = None
    """Pod-level resources (`spec.resources`, beta in 1.34)."""
    pod_cpu_request_millicores: int | None = None
    pod_cpu_limit_millicores: int | None = None
    overhead_bytes: int | None = None
    """Memory that the RuntimeClass takes for itself (`spec.overhead`)."""
    priority: int | None = None
    priority_class_name: str | None = None
    has_deadline: bool = False
    """`spec.activeDeadlineSeconds` is set: to quotas the pod is Terminating."""
    crosses_namespaces: bool = False
    """An affinity term of it looks into other namespaces."""
    status_qos_class: str | None = None
    config_hash: str | None = None
    """Of a static pod (its mirror pod's `kubernetes.io/config.hash`): its cgroup's name."""
    owner: Owner | None = None
    pod_ip: str | None = None
    deletion_timestamp: str | None = None
    resource_version: str = ""

    @property
    def cgroup_uid(self) -> str:
        """The uid under which the kubelet names the pod's cgroup."""
        return self.config_hash or self.uid


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Identity of a policy: `MemoryPolicy team-a/default` or `ClusterMemoryPolicy strict`."""

    kind: Literal["MemoryPolicy", "ClusterMemoryPolicy"]
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """The one policy that decides for a pod."""

    ref: PolicyRef
    rules: PolicyRules
    overrides: bool = False


@dataclass(frozen=True, slots=True)
class LastRow:
    """What the agent told last of a container's run that is over, and when."""

    time_seconds: float
    row: ContainerRow


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the agent of the pod's node told about the pod. A silent agent is None instead of this."""

    report_time_seconds: float
    interval_seconds: float
    rows: Mapping[str, ContainerRow]
    """By container name of the spec (joined by container id); a container without a row is unknown."""
    pod_row: PodRow | None = None
    incidents: tuple[Incident, ...] = ()
    """Those with a victim in this pod, as last told, oldest first; kept after the container's row is gone."""
    heard_since_seconds: float | None = None
    """Since when the agent speaks without a restart or a silence, by its own clock; None where that is not known."""
    kernel_log_following: bool | None = None
    """Whether the agent reads the kernel's log; False: it was told to and cannot; None: it was not told to."""
    ended: Mapping[str, tuple[LastRow, ...]] = field(default_factory=dict)
    """Rows of runs that ended in the last minutes: an init container's is over before much is known of its pod."""


@dataclass(frozen=True, slots=True)
class NodeContext:
    """The pod's node: memory, and whom the kernel would kill first."""

    name: str
    memory: NodeMemory | None = None
    kill_order: KillOrder | None = None
    """When the node's own memory runs out, processes outside containers included; the worst alone are kept. None: the kernel does
    not go by points there, or the scale is unknown."""
    host_processes_known: bool = False
    """Whether the order has the processes outside containers; if not, one of them may die before anybody in it."""
    allocatable_bytes: int | None = None
    """Of the Node object: the memory that all pods together may have; None where that is not known."""
    has_spoken: bool = True
    """Whether the node's agent was ever heard by this run of the operator."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason that holds, with the level it gives and the sentence that explains it with its numbers (printable ASCII)."""

    reason: RiskReason
    level: RiskLevel
    sentence: str


@dataclass(frozen=True, slots=True)
class ToldFinding:
    """A finding as it was published, and since when less than that is judged; None: it holds."""

    finding: Finding
    less_since_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ContainerHistory:
    """What the operator remembers of one container of a pod between two assessments."""

    level: RiskLevel = RiskLevel.UNKNOWN
    """The published level; hysteresis starts from it."""
    lower_since_seconds: float | None = None
    """Since when the judged level has been below one that an earlier run of the operator published."""
    raised: Mapping[RiskReason, RiskLevel] = field(default_factory=dict)
    """Level of each reason as last judged (hysteresis of thresholds)."""
    kills: tuple[Kill, ...] = ()
    """Oldest first, bounded."""
    waiting: tuple[WaitingKill, ...] = ()
    counted: tuple[str, ...] = ()
    """Names (incident and container, or container and ordinal) of victims that were counted, newest last, bounded: kills outlive
    in it their place in `kills`."""
    oom_kills_seen: int | None = None
    """All kills of `container_id_seen` up to this ordinal are counted."""
    container_id_seen: str | None = None
    peak_bytes: int | None = None
    """Highest interval peak seen."""
    peak_unreclaimable_bytes: int | None = None
    peak_working_set_bytes: int | None = None
    limit_bytes_seen: int | None = None
    """The limit that the kernel enforced on `container_id_seen` when it was last seen."""
    run_before: tuple[str, int] | None = None
    """The run that was seen before that one, and its limit: its end may be told after the next one's first sample."""
    ended_container_ids: tuple[str, ...] = ()
    """Ends of runs that were judged already, newest last, bounded: a stale `lastState` never counts twice."""
    first_sample_seconds: float | None = None
    last_sample_seconds: float | None = None
    """First and last sample behind the peaks: the window of a recommendation."""
    floor: FloorHistory = NOTHING_SEEN
    told: tuple[ToldFinding, ...] = ()
    """Those that the published level stands on; repeated in the past tense while they are held."""
    usual: Usual = NOTHING_USUAL
    advice: tuple[AdviceGiven, ...] = ()


@dataclass(frozen=True, slots=True)
class PodHistory:
    """By container name."""

    containers: Mapping[str, ContainerHistory] = field(default_factory=dict)
    risk: RiskSpec | None = None
    """The policy's thresholds of the last judgement; None: it was an earlier run of the operator's."""


@dataclass(frozen=True, slots=True)
class RecommendationStep:
    """One step of a recommendation: what it was before, what it became, and why, in words."""

    rule: str
    before_bytes: int | None
    after_bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What the recommendations for a pod's containers, all of them followed, make of the pod and of one container. A score is None
    where the node's memory is unknown."""

    qos_class_before: QosClass
    qos_class_after: QosClass
    oom_score_adj_before: int | None
    oom_score_adj_after: int | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A limit and a request for one container, with every step that led there."""

    container_name: str
    limit_bytes: int | None
    request_bytes: int | None
    current_limit_bytes: int | None
    current_request_bytes: int | None
    limit_steps: tuple[RecommendationStep, ...] = ()
    request_steps: tuple[RecommendationStep, ...] = ()
    kills: int = 0
    confidence: Confidence = Confidence.LOW
    confidence_why: str = ""
    """What keeps it from being higher."""
    observed_hours: int = 0
    """Hours of which samples were seen, of all replicas together."""
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class ContainerAssessment:
    """Judgement of one container."""

    name: str
    kind: ContainerKind
    level: RiskLevel
    findings: tuple[Finding, ...]
    """Worst first."""
    row: ContainerRow | None
    memory_limit_bytes: int | None
    memory_request_bytes: int | None
    expected_oom_score_adj: int | None
    live_oom_score_adj_min: int | None
    live_oom_score_adj_max: int | None
    kills: tuple[Kill, ...]
    new_kills: tuple[Kill, ...]
    """Those first seen in this assessment: each becomes one Event."""
    recommendation: Recommendation | None = None
    no_limit_because: str = ""
    """Why a container that was killed is recommended no limit; empty where it is, or where nobody asks."""
    learned: State | None = None
    """What is remembered of this container of the workload now, for all of its replicas."""
    unknown_because: str | None = None
    """A sentence when nothing is known of the container's memory now: `level` is then unknown, or that of its known kills."""
    window_seconds: float | None = None
    """How long oomsight has watched: peaks and recommendation are over this."""
    peak_bytes: int | None = None
    """Highest usage seen in that window."""
    forecast: Forecast | None = None
    advice: tuple[AdviceGiven, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """Judgement of one pod: the one value that passes from judgement to publishing."""

    pod_uid: str
    policy: EffectivePolicy
    qos_class: QosClass
    level: RiskLevel
    """The worst container's."""
    reasons: tuple[RiskReason, ...]
    """Of all containers, worst first, each once."""
    containers: tuple[ContainerAssessment, ...]
    time_seconds: float
    report_time_seconds: float | None
    """Time of the agent's sample behind it; None when the agent is silent."""
    previous_level: RiskLevel = RiskLevel.UNKNOWN
    """The published level before this assessment."""
    reassess_at_seconds: float | None = None
    """Assess again by then although nothing may have changed: a held level falls, a kill grows old, a counter's rise is a
    child's kill."""
