"""The heart of the operator: what changed → which pods it concerns → who decides, what is known, what it means → publish.

Everything that changes marks pods as dirty; one loop judges the dirty ones in batches. The cost is linear in what changes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from oomsight_api.incident import Incident
from oomsight_api.names import RiskLevel
from oomsight_api.policy import RecommendationSpec
from oomsight_api.report import NodeReport
from oomsight_operator.agenda import Agenda
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.replicas import Replicas
from oomsight_operator.inventory.workloads import Intermediate, workload_of
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.lifecycle import has_failed, has_started, is_initializing, is_measured
from oomsight_operator.judgement.model import Assessment, NodeContext, Owner, Pod, PodHistory, PolicyRef, Telemetry
from oomsight_operator.judgement.recommend.rollout import rollout_of
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.learned import Learned
from oomsight_operator.neighbourhoods import Neighbourhoods
from oomsight_operator.node_contexts import NodeContexts
from oomsight_operator.pace import Pace
from oomsight_operator.polling.join import join
from oomsight_operator.polling.node_news import NodeNews
from oomsight_operator.polling.telemetry import NodeTelemetry, TelemetryStore
from oomsight_operator.publishing.recommendations import target_of, workload_key

log = logging.getLogger(__name__)


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
    batch: int = 50
    """Pods judged before others on the loop get their turn."""


@dataclass(slots=True)
class _State:
    """What is remembered of one pod."""

    first_seen_seconds: float
    history: PodHistory = field(default_factory=PodHistory)
    running_since_seconds: float | None = None
    """When the pod was first seen past its init containers: from then on its apps have their time to be measured."""


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
        self._contexts = NodeContexts(self._allocatable_bytes, lambda: cluster.policies.policies.records)
        self._node_news = NodeNews()
        self._learned = Learned()
        self._neighbourhoods = Neighbourhoods()
        self._replicas = Replicas(cluster.pods, cluster.intermediates)
        self._states: dict[str, _State] = {}
        self._dirty: dict[str, None] = {}
        self._agenda = Agenda(self._timing.tick_seconds)
        self._pace = Pace()
        self._told: set[str] = set()
        """Pods of which their agent told something that is not judged yet: what that takes is owed by their node."""
        self._unjudged: set[str] | None = None
        """Of the pods there at the start, those that could not be judged yet; None once all were."""
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._started_seconds = monotonic()
        self._namespace_labels: dict[str, Mapping[str, str]] = {each.name: each.labels for each in cluster.namespaces}
        cluster.pods.listen(self.pod_changed)
        cluster.namespaces.listen(self.namespace_changed)
        cluster.intermediates.listen(self.intermediate_changed)

    def wall_now(self) -> float:
        """Unix seconds."""
        return self._wall_clock()

    def node_context(self, node: NodeTelemetry) -> NodeContext:
        """As of the node's newest report."""
        self._mark_shifted(node)
        return self._contexts.get(node)

    # --- what changed --------------------------------------------------------------------------------------------------

    def restore(self, histories: Mapping[str, PodHistory], learned: Mapping[str, Mapping[str, State]] | None = None) -> None:
        """Go on from what an earlier run remembered, by pod uid, and what it learned, by workload. Before `run`."""
        self._learned.restore(learned or {}, self._monotonic())
        for uid, history in histories.items():
            if uid in self._cluster.pods:
                self._state(uid).history = history

    def learned(self, workload: str) -> Mapping[str, State]:
        """What is known of the workload's containers."""
        return self._learned.get(workload)

    def recall(self, workload: str, learned: Mapping[str, State], pod_uids: Iterable[str]) -> None:
        """More is known of a workload than its pods were judged with: judge them anew."""
        self._learned.recall(workload, learned, self._monotonic())
        self._mark(uid for uid in pod_uids if uid in self._cluster.pods)

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is not None:
            self._mark((new.uid,))
        elif old is not None:
            self._dirty.pop(old.uid, None)
            self._states.pop(old.uid, None)
            self._told.discard(old.uid)
            self._agenda.forget(old.uid)
            self._faulty.discard(old.uid)
            self._done(old.uid)
            self._publisher.forget(old.uid)

    def namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new is not None:
            self._namespace_labels[new.name] = new.labels
        elif old is not None:
            self._namespace_labels.pop(old.name, None)
            self._neighbourhoods.forget(old.name)
        if new is not None and (old is None or old.labels != new.labels):
            self._mark(self._cluster.index.in_namespace(new.name))

    def intermediate_changed(self, old: Intermediate | None, new: Intermediate | None) -> None:
        if new is not None and (old is None or old.owner != new.owner):
            self._mark(self._cluster.index.of_controller(new.uid))

    def policies_changed(self) -> None:
        self._mark(pod.uid for pod in self._cluster.pods)

    def report_arrived(self, node_name: str, report: NodeReport) -> None:
        """An agent's answer. Raises RejectedReportError when it is not believed."""
        applied = self._telemetry.apply(node_name, report, self._monotonic())
        node = self._telemetry.get(node_name)
        if node is not None:
            self._mark_shifted(node)
        for incident in self._node_news.take(node_name, applied.incidents, self._wall_clock()):
            self._publisher.node_incident(node_name, incident)
        kill = bool(applied.incidents)
        if report.full or applied.new_instance:
            self._mark_told(node_name, self._cluster.index.on_node(node_name), kill=kill)
        else:
            self._mark_told(node_name, self._of_cgroups(node_name, applied.pod_uids), kill=kill)

    def _mark_shifted(self, node: NodeTelemetry) -> None:
        """Bring the node's context up to date. What that shifts is told once, so whoever asks first marks for all."""
        shift = self._contexts.update(node)
        if shift is None:
            return
        whole = shift.whole_node
        name = node.node_name
        self._mark_told(name, self._cluster.index.on_node(name) if whole else self._of_cgroups(name, shift.cgroup_uids), kill=False)

    def _of_cgroups(self, node_name: str, cgroup_uids: Iterable[str]) -> list[str]:
        """Uids of the node's pods whose cgroups these are."""
        index = self._cluster.index
        on_node = index.on_node(node_name)
        return [uid for cgroup_uid in cgroup_uids for uid in index.of_cgroup(cgroup_uid) if uid in on_node]

    def _mark_told(self, node_name: str, uids: Iterable[str], *, kill: bool) -> None:
        """The node's agent told something of these pods: now, or when the node has rested from being judged."""
        now, concerned = self._monotonic(), list(uids)
        self._told.update(concerned)
        seconds = self._pace.wait_seconds(node_name, now, kill=kill)
        if seconds <= 0:
            self._mark(concerned)
            return
        for uid in concerned:
            self._agenda.add(uid, now, seconds)

    # --- the loop ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Judge what is dirty until cancelled. Call when pods, namespaces, owners and policies have been listed."""
        self._started_seconds = self._monotonic()
        self._unjudged = {pod.uid for pod in self._cluster.pods}
        self._mark(self._unjudged)
        self._done("")
        while True:
            self._idle.clear()
            await self._judge_dirty()
            if not self._dirty:
                self._idle.set()
            await self._sleep()
            self.tick()

    async def idle(self) -> None:
        """Wait, while `run` runs, until everything that is dirty has been judged."""
        while self._dirty or not self._idle.is_set():
            self._idle.clear()
            await self._idle.wait()

    def tick(self) -> None:
        """What time alone changes: silent agents, levels held long enough, pods that had their time to settle."""
        now = self._monotonic()
        for node_name in self._telemetry.expire(now, self._timing.stale_seconds):
            self._contexts.forget(node_name)
            self._pace.forget(node_name)
            pods = self._cluster.index.on_node(node_name)
            log.warning(
                "agent silent, its pods are unknown now: is it running, and can the operator reach its port?",
                extra={"node": node_name, "pods": len(pods), "silent_seconds": self._timing.stale_seconds},
            )
            self._mark(pods)
        self._mark(self._agenda.take_due(now))

    async def _sleep(self) -> None:
        self._wake.clear()
        if not self._dirty:
            seconds = min(self._timing.tick_seconds, self._agenda.seconds_left(self._monotonic()))
            try:
                async with asyncio.timeout(seconds):  # not wait_for, which can swallow a cancellation (until 3.12)
                    await self._wake.wait()
            except TimeoutError:
                return
        await asyncio.sleep(self._timing.gather_seconds)

    async def _judge_dirty(self) -> None:
        batch, self._dirty = self._dirty, {}
        for count, uid in enumerate(batch):
            pod = self._cluster.pods.get(uid)
            if pod is None:
                continue
            began = self._cpu_clock()
            try:
                if self._judge(pod):
                    self._done(uid)
                self._faulty.discard(uid)
            except Exception:
                # One pod that trips over a fault of ours must not keep all others from being judged.
                self._on_fault()
                self._done(uid)
                if uid not in self._faulty:
                    self._faulty.add(uid)
                    log.exception("judgement failed by a fault of the operator", extra={"object": f"{pod.namespace}/{pod.name}"})
            if uid in self._told:
                self._told.discard(uid)
                self._pace.note(pod.node_name or "", self._monotonic(), self._cpu_clock() - began)
            if count % self._timing.batch == self._timing.batch - 1:
                await asyncio.sleep(0)

    def _judge(self, pod: Pod) -> bool:
        """Decide, join, judge, publish. False: it is too early to say anything."""
        labels = self._namespace_labels.get(pod.namespace)
        if labels is None:
            return False  # the pod is marked when its namespace is seen; until then nobody can say which policy decides
        decision = self._cluster.policies.policies.decide(pod.namespace, pod.labels, labels)
        if decision.effective is None:
            self._publisher.withdraw(pod)
            return True
        state = self._state(pod.uid)
        node = self._telemetry.get(pod.node_name)
        telemetry = join(pod, node)
        wait_seconds = self._wait_seconds(pod, telemetry, state)
        if wait_seconds is not None:
            self._agenda.add(pod.uid, self._monotonic(), wait_seconds)
            return not has_started(pod)
        context = self.node_context(node) if node is not None else self._silent_node(pod.node_name)
        now = self._wall_clock()
        workload = workload_of(pod, self._cluster.intermediates.get)
        target = target_of(pod, workload)
        key = workload_key(pod.namespace, target)
        around = self._surroundings(pod, workload, key)
        assessment, state.history = assess_pod(pod, telemetry, context, decision.effective, state.history, now, around)
        self._learned.take(key, assessment, self._monotonic())
        self._neighbourhoods.take(pod.namespace, key, self._learned.get(key), self._monotonic())
        if self.on_learned is not None:
            self.on_learned(pod, target, decision.effective.rules.recommendation, self._learned.get(key))
        self.judged += 1
        if is_initializing(pod) and assessment.level is RiskLevel.UNKNOWN and not pod.own_annotations:
            return True  # its apps will be known soon; told as unknown now, it would stay so for the whole pod interval
        self._publisher.offer(pod, assessment, workload, state.history, decision.losers)
        if assessment.reassess_at_seconds is not None:
            self._agenda.add(pod.uid, self._monotonic(), max(0.5, assessment.reassess_at_seconds - now))
        if telemetry is None and pod.phase == "Running":
            self._agenda.add(pod.uid, self._monotonic(), self._timing.unwatched_seconds)
        return True

    def _silent_node(self, node_name: str | None) -> NodeContext:
        return NodeContext(node_name or "", has_spoken=self._telemetry.has_spoken(node_name))

    def _surroundings(self, pod: Pod, workload: Owner | None, key: str) -> Surroundings:
        constraints = self._cluster.constraints
        return Surroundings(
            learned=self._learned.get(key),
            neighbours=self._neighbourhoods.of(pod.namespace, key),
            largest_node_bytes=self._cluster.nodes.largest_allocatable_bytes,
            limit_rules=constraints.limit_rules(pod.namespace),
            quotas=constraints.quotas(pod.namespace),
            autoscalers=constraints.autoscalers(pod.namespace, workload),
            rollout=rollout_of(workload, self._replicas.living(pod.namespace, workload) if workload is not None else 1),
        )

    def _done(self, uid: str) -> None:
        """A pod of the start was judged, or is gone; after the last one counts of pods mean something."""
        if self._unjudged is not None:
            self._unjudged.discard(uid)
            if not self._unjudged:
                self._unjudged = None
                self._publisher.set_complete(True)

    def _wait_seconds(self, pod: Pod, telemetry: Telemetry | None, state: _State) -> float | None:
        """How long to say nothing yet, so that a start of the pod or of the operator is not told as unknown. None: judge now."""
        if pod.phase == "Running" and state.running_since_seconds is None:
            state.running_since_seconds = self._monotonic()
        if not has_started(pod):
            return self._timing.stale_seconds  # it is marked when its status changes
        if pod.phase not in ("Pending", "Running") or has_failed(pod):
            return None
        if telemetry is not None and is_measured(pod, telemetry):
            return None
        patience = self._timing.stale_seconds if telemetry is None else self._timing.settle_seconds
        since = max(self._started_seconds, state.running_since_seconds or state.first_seen_seconds)
        left = since + patience - self._monotonic()
        return left if left > 0 else None

    def _state(self, uid: str) -> _State:
        state = self._states.get(uid)
        if state is None:
            state = self._states[uid] = _State(self._monotonic())
        return state

    def _allocatable_bytes(self, node_name: str) -> int | None:
        node = self._cluster.nodes.get(node_name)
        return node.allocatable_bytes if node is not None else None

    def _mark(self, uids: Iterable[str]) -> None:
        before = len(self._dirty)
        self._dirty.update(dict.fromkeys(uids))
        if len(self._dirty) != before:
            self._wake.set()
