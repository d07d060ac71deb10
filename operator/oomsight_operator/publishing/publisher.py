"""What the engine calls with every judgement: publishes it as annotations, Events, MemoryRecommendations and metrics.

`offer`, `withdraw` and `forget` are synchronous and cheap; `run` does the writing. Everything is for one event loop.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oomsight_api.incident import Incident
from oomsight_api.parse import InvalidSpec, ParsedPolicy
from oomsight_api.policy import Toggle
from oomsight_operator.judgement.model import Assessment, Owner, Pod, PodHistory, PolicyRef
from oomsight_operator.publishing.annotations import render
from oomsight_operator.publishing.emitter import EventEmitter
from oomsight_operator.publishing.events import Told, decide, told_by_predecessor
from oomsight_operator.publishing.fingerprint import fingerprint
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.node_events import ConditionsOf, NodeIncidents
from oomsight_operator.publishing.pods import PodWriter
from oomsight_operator.publishing.policy_writer import PolicyStatusWriter
from oomsight_operator.publishing.recommendation_writer import Recalled, RecommendationWriter, Restored
from oomsight_operator.publishing.runner import ApiClient, Runner
from oomsight_operator.publishing.settings import PublisherSettings


class Publisher:
    """One per operator process."""

    def __init__(
        self,
        client: ApiClient,
        settings: PublisherSettings,
        metrics: OperatorMetrics,
        *,
        reporting_instance: str,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._wall_clock = wall_clock
        self._runner = Runner(client, settings, metrics, clock=clock, jitter=jitter)
        self._pods = PodWriter(self._runner, settings, render=render, fingerprint=fingerprint)
        self._events = EventEmitter(self._runner, settings, metrics, reporting_instance=reporting_instance, wall_clock=wall_clock)
        self._nodes = NodeIncidents(self._events.offer_node, max_age_seconds=settings.event_max_age_seconds)
        self._recommendations = RecommendationWriter(self._runner, settings, metrics, wall_clock=wall_clock)
        self._policies = PolicyStatusWriter(self._runner, settings, wall_clock=wall_clock)
        self._told: dict[str, Told] = {}
        """By pod uid."""

    def restore(self, recommendations: Iterable[Mapping[str, Any]]) -> Restored:
        """Go on from the MemoryRecommendations (raw objects, of all namespaces) of an earlier run, before anything is offered.

        Gives what to judge with: kills that were told, peaks, counters as they were seen last, and what the recommender learned.
        """
        return self._recommendations.restore(recommendations)

    def offer(
        self,
        pod: Pod,
        assessment: Assessment,
        workload: Owner | None = None,
        history: PodHistory | None = None,
        losers: Iterable[PolicyRef] = (),
    ) -> None:
        """Publish a judgement as its policy asks.

        `workload` is what holds the pod's template (the Deployment, not its ReplicaSet); None for a bare pod. `history` is what
        the judgement remembers of the pod now: it is kept in the workload's MemoryRecommendation for a restarted operator.
        `losers` are the policies that select the pod, too, and lost to the assessment's.
        """
        assessment = self._recommendations.without_old_news(pod, assessment, workload)
        self._metrics.observe(pod, assessment)
        told = self._told.get(pod.uid)
        if told is None:
            told = told_by_predecessor(pod, assessment)
        now = self._wall_clock()
        events, self._told[pod.uid] = decide(pod, assessment, told, now, self._settings.event_max_age_seconds)
        wants_events = assessment.policy.rules.publish.events is Toggle.ENABLED
        if events and wants_events:
            self._events.offer(pod, events, workload)
        self._nodes.pod_judged(pod, events=wants_events, now_seconds=now)
        self._pods.offer(pod, assessment)
        self._recommendations.offer(pod, assessment, workload, history)
        self._policies.note(pod, assessment, losers)

    def node_incident(self, node_name: str, incident: Incident) -> None:
        """A node-wide OOM that was not told before: an Event on the node, if a policy asks for Events on any pod there."""
        self._nodes.incident(node_name, incident, self._wall_clock())

    def follow_conditions(self, conditions_of: ConditionsOf) -> None:
        """Where the conditions of nodes are to be had, for the text of their Events."""
        self._nodes.conditions_of = conditions_of

    def follow_recalled(self, recalled: Recalled) -> None:
        """Whom to tell what an object knows of a workload that was forgotten meanwhile, for its pods to be judged with it."""
        self._recommendations.recalled = recalled

    def flush(self) -> None:
        """The operator ends: what was learned and is not kept yet is due now, the worst first; `drain` writes it."""
        self._recommendations.flush()

    def withdraw(self, pod: Pod) -> None:
        """No policy selects the pod (any more): take our marks away. Free of cost for pods that carry none."""
        self._leave(pod.uid)
        self._recommendations.withdraw(pod)
        self._pods.withdraw(pod)

    def forget(self, pod_uid: str) -> None:
        """The pod is deleted."""
        self._leave(pod_uid)
        self._recommendations.forget(pod_uid)
        self._pods.forget(pod_uid)

    def offer_policy(self, policy: ParsedPolicy | InvalidSpec, status: Mapping[str, Any] | None) -> None:
        """A policy as it was read (`oomsight_api.parse.parse_policy`), with its status as the API has it; call on every change."""
        self._policies.offer_policy(policy, status)

    def forget_policy(self, ref: PolicyRef) -> None:
        """The policy is deleted."""
        self._policies.forget_policy(ref)

    def set_complete(self, complete: bool) -> None:
        """Whether every pod was judged since the start; until then policies' statuses keep their counts from before."""
        self._policies.set_complete(complete)

    async def run(self) -> None:
        """Write, within the budgets, until cancelled."""
        await self._runner.run()

    async def drain(self, timeout_seconds: float) -> bool:
        """Wait, while `run` runs, until everything that is due is written. False when it took longer."""
        return await self._runner.drain(timeout_seconds)

    def _leave(self, pod_uid: str) -> None:
        self._metrics.forget(pod_uid)
        self._nodes.forget(pod_uid)
        self._policies.forget(pod_uid)
        self._told.pop(pod_uid, None)
