"""How often MemoryRecommendations are written: so many workloads over days, judged every five minutes, in a time of its own.

    make bench-writes ARGS="--workloads 200 --days 3"

Real judgement, real writer, real queue; only the API server is a stub that counts. Of 100 workloads 70 hold their level within
0.3 %, 20 swing by a fifth over the day and as much above yesterday's peak as chance wants (3 %), 7 jump by a fifth ten times in a
hundred days, two leak (5 % of the limit an hour) and are killed, one is killed every ten minutes for an hour a day: while mode
Always recommends for all of them at once, in the third hour. Counted are requests that write, made by phase; each phase's number is
divided by its time, and the most within five minutes is shown beside it. Everything is in proportion to the number of workloads,
but for how long a judgement waited for its write: the budget is the whole cluster's, so many workloads wait longer. The last line
reads `steady_per_second_per_1000=N`.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from oomsight_api.policy import PolicyRules
from oomsight_api.report import Container, Memory
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import (
    ContainerSpec,
    ContainerStatus,
    EffectivePolicy,
    NodeContext,
    Owner,
    Pod,
    PodHistory,
    PolicyRef,
    Telemetry,
    Termination,
)
from oomsight_operator.judgement.recommend.bounds import SETTLED_HOURS
from oomsight_operator.judgement.recommend.merging import merged
from oomsight_operator.judgement.recommend.state import NOTHING, State
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.recommendation_writer import RecommendationWriter
from oomsight_operator.publishing.runner import Runner
from oomsight_operator.publishing.settings import PublisherSettings

MIB = 1 << 20
LIMIT = 512 * MIB
STEP_SECONDS = 300.0
HOUR, DAY = 3600.0, 86400.0
START = 1_772_323_200.0
"""2026-03-01T00:00:00Z."""
KINDS = ("calm",) * 70 + ("daily",) * 20 + ("spiky",) * 7 + ("leak",) * 2 + ("loop",)
KILL, FIRST = "a kill", "a workload's first recommendation"
LOOPS_OF_A_WRITE = 12
"""Turns of the event loop within which a write follows upon another."""
POLICY = EffectivePolicy(
    PolicyRef("ClusterMemoryPolicy", "all"), PolicyRules.model_validate({"recommendation": {"mode": "Always"}})
)


class CountingApi:
    """Takes every write, and counts."""

    def __init__(self, on_status: Callable[[int], None]) -> None:
        self.writes = 0
        self._on_status = on_status
        """Is told the workload's number."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        self.writes += 1
        document = dict(body) if isinstance(body, dict) else {}
        name = document.get("metadata", {}).get("name", path.rsplit("/", 2)[-2])
        if path.endswith("/status"):
            self._on_status(int(name.rpartition("-")[2]))
        created = {"name": name, "namespace": "shop", "uid": path, "generation": 1, "creationTimestamp": "2026-03-01T00:00:00Z"}
        return {**document, "metadata": {**document.get("metadata", {}), **created}}


@dataclass
class Workload:
    """One replica of one Deployment."""

    number: int
    kind: str
    chance: random.Random
    learned: dict[str, State] = field(default_factory=dict)
    history: PodHistory = field(default_factory=PodHistory)
    amount: float = 0.0
    high: float = 0.0
    run: int = 0
    killed_at: float | None = None

    @property
    def owner(self) -> Owner:
        return Owner("apps/v1", "Deployment", f"web-{self.number}", f"uid-{self.number}")

    def step(self, seconds: float) -> int:
        """What it holds now, in bytes; it may be killed on the way."""
        base, day = 200.0 * MIB, seconds % DAY / DAY
        if self.kind == "leak":
            self.amount += 0.05 * LIMIT * STEP_SECONDS / HOUR
            if 100 * MIB + self.amount >= LIMIT:
                self.kill(seconds)
            return int(100 * MIB + self.amount)
        if self.kind == "loop":
            if 1.75 * HOUR <= day * DAY < 2.75 * HOUR and int(seconds) % 600 == 0:
                self.kill(seconds)
            return int(base)
        if self.kind == "daily":
            if day < STEP_SECONDS / DAY:
                self.high = self.chance.gauss(0, 0.03)
            return int(base * (1 + 0.2 * (1 + self.high) * math.sin(2 * math.pi * day)))
        if self.kind == "spiky" and self.chance.random() < 0.1 * STEP_SECONDS / DAY:
            self.high += 0.2
        return int(base * (1 + min(1.2, self.high)) * (1 + self.chance.uniform(-0.003, 0.003)))

    def kill(self, seconds: float) -> None:
        self.amount, self.run, self.killed_at = 0.0, self.run + 1, seconds

    def pod(self, seconds: float) -> Pod:
        last = None
        if self.killed_at is not None:
            last = Termination(self.id_of(self.run - 1), "OOMKilled", 137, None, self.killed_at)
        started = self.killed_at if self.killed_at is not None else START
        status = ContainerStatus("app", self.id_of(self.run), self.run, "running", started, None, last)
        spec = ContainerSpec("app", memory_request_bytes=128 * MIB, memory_limit_bytes=LIMIT)
        return Pod(f"pod-{self.number}", "shop", f"web-{self.number}-0", "node", "Running", (spec,), {"app": status})

    def id_of(self, run: int) -> str:
        return f"{self.number * 100_000 + run:064x}"


