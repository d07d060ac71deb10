"""An operator is killed between a kill's first witness and its second: each kill of the workload is counted once all the same."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.oomsight_operator.judgement import build
from tests.oomsight_operator.judgement.kills.watch import oom, victim
from tests.oomsight_operator.publishing.builders import MI, NOW, Clock, MemoryApi, a_publisher
from tests.oomsight_operator.publishing.workloads import PATH, WEB

from oomsight_api.incident import Incident
from oomsight_operator.inventory.pods import project_pod
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import ContainerStatus, NodeContext, Pod, PodHistory, Telemetry

AGENT, KUBELET, BOTH = ("agent",), ("kubelet",), ("agent", "kubelet")


class Replicas:
    """Pods of one Deployment whose containers were all killed at NOW, and an operator that may be killed; the API stays."""

    def __init__(self, count: int, *, survived: bool | None = False) -> None:
        self.numbers = range(count)
        self.survived = survived
        self.api, self.clock = MemoryApi(), Clock()
        self.histories: dict[str, PodHistory] = {}
        self.stage = a_publisher(self.api, self.clock, write_burst=10_000)

    def sigkill(self) -> None:
        """Another operator starts, with what stands in the API."""
        self.stage = a_publisher(self.api, self.clock, write_burst=10_000)
        document = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **self.api.objects[PATH]}
        restored = self.stage.publisher.restore([document]).histories
        self.histories = {uid: history for (_, uid), history in restored.items()}

    async def look(self, witnesses: Iterable[str], *, at: float, numbers: Iterable[int] | None = None) -> None:
        """Every replica is judged with what these witnesses tell by now, and what is due is written."""
        self.clock.now = at
        async with self.stage.writing():
            for number in self.numbers if numbers is None else numbers:
                uid = f"00000000-0000-4000-8000-{number:012d}"
                pod = self._pod(uid, number, killed="kubelet" in witnesses)
                incidents = (self._incident(uid, number),) if "agent" in witnesses else ()
                telemetry = Telemetry(at, 1.0, {}, incidents=incidents, heard_since_seconds=NOW - 3600 if incidents else at)
                history = self.histories.get(uid, PodHistory())
                judged, self.histories[uid] = assess_pod(pod, telemetry, NodeContext("node-1"), build.policy(), history, at)
                self.stage.publisher.offer(pod, judged, WEB, self.histories[uid])
            await self.stage.drain()

    @property
    def counted(self) -> int:
        """OOM kills, as everybody reads them."""
        kills = self.api.objects[PATH]["status"]["summary"]["oomKills"]
        assert isinstance(kills, int)
        return kills

    @property
    def events_of_kills(self) -> dict[str, int]:
        """How often each is told."""
        events = {path: body for path, body in self.api.objects.items() if body.get("reason") == "OOMKilled"}
        return {path: body.get("series", {}).get("count", 1) for path, body in events.items()}

    def _pod(self, uid: str, number: int, *, killed: bool) -> Pod:
        before, after = f"{number:064x}", f"{number + 1_000_000:064x}"
        status = ContainerStatus("app", before, 0, "running", started_at_seconds=NOW - 3600)
        if killed:
            status = replace(status, container_id=after, restart_count=1, last_terminated=build.end(before))
        spec = build.spec(limit=64 * MI)
        return build.pod(spec, statuses=(status,), uid=uid, namespace="shop", name=f"web-{number}")

    def _incident(self, uid: str, number: int) -> Incident:
        who = victim(f"{number:064x}", pod_uid=uid, container_name="app")
        return oom(f"boot-{number}", who, at=NOW, container_survived=self.survived)


@pytest.mark.parametrize("count", [1, 12, 60])
@pytest.mark.parametrize(("first", "then"), [(AGENT, BOTH), (AGENT, KUBELET), (KUBELET, BOTH), (KUBELET, AGENT)], ids=str)
async def test_whoever_tells_first_a_kill_counts_once(first: tuple[str, ...], then: tuple[str, ...], count: int) -> None:
    replicas = Replicas(count)
    await replicas.look(first, at=NOW + 2)
    assert replicas.counted == count
    replicas.sigkill()
    for seconds in (3, 20, 60):
        await replicas.look(then, at=NOW + seconds)
    replicas.sigkill()
    await replicas.look(BOTH, at=NOW + 120)
    assert replicas.counted == count


@pytest.mark.parametrize(("first", "then"), [(AGENT, KUBELET), (KUBELET, BOTH)], ids=str)
async def test_the_second_witness_after_a_restart_makes_no_second_event_of_any_replica(
    first: tuple[str, ...], then: tuple[str, ...]
) -> None:
    replicas = Replicas(60)
    await replicas.look(first, at=NOW + 2)
    told = replicas.events_of_kills
    assert len(told) == 60
    replicas.sigkill()
    for seconds in (3, 20):
        await replicas.look(then, at=NOW + seconds)
    assert replicas.events_of_kills == told


async def test_replicas_of_a_runtime_without_ids_that_end_in_the_same_second_are_kills_of_their_own() -> None:
    api, clock = MemoryApi(), Clock()
    stage = a_publisher(api, clock, write_burst=10_000)
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-03-01T09:59:30Z"}
    status = {"phase": "Running", "containerStatuses": [{"name": "app", "lastState": {"terminated": ended}}]}
    clock.now = NOW
    async with stage.writing():
        for number in range(3):
            meta = {"name": f"web-{number}", "namespace": "shop", "uid": f"00000000-0000-4000-8000-{number:012d}"}
            raw = {"metadata": meta, "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]}, "status": status}
            pod = project_pod(json.dumps(raw).encode()).pod
            judged, history = assess_pod(pod, None, NodeContext("node-1"), build.policy(), PodHistory(), NOW)
            stage.publisher.offer(pod, judged, WEB, history)
        await stage.drain()

    assert api.objects[PATH]["status"]["summary"]["oomKills"] == 3
