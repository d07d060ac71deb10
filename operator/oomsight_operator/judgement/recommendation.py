"""Which memory limit and request would have been right: a chain of small steps, each with what it changed and why.

The limit starts from the limit that killed, not from what was used: at the kill the container wanted more than it was allowed,
so usage says too little. It grows with repetition, but bounded. Nothing but the policy's maxLimit leads to a limit that is known
to be too low, and then that is said. Request and limit are recommended apart, each container on its own.

A kill because the node ran out, or some other cgroup than the container's or its pod's, blames no limit and raises none: it calls
for a request. Nor does one by a pod-level limit (`spec.resources`): a higher limit of the container would change nothing. A
container without a limit has none to start from: its peaks are all there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import QosClass
from oomsight_api.policy import PageCache, RecommendationMode, RecommendationSpec, TargetQos
from oomsight_api.quantity import human_bytes, parse_bytes
from oomsight_operator.judgement.model import Kill, Recommendation, RecommendationStep
from oomsight_operator.judgement.rounding import MEBIBYTE, is_same_limit, round_up
from oomsight_operator.judgement.words import format_span

BUMPS_PERCENT: Final = (25, 50, 100)
"""Added after the first, the second, and every further kill within the window. A bump that is too small is paid with a restart,
so the first is larger than VPA's 20 % and KRR's 25 % in sum with the headroom; the last is the bound: feedback never inflates
without end."""
LEAST_BUMP_BYTES = 16 * MEBIBYTE
ENOUGH_SECONDS = 3600
"""Mode Always recommends from peaks that were watched for at least an hour."""
SETTLED_SECONDS = 86400
"""A day shows the daily peak; with less, the margin is wider and nothing is lowered."""
COLD_START_PERCENT = 20
NOT_ENOUGH = "NotEnough"
"""Rule of the step that says that the recommended limit is known to be too low."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one container."""

    name: str
    limit_bytes: int | None
    request_bytes: int | None
    qos_class: QosClass
    kills: tuple[Kill, ...]
    """All that are known, oldest first."""
    recent_kill_seconds: int
    now_seconds: float
    peak_bytes: int | None = None
    """Highest usage, page cache included."""
    peak_working_set_bytes: int | None = None
    peak_unreclaimable_bytes: int | None = None
    window_seconds: float = 0.0
    """How long the peaks were watched."""
    cpu_request_equals_limit: bool = False
    pod_limit_bytes: int | None = None
    """Pod-level resources (`spec.resources`); None where the pod's limit is the sum of its containers'."""

    @property
    def blaming_kills(self) -> tuple[Kill, ...]:
        """Those that the container's or its pod's limit is to blame for, as far as known."""
        return tuple(kill for kill in self.kills if kill.scope not in (OomScope.NODE, OomScope.CGROUP) and not self._by_pod(kill))

    def _by_pod(self, kill: Kill) -> bool:
        """Whether a limit of the pod that is not made of its containers' was hit. Equal limits are both to blame."""
        if kill.scope is not OomScope.POD or self.pod_limit_bytes is None:
            return False
        return kill.limit_bytes is None or not is_same_limit(kill.limit_bytes, self.pod_limit_bytes)

    @property
    def killing_limit_bytes(self) -> int | None:
        """The highest limit that killed."""
        return max((kill.limit_bytes for kill in self.blaming_kills if kill.limit_bytes is not None), default=None)


Step = Callable[[int, Evidence, RecommendationSpec], tuple[int, str]]
"""From the amount so far to the next one, and why. An unchanged amount leaves no trace unless it has something to say."""


def recommend(evidence: Evidence, spec: RecommendationSpec) -> Recommendation | None:
    """The recommendation for one container, or None when the policy or the evidence gives none."""
    if spec.mode is RecommendationMode.OFF:
        return None
    if not evidence.kills and (spec.mode is RecommendationMode.ON_OOM_KILL or evidence.window_seconds < ENOUGH_SECONDS):
        return None
    if evidence.qos_class is QosClass.BEST_EFFORT and spec.target_qos is TargetQos.KEEP:
        return None  # Any request or limit would change the class that the policy wants kept.
    limit_steps = _limit_steps(evidence, spec)
    limit = limit_steps[-1].after_bytes if limit_steps else None
    request_steps = _request_steps(evidence, spec, limit)
    request = request_steps[-1].after_bytes if request_steps else None
    if limit is None and request is None:
        return None
    return Recommendation(
        container_name=evidence.name,
        limit_bytes=limit,
        request_bytes=request,
        current_limit_bytes=evidence.limit_bytes,
        current_request_bytes=evidence.request_bytes,
        limit_steps=limit_steps,
        request_steps=request_steps,
        kills=len(evidence.kills),
    )


