"""Kills of real kernels (6.18 with cgroup v1, 6.12 with v2), with the numbers of their logs, each in a container of that limit.

v1: the log's `cache` is `file_bytes` (shmem included), `rss` is `anon_bytes`, `kmem: usage` is `kernel_bytes`.
"""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import (
    KI,
    MI,
    OTHER,
    OWN,
    POD,
    child_kill,
    context,
    incident,
    sample,
    task,
    victim,
)

from oomsight_api.incident import KillMemory
from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause


def charged(limit_kib: int, rss: int, cache: int, shmem: int, kmem_kib: int) -> KillMemory:
    """`memory: usage`, `total_rss`, `total_cache`, `total_shmem`, `kmem: usage`."""
    return KillMemory(
        usage_bytes=limit_kib * KI,
        limit_bytes=limit_kib * KI,
        anon_bytes=rss,
        file_bytes=cache,
        shmem_bytes=shmem,
        kernel_bytes=kmem_kib * KI,
    )


def test_dd_into_a_tmpfs() -> None:
    """Case 10 of the specification: 2.6 MB resident, the biggest process there was, and 15.5 MB that its death did not free."""
    dd = victim(12111, "dd", anon=1024 * KI, shmem=0)
    killed = child_kill(victim_pid=12111, victim_name="dd", limit=16 * MI, memory=charged(16384, 1163264, 15495168, 15495168, 116))

    judged = judge_cause(killed, context(incident=incident(dd, tasks=(task(12111, "dd", 671 * 4 * KI),))))

    assert judged.cause is Cause.SHARED_MEMORY
    assert judged.sentence == (
        "process dd (pid 12111) of container app was killed at the container's own limit 16Mi: 1.11Mi anonymous, 0 page cache,"
        " 14.8Mi shared memory, 116Ki kernel (kernel log); tmpfs files (emptyDir medium Memory, /dev/shm) or shared memory are most"
        " of it and no kill frees them: expect repeats"
    )


def test_a_tmpfs_on_cgroup_v2() -> None:
    killed = child_kill(
        victim_pid=189, victim_name="writer", limit=48 * MI, memory=charged(49152, 1048576, 49164288, 49164288, 116)
    )
    writer = incident(victim(189, "writer", anon=3892 * KI, shmem=0), tasks=(task(189, "writer", 9592 * KI),))

    judged = judge_cause(killed, context(incident=writer))

    assert judged.cause is Cause.SHARED_MEMORY
    assert "1Mi anonymous, 0 page cache, 46.9Mi shared memory, 116Ki kernel (kernel log)" in judged.sentence


def test_a_container_that_may_swap() -> None:
    """What was on its way to the swap is of no kind in memory.stat."""
    memory = KillMemory(
        usage_bytes=49152 * KI,
        limit_bytes=49152 * KI,
        swap_bytes=16384 * KI,
        anon_bytes=34717696,
        file_bytes=0,
        shmem_bytes=0,
        kernel_bytes=106496,
    )
    swapper = incident(victim(195, "swapper", anon=36916 * KI), tasks=(task(195, "swapper", 42760 * KI),))
    killed = child_kill(victim_pid=195, victim_name="swapper", limit=48 * MI, memory=memory)

    judged = judge_cause(killed, context(incident=swapper))

    assert judged.cause is Cause.CHILD_PROCESS
    assert "33.1Mi anonymous, 0 page cache, 104Ki kernel, 14.8Mi other, 16Mi swapped out (kernel log)" in judged.sentence


def test_a_group_that_died_whole() -> None:
    """memory.oom.group: app and its three workers, one incident."""
    died = [victim(180, "app", anon=42416 * KI)] + [victim(177 + index, f"worker-{index}", anon=5944 * KI) for index in range(3)]
    whole = incident(*died, oom_group=True, tasks=(task(180, "app", 48308 * KI),), container_survived=False)
    killed = child_kill(
        victim_pid=180,
        victim_name="app",
        processes=4,
        limit=48 * MI,
        memory=charged(49152, 50200576, 0, 0, 128),
        before=sample(12 * MI, 0.9),
    )

    judged = judge_cause(killed, context(incident=whole))

    assert judged.cause is Cause.BURST
    assert judged.sentence.startswith(
        "container app (process app, pid 180 and 3 more) was killed at its own limit 48Mi: 47.9Mi anon"
    )


