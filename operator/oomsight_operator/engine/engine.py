"""The heart of the operator: what changed → which pods it concerns → who decides, what is known, what it means → publish.

Everything that changes marks pods as dirty; one loop judges the dirty ones, and gives others their turn in
between. The cost is linear in what changes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from oomsight_api.incident import Incident
from oomsight_api.names import RiskLevel
from oomsight_api.policy import RecommendationSpec
from oomsight_api.report import NodeReport
from oomsight_operator.engine.dirty_pods import DirtyPods
from oomsight_operator.engine.first_round import FirstRound
from oomsight_operator.engine.inputs import Belonging, Inputs
from oomsight_operator.engine.learned import Learned
from oomsight_operator.engine.neighbourhoods import Neighbourhoods
from oomsight_operator.engine.patience import Patience
from oomsight_operator.engine.reports import Reports
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.kills.runs import with_whole_ids
from oomsight_operator.judgement.lifecycle import has_started, is_initializing
from oomsight_operator.judgement.model import Assessment, NodeContext, Owner, Pod, PodHistory, PolicyRef
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.polling.join import join
from oomsight_operator.polling.telemetry import NodeTelemetry, TelemetryStore

log = logging.getLogger(__name__)

_NO_HISTORY: Final = PodHistory()


class PublisherLike(Protocol):
    """What the engine needs of `publishing.publisher.Publisher`."""

    def offer(
        self,
        pod: Pod,
        assessment: Assessment,
        workload: Owner | None = None,
        history: PodHistory | None = None,
        losers: Iterable[PolicyRef] = (),
    ) -> None: ...

    def withdraw(self, pod: Pod) -> None: ...

    def forget(self, pod_uid: str) -> None: ...

    def set_complete(self, complete: bool) -> None: ...

    def node_incident(self, node_name: str, incident: Incident) -> None: ...


OnLearned = Callable[[Pod, Owner, RecommendationSpec, Mapping[str, State]], None]
"""Is told with each judgement of a pod what is known by now of its workload's containers."""


@dataclass(frozen=True, slots=True)
class EngineTiming:
    """Seconds."""

    stale_seconds: float = 60.0
    """A node whose agent has been silent for so long is unknown; so long a new operator waits for the agents, too."""
    settle_seconds: float = 15.0
    """A pod seen first is not called unknown before its containers had this time to appear in a report."""
    gather_seconds: float = 0.1
    """Changes that come together are judged together."""
    unwatched_seconds: float = 3600.0
    """How often a pod of a silent agent is judged anew: the longer nothing is seen of it, the more room its limit leaves."""
    tick_seconds: float = 1.0
    turn_seconds: float = 0.02
    """CPU time of judging before others on the loop get their turn: some hundred pods, or one of many containers."""


