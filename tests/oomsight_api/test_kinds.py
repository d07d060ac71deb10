from __future__ import annotations

from oomsight_api.kinds import CLUSTER_MEMORY_POLICY, MEMORY_POLICY, MEMORY_RECOMMENDATION


def test_paths_are_those_of_the_api() -> None:
    assert MEMORY_POLICY.path() == "/apis/oomsight.dev/v1alpha1/memorypolicies"
    assert MEMORY_RECOMMENDATION.path("team-a") == "/apis/oomsight.dev/v1alpha1/namespaces/team-a/memoryrecommendations"
    assert MEMORY_POLICY.path("team-a", "x", "status") == "/apis/oomsight.dev/v1alpha1/namespaces/team-a/memorypolicies/x/status"
    assert CLUSTER_MEMORY_POLICY.path(name="all") == "/apis/oomsight.dev/v1alpha1/clustermemorypolicies/all"


def test_a_hostile_name_stays_one_part_of_the_path() -> None:
    assert MEMORY_POLICY.path("a/../b", "x?y#z").endswith("/namespaces/a%2F..%2Fb/memorypolicies/x%3Fy%23z")