def test_a_process_with_a_name_made_to_deceive() -> None:
    killed = child_kill(victim_pid=29090, victim_name="a,pid=1,uid=0", limit=32 * MI, memory=charged(32768, 33480704, 4096, 0, 68))
    a = incident(victim(29090, "a,pid=1,uid=0", anon=39680 * KI), tasks=(task(29090, "a,pid=1,uid=0", 11601 * 4 * KI),))

    judged = judge_cause(killed, context(incident=a))

    assert judged.cause is Cause.CHILD_PROCESS
    assert judged.sentence.startswith(
        'process "a,pid=1,uid=0" (pid 29090) of container app was killed at the container\'s own limit'
    )
    assert "31.9Mi anonymous, 4Ki page cache, 68Ki kernel (kernel log); that one process held 38.8Mi" in judged.sentence


def test_the_pods_limit_with_the_hog_and_its_small_neighbour() -> None:
    """`oom_memcg=/r2-p,task_memcg=/r2-p/c1`: c1hog died, c2small had adj 500 and lived."""
    hog = incident(
        victim(31829, "c1hog", anon=59264 * KI),
        tasks=(task(31829, "c1hog", 15141 * 4 * KI), task(31825, "c2small", 1868 * 4 * KI)),
    )
    killed = child_kill(POD, victim_pid=31829, victim_name="c1hog", limit=None, memory=charged(65536, 66945024, 0, 0, 160))

    judged = judge_cause(killed, context(alone_in_pod=False, incident=hog))

    assert judged.cause is Cause.POD_LIMIT
    assert "at the limit 64Mi of its pod: its pod held 63.8Mi anonymous, 0 page cache, 160Ki kernel (kernel log)" in judged.sentence


def test_a_kill_whose_header_the_rate_limit_swallowed() -> None:
    """m11 to m14 have only their `Killed process` line: no memory, no scope."""
    bare = child_kill(None, victim_pid=29928, victim_name="m11", limit=8 * MI)

    judged = judge_cause(bare, context(incident=incident(victim(29928, "m11", anon=8064 * KI)), kernel_log_following=True))

    assert judged.cause is Cause.UNKNOWN
    assert judged.sentence == (
        "process m11 (pid 29928) of container app was killed by an OOM of unknown scope (the container's own limit is 8Mi): the"
        " killed process held 7.88Mi resident (kernel log); cause unknown (missing: whose memory ran out, a sample before it)"
    )


def test_the_same_kill_with_a_sample_before_it() -> None:
    m1 = incident(victim(29918, "m1", anon=8192 * KI), tasks=(task(29918, "m1", 2413 * 4 * KI),), container_survived=False)
    killed = child_kill(
        OWN,
        victim_pid=29918,
        victim_name="m1",
        limit=8 * MI,
        memory=charged(8192, 8364032, 0, 0, 24),
        before=sample(300 * KI, 0.8, working_set=320 * KI),
    )

    judged = judge_cause(killed, context(incident=m1))

    assert judged.cause is Cause.BURST
    assert judged.sentence == (
        "container app (process m1, pid 29918) was killed at its own limit 8Mi: 7.98Mi anonymous, 0 page cache, 24Ki kernel (kernel"
        " log); kubectl top showed 320Ki less than 1 s before; what cannot be reclaimed was 300Ki (3 % of the limit) less"
        " than 1 s before and jumped"
    )


def test_a_limit_of_a_cgroup_that_is_not_told() -> None:
    killed = child_kill(OTHER, memory=charged(8192, 8364032, 0, 0, 24))

    assert judge_cause(killed, context()).cause is Cause.UNKNOWN