class Engine:
    """Judges pods. All methods are for one event loop; `run` judges until cancelled."""

    def __init__(
        self,
        cluster: Cluster,
        telemetry: TelemetryStore,
        publisher: PublisherLike,
        *,
        timing: EngineTiming | None = None,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        self.judged = 0
        """Assessments made, for tests."""
        self.on_learned: OnLearned | None = None
        self._cluster = cluster
        self._telemetry = telemetry
        self._publisher = publisher
        self._timing = timing or EngineTiming()
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._cpu_clock = cpu_clock
        self._on_fault = on_fault
        self._faulty: set[str] = set()
        """Pods whose judgement failed by a fault of ours, as it was logged."""
        now, timing = monotonic(), self._timing
        self._dirty = DirtyPods(monotonic, tick_seconds=timing.tick_seconds, gather_seconds=timing.gather_seconds)
        self._reports = Reports(
            cluster, telemetry, self._dirty, publisher.node_incident, wall_clock=wall_clock, monotonic=monotonic
        )
        self._patience = Patience(stale_seconds=timing.stale_seconds, settle_seconds=timing.settle_seconds, now=now)
        self._first_round = FirstRound(lambda: publisher.set_complete(True))
        self._learned = Learned()
        self._neighbourhoods = Neighbourhoods()
        self._inputs = Inputs(cluster, self._learned, self._neighbourhoods)
        self._histories: dict[str, PodHistory] = {}
        """What judgement remembers of each pod."""
        cluster.pods.listen(self.pod_changed)
        cluster.namespaces.listen(self.namespace_changed)
        cluster.intermediates.listen(self.intermediate_changed)

    def wall_now(self) -> float:
        """Unix seconds."""
        return self._wall_clock()

    def node_context(self, node: NodeTelemetry) -> NodeContext:
        """As of the node's newest report."""
        return self._reports.context(node)

    # --- what changed --------------------------------------------------------------------------------------------------

    def restore(
        self, histories: Mapping[tuple[str, str], PodHistory], learned: Mapping[str, Mapping[str, State]] | None = None
    ) -> None:
        """Go on from what an earlier run remembered, by namespace and pod uid, and what it learned, by workload. Before `run`."""
        self._learned.restore(learned or {}, self._monotonic())
        for (namespace, uid), history in histories.items():
            pod = self._cluster.pods.get(uid)
            if pod is not None and pod.namespace == namespace:
                self._histories[uid] = with_whole_ids(history, pod)

    def learned(self, workload: str) -> Mapping[str, State]:
        """What is known of the workload's containers."""
        return self._learned.get(workload)

    def recall(self, workload: str, learned: Mapping[str, State], pod_uids: Iterable[str]) -> None:
        """More is known of a workload than its pods were judged with: judge them anew."""
        self._learned.recall(workload, learned, self._monotonic())
        self._dirty.mark(uid for uid in pod_uids if uid in self._cluster.pods)

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is not None:
            self._dirty.mark((new.uid,))
        elif old is not None:
            self._dirty.forget(old.uid)
            self._patience.forget(old.uid)
            self._histories.pop(old.uid, None)
            self._faulty.discard(old.uid)
            self._first_round.done(old.uid)
            self._publisher.forget(old.uid)

    def namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new is not None and (old is None or old.labels != new.labels):
            self._dirty.mark(self._cluster.index.in_namespace(new.name))

    def intermediate_changed(self, old: Intermediate | None, new: Intermediate | None) -> None:
        if new is not None and (old is None or old.owner != new.owner):
            self._dirty.mark(self._cluster.index.of_controller(new.uid))

    def policies_changed(self) -> None:
        self._dirty.mark(pod.uid for pod in self._cluster.pods)

    def report_arrived(self, node_name: str, report: NodeReport) -> None:
        """An agent's answer. Raises RejectedReportError when it is not believed."""
        self._reports.arrived(node_name, report)

    # --- the loop ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Judge what is dirty until cancelled. Call when pods, namespaces, owners and policies have been listed."""
        self._patience.start(self._monotonic())
        there = [pod.uid for pod in self._cluster.pods]
        self._first_round.begin(there)
        self._dirty.mark(there)
        while True:
            await self._judge_dirty()
            await self._dirty.wait()
            self.tick()

    async def idle(self) -> None:
        """Wait, while `run` runs, until everything that is dirty has been judged."""
        await self._dirty.idle()

    def tick(self) -> None:
        """What time alone changes: silent agents, levels held long enough, pods that had their time to settle."""
        self._reports.expire(self._timing.stale_seconds)
        self._dirty.mark_due()

    async def _judge_dirty(self) -> None:
        spent_seconds = 0.0
        for uid in self._dirty.take():
            pod = self._cluster.pods.get(uid)
            if pod is None:
                continue
            began = self._cpu_clock()
            try:
                if self._judge(pod):
                    self._first_round.done(uid)
                self._faulty.discard(uid)
            except Exception:
                # One pod that trips over a fault of ours must not keep all others from being judged.
                self._on_fault()
                self._first_round.done(uid)
                if uid not in self._faulty:
                    self._faulty.add(uid)
                    log.exception("judgement failed by a fault of the operator", extra={"object": f"{pod.namespace}/{pod.name}"})
            took_seconds = self._cpu_clock() - began
            self._dirty.judged(uid, pod.node_name or "", took_seconds)
            spent_seconds += took_seconds
            if spent_seconds >= self._timing.turn_seconds:
                spent_seconds = 0.0
                await asyncio.sleep(0)

    def _judge(self, pod: Pod) -> bool:
        """Decide, join, judge, publish. False: it is too early to say anything."""
        decision = self._inputs.decision(pod)
        if decision is None:
            return False  # the pod is marked when its namespace is seen
        if decision.effective is None:
            self._publisher.withdraw(pod)
            return True
        node = self._telemetry.get(pod.node_name)
        telemetry = join(pod, node)
        wait_seconds = self._patience.wait_seconds(pod, telemetry, self._monotonic())
        if wait_seconds is not None:
            self._dirty.mark_later(pod.uid, wait_seconds)
            return not has_started(pod)
        context = self._reports.context(node) if node is not None else self._reports.silent_context(pod.node_name)
        whose = self._inputs.belonging(pod)
        around = self._inputs.surroundings(pod, whose)
        before, now = self._histories.get(pod.uid, _NO_HISTORY), self._wall_clock()
        assessment, history = assess_pod(pod, telemetry, context, decision.effective, before, now, around)
        self._histories[pod.uid] = history
        self._learn(pod, whose, assessment, decision.effective.rules.recommendation)
        self.judged += 1
        if is_initializing(pod) and assessment.level is RiskLevel.UNKNOWN and not pod.own_annotations:
            return True  # its apps will be known soon; told as unknown now, it would stay so for the whole pod interval
        self._publisher.offer(pod, assessment, whose.workload, history, decision.losers)
        if assessment.reassess_at_seconds is not None:
            self._dirty.mark_later(pod.uid, max(0.5, assessment.reassess_at_seconds - now))
        if telemetry is None and pod.phase == "Running":
            self._dirty.mark_later(pod.uid, self._timing.unwatched_seconds)
        return True

    def _learn(self, pod: Pod, whose: Belonging, assessment: Assessment, policy: RecommendationSpec) -> None:
        """What the judgement taught of the workload is known to its other pods, and to the namespace's."""
        now = self._monotonic()
        self._learned.take(whose.key, assessment, now)
        known = self._learned.get(whose.key)
        self._neighbourhoods.take(pod.namespace, whose.key, known, now)
        if self.on_learned is not None:
            self.on_learned(pod, whose.target, policy, known)
