"""What it costs to judge a pod whose memory trembles and that needs no write: the operator's daily bread.

    make bench-pods ARGS="--pods 2000 --rounds 6"

A real engine and publisher; the API server is a stub that takes every write, and time stands in the bench's hand. Pods of two
containers with a week behind them, 500 to a namespace and three to a workload; every tenth workload jumped lately, every twentieth
was killed yesterday. Each round tells every row anew, within 0.3 % of its level, five minutes after the one before. Counted is the
CPU time of judging and offering alone; reports are applied and writes made outside of it. `digest` is of all that was written: what
only makes it cheaper leaves it as it is, with one PYTHONHASHSEED. The last line reads `always_us=N on_oom_us=N`, microseconds a
pod, the median round.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import statistics
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from oomsight_api.names import RiskLevel
from oomsight_api.report import Container, Memory, NodeMemory, NodeReport, Pressure, Process
from oomsight_operator.engine.engine import Engine
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.inventory.store import Store
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.forecast.history import MAX_POINTS, UNIT_BYTES, FloorHistory, Point
from oomsight_operator.judgement.model import ContainerHistory, ContainerSpec, ContainerStatus, Owner, Pod, PodHistory
from oomsight_operator.judgement.recommend.state import NOTHING, OomKill, Sample, State, observe, on_oom
from oomsight_operator.polling.telemetry import TelemetryStore
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.publisher import Publisher
from oomsight_operator.publishing.settings import PublisherSettings

MIB = 1 << 20
START = 1_772_323_200.0
"""2026-03-01T00:00:00Z."""
STEP_SECONDS = 300.0
PODS_PER_NODE = 100
PODS_PER_NAMESPACE = 500
REPLICAS = 3
CONTAINERS = ("app", "proxy")


class WritingApi:
    """Takes every write, and remembers it."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self._objects: dict[str, dict[str, Any]] = {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        document = dict(body) if isinstance(body, dict) else {}
        self.writes.append(json.dumps([method, path, document], sort_keys=True))
        if method == "POST":
            path = f"{path}/{document['metadata']['name']}"
            document["metadata"] |= {"uid": path, "generation": 1, "creationTimestamp": "2026-03-01T00:00:00Z"}
        place = path.removesuffix("/status")
        written = merged(self._objects.get(place, {}), document)
        written["metadata"]["resourceVersion"] = str(len(self.writes))
        self._objects[place] = written
        return written

    def digest(self) -> str:
        return hashlib.sha256("\n".join(sorted(self.writes)).encode()).hexdigest()[:12]