def _limit_steps(evidence: Evidence, spec: RecommendationSpec) -> tuple[RecommendationStep, ...]:
    start = _start_of_limit(evidence)
    if start is None or _keeps_limit(evidence, spec):
        return ()
    steps = [start]
    chain: tuple[tuple[str, Step], ...] = (
        ("BumpAfterKill", _bump),
        ("Headroom", _headroom),
        ("ColdStart", _cold_start),
        ("PageCache", _page_cache),
        ("Round", _round),
        ("MinLimit", _min_limit),
        ("KeepLimit", _keep_limit),
        ("MaxLimit", _max_limit),
        (NOT_ENOUGH, _not_enough),
    )
    amount = start.after_bytes
    for rule, step in chain:
        after, why = step(amount, evidence, spec)
        if why:
            steps.append(RecommendationStep(rule, amount, after, why))
        amount = after
    return tuple(steps)


def _keeps_limit(evidence: Evidence, spec: RecommendationSpec) -> bool:
    """Asked for a limit after kills alone, and no kill was the limit's fault."""
    return spec.mode is RecommendationMode.ON_OOM_KILL and evidence.limit_bytes is not None and not evidence.blaming_kills


def _start_of_limit(evidence: Evidence) -> RecommendationStep | None:
    killing, peak = evidence.killing_limit_bytes, evidence.peak_unreclaimable_bytes
    if killing is not None and (peak is None or killing >= peak):
        return RecommendationStep(
            "StartFromKillingLimit", None, killing, f"killed at limit {human_bytes(killing)}: it needed more than that"
        )
    if peak is not None:
        why = f"highest unreclaimable memory {_window(evidence)}: {human_bytes(peak)}"
        return RecommendationStep("StartFromPeak", None, peak, why)
    if evidence.peak_bytes is not None:
        peak = evidence.peak_bytes
        why = f"highest usage {_window(evidence)}: {human_bytes(peak)}, of which page cache is not known apart"
        return RecommendationStep("StartFromPeak", None, peak, why)
    return None


