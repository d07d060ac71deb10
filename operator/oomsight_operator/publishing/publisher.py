"""What the engine calls with every judgement: publishes it as annotations, Events, MemoryRecommendations and metrics.

`offer`, `withdraw` and `forget` are synchronous and cheap; `run` does the writing. Everything is for one event loop.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from oomsight_operator.judgement.model import Assessment, Owner, Pod, PodHistory
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.pods import Fingerprint, PodWriter, Render
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
        render: Render,
        fingerprint: Fingerprint,
        reporting_instance: str,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._metrics = metrics
        self._runner = Runner(client, settings, metrics, clock=clock, jitter=jitter)
        self._pods = PodWriter(self._runner, settings, render=render, fingerprint=fingerprint)

    def offer(self, pod: Pod, assessment: Assessment, workload: Owner | None = None, history: PodHistory | None = None) -> None:
        """Publish a judgement as its policy asks.

        `workload` is the topmost controller of the pod (the Deployment, not its ReplicaSet); None for a bare pod. `history` is what
        the judgement remembers of the pod now: it is kept in the workload's MemoryRecommendation for a restarted operator.
        """
        self._metrics.observe(pod, assessment)
        self._pods.offer(pod, assessment)

    def withdraw(self, pod: Pod) -> None:
        """No policy selects the pod (any more): take our marks away. Free of cost for pods that carry none."""
        self._metrics.forget(pod.uid)
        self._pods.withdraw(pod)

    def forget(self, pod_uid: str) -> None:
        """The pod is deleted."""
        self._metrics.forget(pod_uid)
        self._pods.forget(pod_uid)

    async def run(self) -> None:
        """Write, within the budgets, until cancelled."""
        await self._runner.run()

    async def drain(self, timeout_seconds: float) -> bool:
        """Wait, while `run` runs, until everything that is due is written. False when it took longer."""
        return await self._runner.drain(timeout_seconds)