class Simulation:
    """The operator's part, from judgement to the API."""

    def __init__(self, count: int, seed: int) -> None:
        chance = random.Random(seed)
        self.workloads = [Workload(number, KINDS[number % 100], random.Random(chance.random())) for number in range(count)]
        self.now = START
        self.api = CountingApi(self.written)
        self.waits: dict[str, list[float]] = {KILL: [], FIRST: []}
        """Seconds from the judgement to the status that tells it."""
        self._waiting: dict[int, tuple[str, float]] = {}
        self._recommended: set[int] = set()
        settings, metrics = PublisherSettings(), OperatorMetrics()
        self.runner = Runner(self.api, settings, metrics, clock=lambda: self.now, jitter=lambda: 0.5)
        self.writer = RecommendationWriter(self.runner, settings, metrics, wall_clock=lambda: self.now)
        self.writer.recalled = self.recall

    def recall(self, key: str, learned: Mapping[str, State], pods: object) -> None:
        known = self.workloads[int(key.rpartition("-")[2])].learned
        known |= {name: merged(known.get(name, NOTHING), state) for name, state in learned.items()}

    async def passes(self, seconds: float) -> tuple[float, int]:
        """Writes a second over this time, and the most within one step."""
        before, most = self.api.writes, 0
        for _ in range(int(seconds / STEP_SECONDS)):
            at_step = self.api.writes
            for workload in self.workloads:
                self.judge(workload)
            ends = self.now + STEP_SECONDS
            while self.now < ends and not await self.sends():
                self.now += 1
            most = max(most, self.api.writes - at_step)
            self.now = ends
        return (self.api.writes - before) / seconds if seconds else 0.0, most

    async def sends(self) -> bool:
        """Let the runner send what the budget allows now; whether nothing is left that is due."""
        settled = await self.runner.drain(0)
        before = -1
        while before != self.api.writes:
            before = self.api.writes
            for _ in range(LOOPS_OF_A_WRITE):
                await asyncio.sleep(0)
        return settled

    def written(self, number: int) -> None:
        """A status stands in the API."""
        what, since = self._waiting.pop(number, (None, 0.0))
        if what is not None:
            self.waits[what].append(self.now - since)

    def judge(self, workload: Workload) -> None:
        amount = workload.step(self.now)
        memory = Memory(
            usage_bytes=amount + 20 * MIB, limit_bytes=LIMIT, unreclaimable_bytes=amount, working_set_bytes=amount + 10 * MIB
        )
        row = Container(pod_uid=f"pod-{workload.number}", container_id=workload.id_of(workload.run), cgroup="/c", memory=memory)
        pod, told = workload.pod(self.now), Telemetry(self.now, 1.0, {"app": row})
        around = Surroundings(workload.learned)
        judged, workload.history = assess_pod(pod, told, NodeContext("node"), POLICY, workload.history, self.now, around)
        workload.learned = {each.name: each.learned for each in judged.containers if each.learned is not None}
        if any(each.new_kills for each in judged.containers):
            self._waiting[workload.number] = (KILL, self.now)
        if workload.number not in self._recommended and any(each.recommendation for each in judged.containers):
            self._recommended.add(workload.number)
            self._waiting.setdefault(workload.number, (FIRST, self.now))
        self.writer.offer(pod, judged, workload.owner, workload.history)

    async def ends(self) -> int:
        """Writes of an operator that ends in time."""
        before = self.api.writes
        self.writer.flush()
        await self.runner.drain(60)
        return self.api.writes - before


async def simulate(one: Simulation, days: int) -> dict[str, tuple[float, int]]:
    """By phase: writes a second, and the most within five minutes."""
    running = asyncio.create_task(one.runner.run())
    try:
        phases = {
            "the first four hours": await one.passes(4 * HOUR),
            "until a whole day is known": await one.passes((SETTLED_HOURS - 4) * HOUR if days else 0),
            "every day after": await one.passes(max(0, days - 1) * DAY),
        }
        phases["an end in time (all its writes)"] = (0.0, await one.ends())
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    return phases


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--workloads", type=int, default=200, help="a multiple of 100")
    arguments.add_argument("--days", type=int, default=3, help="0: four hours")
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    one = Simulation(asked.workloads, asked.seed)
    phases = asyncio.run(simulate(one, asked.days))
    print(f"{'':34} {'writes/s, 1,000':>16} {'10,000':>8} {'most in 5 min, 1,000':>21}")
    for name, (rate, most) in phases.items():
        by_thousand = 1000 / asked.workloads
        print(f"{name:34} {rate * by_thousand:16.3f} {rate * by_thousand * 10:8.2f} {most * by_thousand:21.0f}")
    for what, waits in one.waits.items():
        if waits:
            usual = sorted(waits)[len(waits) // 2]
            print(f"{len(waits)} x {what}: written after {usual:.0f} s in the median, {max(waits):.0f} s at most")
    print(f"steady_per_second_per_1000={phases['every day after'][0] * 1000 / asked.workloads:.4f}")


if __name__ == "__main__":
    main()