def _bump(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    if evidence.killing_limit_bytes is None:
        return amount, ""
    recent = sum(1 for kill in evidence.blaming_kills if evidence.now_seconds - kill.time_seconds <= evidence.recent_kill_seconds)
    percent = BUMPS_PERCENT[min(max(recent, 1), len(BUMPS_PERCENT)) - 1]
    added = max(amount * percent // 100, LEAST_BUMP_BYTES)
    span = format_span(evidence.recent_kill_seconds)
    killed = f"killed {'once' if recent == 1 else f'{recent} times'} in {span}" if recent else f"killed, but not in the last {span}"
    return amount + added, f"+{percent} %, at least {human_bytes(LEAST_BUMP_BYTES)}: {killed}"


def _headroom(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    if not spec.headroom_percent:
        return amount, ""
    return amount + amount * spec.headroom_percent // 100, f"+{spec.headroom_percent} %: headroom of the policy"


def _cold_start(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    """Little history needs a wider margin, which shrinks with evidence. After a kill the bump is that margin."""
    if evidence.killing_limit_bytes is not None or evidence.window_seconds >= SETTLED_SECONDS:
        return amount, ""
    missing = 1 - max(0.0, evidence.window_seconds) / SETTLED_SECONDS
    percent = int(COLD_START_PERCENT * missing)
    if not percent:
        return amount, ""
    return (
        amount + amount * percent // 100,
        f"+{percent} %: watched for {format_span(evidence.window_seconds)} only, less than a day",
    )


def _page_cache(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    if spec.page_cache is PageCache.WORKING:
        room, what = evidence.peak_working_set_bytes, "working page cache (highest working set"
    elif spec.page_cache is PageCache.INCLUDE:
        room, what = evidence.peak_bytes, "all page cache (highest usage"
    else:
        return amount, ""
    if room is None or room <= amount:
        return amount, ""
    return room, f"room for {what} {human_bytes(room)} {_window(evidence)})"


def _min_limit(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    least = _bytes(spec.min_limit)
    return (least, f"minLimit of the policy: {human_bytes(least)}") if least is not None and amount < least else (amount, "")


def _round(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    rounded = round_up(amount)
    return rounded, "rounded up to a plain number" if rounded != amount else ""


def _keep_limit(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    """Raise at once, lower slowly: less than today's limit only in mode Always and after a day."""
    current = evidence.limit_bytes
    if current is None or amount >= current or _may_lower(evidence, spec):
        return amount, ""
    return current, f"not below today's limit {human_bytes(current)}: nothing proves yet that less is enough"


def _may_lower(evidence: Evidence, spec: RecommendationSpec) -> bool:
    return spec.mode is RecommendationMode.ALWAYS and evidence.window_seconds >= SETTLED_SECONDS


def _max_limit(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    most = _bytes(spec.max_limit)
    return (most, f"maxLimit of the policy: {human_bytes(most)}") if most is not None and amount > most else (amount, "")


def _not_enough(amount: int, evidence: Evidence, spec: RecommendationSpec) -> tuple[int, str]:
    """Only the policy's maxLimit can lead here. It is kept, and what will come of it is said."""
    killing, peak = evidence.killing_limit_bytes, evidence.peak_unreclaimable_bytes
    if killing is not None and amount <= killing:
        return amount, f"not enough: it was killed at limit {human_bytes(killing)} and will be again, unless maxLimit is raised"
    if peak is not None and amount < peak:
        return amount, f"not enough: it held {human_bytes(peak)} unreclaimable and will be killed, unless maxLimit is raised"
    return amount, ""


def _request_steps(evidence: Evidence, spec: RecommendationSpec, limit: int | None) -> tuple[RecommendationStep, ...]:
    """Guaranteed: the limit. Else what scheduling and eviction should count on: the highest working set."""
    current = evidence.request_bytes if evidence.request_bytes is not None else evidence.limit_bytes
    keep_guaranteed = spec.target_qos is TargetQos.KEEP and evidence.qos_class is QosClass.GUARANTEED
    if spec.target_qos is TargetQos.GUARANTEED or keep_guaranteed:
        if limit is None:
            return ()
        why = "QoS class Guaranteed: request equals limit"
        if not keep_guaranteed and not evidence.cpu_request_equals_limit:
            why += "; set the cpu request equal to a cpu limit as well, in every container of the pod"
        return (RecommendationStep("RequestEqualsLimit", current, limit, why),)
    if spec.target_qos is TargetQos.KEEP and current is not None and current == evidence.limit_bytes and limit is not None:
        return (RecommendationStep("RequestEqualsLimit", current, limit, "request and limit are equal today, and stay so"),)
    steps: list[RecommendationStep] = []
    peak, what = evidence.peak_working_set_bytes, "working set"
    if spec.page_cache is PageCache.EXCLUDE and evidence.peak_unreclaimable_bytes is not None:
        peak, what = evidence.peak_unreclaimable_bytes, "unreclaimable memory"
    if peak is not None:
        why = f"highest {what} {_window(evidence)}: {human_bytes(peak)}"
        steps.append(RecommendationStep("RequestFromPeak", None, round_up(peak), why))
    amount = steps[-1].after_bytes if steps else None
    if current is not None and (amount is None or (amount < current and not _may_lower(evidence, spec))):
        steps.append(RecommendationStep("KeepRequest", amount, current, "nothing proves yet that less is enough"))
        amount = current
    most = limit if limit is not None else evidence.limit_bytes
    if amount is not None and most is not None and amount > most:
        steps.append(RecommendationStep("RequestWithinLimit", amount, most, "a request is never above the limit"))
    return tuple(steps)


def _window(evidence: Evidence) -> str:
    """`in 3 days`; a first sample has no window."""
    return f"in {format_span(evidence.window_seconds)}" if evidence.window_seconds >= 1 else "in one sample"


def _bytes(quantity: str | int | None) -> int | None:
    return None if quantity is None else parse_bytes(quantity)
