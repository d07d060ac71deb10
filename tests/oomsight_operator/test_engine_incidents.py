"""Incidents reach the pods that they concern, and the node."""

from __future__ import annotations

from tests.oomsight_operator.engine_world import POLICY, World, running

from oomsight_api.incident import Evidence, Incident, OomScope, Victim


def oom(incident_id: str, *pods: str, at: float = 1000.0, scope: OomScope = OomScope.CONTAINER) -> Incident:
    victims = tuple(Victim(pod_uid=uid, container_id=f"id-{uid}") for uid in pods)
    return Incident(
        id=incident_id,
        time_seconds=at,
        evidence=Evidence.KERNEL_LOG,
        scope=scope,
        victims=victims,
        victim_count=len(victims),
        container_survived=True,
    )


async def test_an_incident_judges_its_victims_pod_although_no_row_changed_and_is_told_once() -> None:
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2", "u3"):
        world.add_pod(uid, **({"node_name": "node-b"} if uid == "u3" else {}))
    world.report({"u1": 10, "u2": 10})
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        world.report({}, full=False, time=1001.0, incidents=(oom("a", "u2", "u3"),))
        await world.settled()
        world.report({"u1": 10, "u2": 10}, time=1002.0, incidents=(oom("a", "u2", "u3"),))
        await world.settled()
        told = [(each.pod_uid, kill.incident_id) for each in world.published.assessments for kill in each.containers[0].new_kills]
        assert world.published.judged()[0] == "u2"
        assert told == [("u2", "a")]  # not in u3: it is on another node


async def test_a_node_wide_oom_is_passed_on_for_the_node_once() -> None:
    world = World()
    world.report({}, incidents=(oom("a", scope=OomScope.NODE), oom("b", "u1"), oom("old", at=0.0, scope=OomScope.NODE)))
    world.report({}, time=1001.0, incidents=(oom("a", scope=OomScope.NODE),))
    assert world.published.node_incidents == [("node-a", "a")]
