"""What goes first when everything comes at once."""

from __future__ import annotations

import asyncio

from tests.oomsight_operator.publishing.builders import MI, MemoryApi, a_container, a_kill, a_pod, an_assessment, running
from tests.oomsight_operator.publishing.workloads import say

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.model import Owner


async def test_kills_rises_and_pods_that_become_unknown_do_not_wait_for_the_recommendations_of_all_workloads() -> None:
    """As in the third hour of a new installation, when mode Always recommends for all of them at once."""
    api = MemoryApi()
    pods = {name: a_pod(uid=name, name=name) for name in ("calm", "lost", "risen", "killed", "last")}
    for pod in pods.values():
        api.add_pod(pod)
    async with running(api, concurrent_writes=1) as stage:
        for name in ("lost", "risen", "killed"):
            stage.publisher.offer(pods[name], an_assessment(RiskLevel.NONE, pod_uid=name))
        await stage.drain()
        api.requests.clear()
        api.hold = asyncio.Event()
        stage.publisher.offer(pods["last"], an_assessment(RiskLevel.NONE, pod_uid="last"))
        await api.until(lambda: len(api.requests) == 1)  # on its way while the others come

        for number in range(5):
            say(stage, f"web-{number}", workload=Owner("apps/v1", "Deployment", f"web-{number}", f"uid-{number}"), peak_mi=number)
        stage.publisher.offer(pods["calm"], an_assessment(RiskLevel.NONE, pod_uid="calm"))
        stage.publisher.offer(pods["lost"], an_assessment(RiskLevel.UNKNOWN, pod_uid="lost"))
        stage.publisher.offer(pods["risen"], an_assessment(RiskLevel.HIGH, pod_uid="risen"))
        killed = a_container(RiskLevel.HIGH, new_kills=(a_kill(limit_bytes=64 * MI),))
        stage.publisher.offer(pods["killed"], an_assessment(RiskLevel.HIGH, killed, pod_uid="killed", events="Disabled"))
        api.hold.set()
        await stage.drain()
    order = [each.path.rpartition("/")[2] for each in api.writes("PATCH", "/pods/")]
    assert order == ["last", "killed", "risen", "lost", "calm"]
    paths = [each.path for each in api.writes()]
    first_calm_recommendation = min(at for at, path in enumerate(paths) if "deployment-web-" in path)
    assert first_calm_recommendation > max(at for at, path in enumerate(paths) if "/pods/" in path)


async def test_of_recommendations_the_worst_workloads_go_first_and_what_an_admin_looks_at_before_what_is_calm() -> None:
    api = MemoryApi()
    names = ("calm-1", "edited", "calm-2", "leaking")
    workloads = {name: Owner("apps/v1", "Deployment", name, f"uid-{name}") for name in names}
    async with running(api, concurrent_writes=1) as stage:
        for name in ("edited", "leaking"):
            say(stage, name, workload=workloads[name], level=RiskLevel.NONE)
        await stage.drain()
        before, asked = len(api.writes("PATCH", "/status")), len(api.requests)
        stage.clock.advance(600)
        api.hold = asyncio.Event()
        say(stage, "on-its-way", workload=Owner("apps/v1", "Deployment", "first", "uid-first"))
        await api.until(lambda: len(api.requests) > asked)
        say(stage, "calm-1", workload=workloads["calm-1"], level=RiskLevel.NONE)
        say(stage, "edited", workload=workloads["edited"], level=RiskLevel.NONE, mode="OnOOMKill", limit_mi=256)
        say(stage, "calm-2", workload=workloads["calm-2"], level=RiskLevel.NONE)
        say(stage, "leaking", workload=workloads["leaking"], level=RiskLevel.HIGH, limit_mi=256)
        api.hold.set()
        await stage.drain()
    order = [each.path.split("/")[-2] for each in api.writes("PATCH", "/status")][before:]
    assert order == [f"deployment-{name}" for name in ("first", "leaking", "edited", "calm-1", "calm-2")]