def merged(one: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch, applied."""
    both = {**one}
    for key, value in patch.items():
        if value is None:
            both.pop(key, None)
        else:
            both[key] = merged(one.get(key, {}), value) if isinstance(value, dict) else value
    return both


class Bench:
    """So many pods, and the operator's part from report to queue."""

    def __init__(self, mode: str, count: int, seed: int) -> None:
        self.now = START
        self.chance = random.Random(seed)
        self.api = WritingApi()
        self.pods: Store[Pod] = Store()
        namespaces: Store[Namespace] = Store()
        intermediates: Store[Intermediate] = Store()
        policies = PolicyStore()
        policies.observe(
            {
                "apiVersion": "oomsight.dev/v1alpha1",
                "kind": "ClusterMemoryPolicy",
                "metadata": {"name": "all", "uid": "p1", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"defaults": {"recommendation": {"mode": mode}}},
            }
        )
        learned: dict[str, dict[str, State]] = {}
        histories: dict[tuple[str, str], PodHistory] = {}
        for number in range(count):
            namespace, workload = f"shop-{number // PODS_PER_NAMESPACE}", number // REPLICAS
            if number % PODS_PER_NAMESPACE == 0:
                namespaces.upsert(Namespace(f"uid-{namespace}", namespace, {}))
            owner = Owner("apps/v1", "Deployment", f"web-{workload}", f"uid-{workload}-{namespace}")
            if f"{namespace}/{owner.uid}" not in learned:
                learned[f"{namespace}/{owner.uid}"] = {name: past(workload, place) for place, name in enumerate(CONTAINERS)}
                intermediates.upsert(Intermediate(f"rs-{owner.uid}", namespace, f"{owner.name}-1", owner))
            histories[namespace, f"pod-{number}"] = PodHistory(
                {name: watched(number, place, self.chance) for place, name in enumerate(CONTAINERS)}
            )
            self.pods.upsert(make_pod(number, namespace, Owner("apps/v1", "ReplicaSet", f"{owner.name}-1", f"rs-{owner.uid}")))
        cluster = Cluster(self.pods, PodIndex(self.pods), namespaces, intermediates, policies)
        settings = PublisherSettings(writes_per_second=1e6, write_burst=10**6)
        self.publisher = Publisher(
            self.api,
            settings,
            OperatorMetrics(),
            reporting_instance="bench",
            wall_clock=lambda: self.now,
            clock=lambda: self.now,
            jitter=lambda: 0.5,
        )
        self.telemetry = TelemetryStore()
        self.engine = Engine(
            cluster,
            self.telemetry,
            self.publisher,
            wall_clock=lambda: self.now,
            monotonic=lambda: self.now,
            cpu_clock=lambda: 0.0,  # no node rests
        )
        self.engine.restore(histories, learned)

    async def round(self) -> float:
        """CPU microseconds a pod."""
        self.now += STEP_SECONDS
        for node in range(-(-len(self.pods) // PODS_PER_NODE)):
            self.engine.report_arrived(f"node-{node}", self.report(node))
        before, began = self.engine.judged, time.process_time()
        await self.engine.idle()
        spent = time.process_time() - began
        await self.publisher.drain(60)
        return spent * 1e6 / (self.engine.judged - before)

    def report(self, node: int) -> NodeReport:
        numbers = range(node * PODS_PER_NODE, min(len(self.pods), (node + 1) * PODS_PER_NODE))
        rows = tuple(self.row(number, place, name) for number in numbers for place, name in enumerate(CONTAINERS))
        return NodeReport(
            node=f"node-{node}",
            instance="i",
            cursor="c",
            full=True,
            time_seconds=self.now,
            interval_seconds=1.0,
            node_memory=NodeMemory(
                total_bytes=64_000 * MIB, available_bytes=30_000 * MIB, swap_total_bytes=0, page_size_bytes=4096
            ),
            containers=rows,
        )

    def row(self, number: int, place: int, name: str) -> Container:
        held = int(level(number // REPLICAS, place) * self.chance.uniform(0.997, 1.0))
        return Container(
            pod_uid=f"pod-{number}",
            container_id=id_of(number, place),
            cgroup=f"/kubepods/pod-{number}/{place}",
            memory=Memory(
                usage_bytes=held + 30 * MIB,
                limit_bytes=limit(number // REPLICAS, place),
                working_set_bytes=held + 10 * MIB,
                unreclaimable_bytes=held,
                anon_bytes=held - 2 * MIB,
                file_bytes=30 * MIB,
            ),
            pressure=Pressure(some_avg10=0.0, some_avg60=0.0, some_avg300=0.0, full_avg10=0.0, full_avg60=0.0, full_avg300=0.0),
            refaults_per_second=0.0,
            major_faults_per_second=0.0,
            limit_hits=0,
            oom_kills=0,
            oom_score_adj_min=900,
            oom_score_adj_max=900,
            floor_bytes=held,
            processes=(Process(pid=number * 2 + place + 2, name=name, oom_score_adj=900, rss_bytes=held),),
            process_count=1,
        )


def level(workload: int, place: int) -> int:
    return (60 + workload % 97) * MIB if place == 0 else (20 + workload % 13) * MIB


def limit(workload: int, place: int) -> int:
    return 512 * MIB if place == 0 else 64 * MIB


def id_of(number: int, place: int) -> str:
    return f"{number * 2 + place:064x}"


def past(workload: int, place: int) -> State:
    """A week of it, hour by hour."""
    state, held = NOTHING, level(workload, place)
    for hour in range(168):
        jumped = workload % 10 != 0 or hour >= 150
        amount = held * (990 + hour * 7919 % 10) // (1000 if jumped else 1200)
        at = START - (168 - hour) * 3600
        state = observe(state, Sample(at, working_set_bytes=amount + 10 * MIB, unreclaimable_bytes=amount))
    if workload % 20 == 0 and place == 0:
        state = on_oom(state, [OomKill(limit(workload, place) // 2, START - 86400)])
    return state


def watched(number: int, place: int, chance: random.Random) -> ContainerHistory:
    """What is remembered of one replica: a floor that swings by 2 % for a week."""
    held = level(number // REPLICAS, place)
    seconds = range(int(START) - 7 * 86400, int(START), 7 * 86400 // MAX_POINTS)
    units = [int(held * chance.uniform(0.98, 1.0)) // UNIT_BYTES for _ in seconds]
    points = [Point(at, amount, amount, amount) for at, amount in zip(seconds, units, strict=True)]
    return ContainerHistory(
        level=RiskLevel.NONE,
        container_id_seen=id_of(number, place),
        oom_kills_seen=0,
        first_sample_seconds=START - 7 * 86400,
        last_sample_seconds=START,
        floor=FloorHistory.of(zlib.crc32(id_of(number, place).encode()), points[-MAX_POINTS:], ()),
    )


def make_pod(number: int, namespace: str, owner: Owner) -> Pod:
    specs = tuple(
        ContainerSpec(name, memory_request_bytes=32 * MIB, memory_limit_bytes=limit(number // REPLICAS, place))
        for place, name in enumerate(CONTAINERS)
    )
    statuses = {
        name: ContainerStatus(name, id_of(number, place), 0, "running", started_at_seconds=START - 7 * 86400)
        for place, name in enumerate(CONTAINERS)
    }
    node = f"node-{number // PODS_PER_NODE}"
    return Pod(
        f"pod-{number}",
        namespace,
        f"web-{number}",
        node,
        "Running",
        specs,
        statuses,
        owner=owner,
        resource_version="0",
        status_qos_class="Burstable",
    )


async def measure(mode: str, pods: int, rounds: int, seed: int) -> float:
    """The median round of those after the first two, in which everything is written."""
    bench = Bench(mode, pods, seed)
    tasks = [asyncio.create_task(bench.publisher.run()), asyncio.create_task(bench.engine.run())]
    try:
        spent = [await bench.round() for _ in range(rounds + 2)]
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    shown = " ".join(f"{each:.0f}" for each in spent)
    print(f"{mode:8} us a pod by round: {shown}; {len(bench.api.writes)} writes, digest={bench.api.digest()}")
    return statistics.median(spent[2:])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pods", type=int, default=2000, help="how many (default 2000)")
    arguments.add_argument("--rounds", type=int, default=6, help="how many are counted (default 6)")
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    always, on_oom_kill = (asyncio.run(measure(mode, asked.pods, asked.rounds, asked.seed)) for mode in ("Always", "OnOOMKill"))
    print(f"always_us={always:.1f} on_oom_us={on_oom_kill:.1f}")


if __name__ == "__main__":
    main()
