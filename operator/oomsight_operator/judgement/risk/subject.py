"""What a rule looks at: one container at one moment, with the numbers that several rules need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oomsight_api.names import QosClass, RiskLevel, RiskReason
from oomsight_api.policy import RiskSpec
from oomsight_api.report import Container as ContainerRow
from oomsight_api.report import Memory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.forecast.outlook import Forecast
from oomsight_operator.judgement.hysteresis import level_by_thresholds
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import ContainerSpec, NodeContext


@dataclass(frozen=True, slots=True)
class Subject:
    """One container under judgement."""

    spec: ContainerSpec
    running: bool
    row: ContainerRow | None
    node: NodeContext
    policy: RiskSpec
    kills: tuple[Kill, ...]
    """All that are known, oldest first."""
    now_seconds: float
    pod_row: PodRow | None = None
    pod_limit_bytes: int | None = None
    """The pod-level limit."""
    pod_request_bytes: int | None = None
    """What the pod asks for in sum, or at pod level."""
    never_evicted: bool = False
    qos_class: QosClass | None = None
    """The pod's; None where it does not matter."""
    raised: Mapping[RiskReason, RiskLevel] = field(default_factory=dict)
    """Level of each reason as judged last time: where its hysteresis starts."""
    forecast: Forecast | None = None
    peak_unreclaimable_bytes: int | None = None
    """Highest seen, over restarts of the container; None before the first sample."""
    watched_seconds: float | None = None
    """How long that was watched."""

    @property
    def label(self) -> str:
        """`container app`, `sidecar proxy`, `init container migrate`: the beginning of each sentence."""
        kind = {"app": "container", "init": "init container", "sidecar": "sidecar", "ephemeral": "ephemeral container"}
        return f"{kind[self.spec.kind.value]} {self.spec.name}"

    @property
    def memory(self) -> Memory:
        """Of the container's cgroup; every value None when there is no row."""
        return self.row.memory if self.row is not None else Memory()

    @property
    def limit_bytes(self) -> int | None:
        """The limit in force: what the kernel enforces, else what the spec says."""
        enforced = self.memory.limit_bytes
        return enforced if enforced is not None else self.spec.memory_limit_bytes

    @property
    def recent_kills(self) -> tuple[Kill, ...]:
        """Those within the policy's window."""
        return tuple(kill for kill in self.kills if self.now_seconds - kill.time_seconds <= self.policy.recent_kill_seconds)

    @property
    def node_available_percent(self) -> int | None:
        """MemAvailable in percent of MemTotal, rounded down; None when the node is unknown."""
        memory = self.node.memory
        if memory is None or memory.available_bytes is None or not memory.total_bytes or memory.total_bytes < 0:
            return None
        return memory.available_bytes * 100 // memory.total_bytes

    def node_shortage(self, reason: RiskReason) -> RiskLevel:
        """How short of memory the node is known to be: medium or high by the policy's `risk.nodeAvailable`, else none. Held by
        `hysteresisPercent` for a reason that was at that level last time."""
        percent, thresholds = self.node_available_percent, self.policy.node_available
        if percent is None:
            return RiskLevel.NONE
        # Below 10 % available is from 91 % on of the other kind; whole percents, rounded down, as they are shown.
        used = ((RiskLevel.MEDIUM, 101 - thresholds.medium_percent), (RiskLevel.HIGH, 101 - thresholds.high_percent))
        return level_by_thresholds(100 - percent, 100, used, self.before(reason), self.policy.hysteresis_percent)

    def before(self, reason: RiskReason) -> RiskLevel:
        """Level of a reason as judged last time."""
        return self.raised.get(reason, RiskLevel.NONE)
