"""NodePressure: the node's memory, not the container's limit."""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import MI, NODE, OTHER, context, held, incident, kill, sample, victim

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause


def test_a_node_wide_kill_tells_the_containers_share_and_its_request() -> None:
    """The log's memory is then the node's, and is not shown as the container's."""
    node = held(15_900 * MI, None, anon=15_000 * MI, file=300 * MI, shmem=0, kernel=600 * MI, free=61 * MI)
    killed = kill(
        NODE,
        victim_pid=4711,
        victim_name="java",
        memory=node,
        before=sample(900 * MI, 2.0, anon=880 * MI, file=40 * MI, shmem=0, kernel=20 * MI, working_set=930 * MI),
    )

    judged = judge_cause(killed, context(request_bytes=256 * MI, incident=incident(victim(4711, "java", oom_score_adj=984))))

    assert judged.cause is Cause.NODE_PRESSURE
    assert judged.sentence == (
        "container app (process java, pid 4711) was killed because the node ran out of memory (61Mi free): it held 880Mi anonymous,"
        " 40Mi page cache, 20Mi kernel (last sample 2 s before); kubectl top showed 930Mi then; its own limit was not the reason"
        " (above its request 256Mi, oom_score_adj 984)"
    )


def test_nothing_known_but_the_scope_is_enough() -> None:
    judged = judge_cause(kill(NODE, limit=None), context())

    assert judged.cause is Cause.NODE_PRESSURE
    assert judged.sentence == (
        "container app was killed because the node ran out of memory, and what it held is not known; its own limit was not the"
        " reason"
    )


def test_within_its_request() -> None:
    judged = judge_cause(kill(NODE, before=sample(working_set=100 * MI)), context(request_bytes=256 * MI))

    assert judged.sentence.endswith("its own limit was not the reason (within its request 256Mi)")


def test_the_limit_of_all_pods_together_is_the_nodes_matter() -> None:
    """kubepods, and a node that is itself a container (kind)."""
    for above in ("/kubepods.slice/kubepods-burstable.slice", "/kubepods", f"/docker/{'e' * 64}/kubelet.slice"):
        judged = judge_cause(kill(OTHER), context(incident=incident(victim(), limit_cgroup=above)))

        assert judged.cause is Cause.NODE_PRESSURE, above
        assert ", a cgroup above its pod" in judged.sentence


def test_a_limit_inside_a_pod_is_not() -> None:
    for inside in ("/kubepods/pod01234567-0123-0123-0123-0123456789ab/nested", None):
        judged = judge_cause(kill(OTHER), context(incident=incident(victim(), limit_cgroup=inside)))

        assert judged.cause is Cause.UNKNOWN, inside
        assert "at the limit of another cgroup" in judged.sentence
