"""What happens while one workload's status is made and sent."""

from __future__ import annotations

import asyncio

import pytest
from tests.oomsight_operator.judgement.recommend.scenes import seen
from tests.oomsight_operator.publishing.builders import (
    MI,
    NOW,
    MemoryApi,
    Stage,
    a_container,
    a_kill,
    a_pod,
    a_recommendation,
    an_assessment,
    running,
)
from tests.oomsight_operator.publishing.workloads import PATH, WEB, status_writes

from oomsight_api.names import RiskLevel
from oomsight_api.recommendation import ContainerRecommendation
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.publishing.digest import memory_of


def _offer(stage: Stage, containers: int, *kills: Kill) -> None:
    judged = [
        a_container(name=f"c{number}", recommendation=a_recommendation(), learned=seen(20 * MI, 30, until=NOW), new_kills=kills)
        for number in range(containers)
    ]
    stage.publisher.offer(a_pod(), an_assessment(RiskLevel.NONE, *judged, annotations="None", events="Disabled"), WEB)


async def _turns_of_others(containers: int) -> int:
    """How often the event loop goes round while a workload of so many containers gets its status."""
    api, turns = MemoryApi(), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with running(api) as stage:
        _offer(stage, containers)
        task = asyncio.create_task(others())
        await stage.drain()
        task.cancel()
    written = api.objects[PATH]["status"]["containers"]
    assert [bool(each["digest"]) for each in written] == [True] * containers
    return turns


async def test_others_get_their_turn_between_the_digests_of_a_workload_of_many_containers() -> None:
    assert await _turns_of_others(12) >= await _turns_of_others(2) + 10


@pytest.mark.parametrize("turn", range(16))
async def test_a_kill_that_comes_meanwhile_is_in_the_count_and_in_the_digest_or_in_neither(turn: int) -> None:
    """Were it in the digest alone, an operator that is killed then would never count it."""
    api = MemoryApi()
    async with running(api) as stage:
        _offer(stage, 8)
        for _ in range(turn):
            await asyncio.sleep(0)
        _offer(stage, 8, a_kill())
        await stage.drain()
    writes = [[ContainerRecommendation.model_validate(each) for each in status["containers"]] for status in status_writes(api)]
    assert all(len(memory_of(each).known) == each.oom_kills for containers in writes for each in containers)
    assert [each.oom_kills for each in writes[-1]] == [1] * 8
