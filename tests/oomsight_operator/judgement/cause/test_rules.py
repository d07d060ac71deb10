"""The judgement of one kill: always one cause, in one bounded sentence."""

from __future__ import annotations

from oomsight_api.incident import KillMemory, LastSample, OomScope
from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.cause.rules import judge_cause
from oomsight_operator.judgement.model import Kill, KillSource

MI = 1024 * 1024


def test_who_where_what_and_what_kubectl_top_showed() -> None:
    kill = Kill(
        1000.0,
        "app",
        "a" * 64,
        KillSource.KERNEL_LOG,
        exit_code=137,
        scope=OomScope.CONTAINER,
        memory=KillMemory(
            usage_bytes=512 * MI,
            limit_bytes=512 * MI,
            anon_bytes=470 * MI,
            file_bytes=30 * MI,
            shmem_bytes=0,
            kernel_bytes=12 * MI,
        ),
        before=LastSample(age_seconds=9.2, working_set_bytes=350 * MI, unreclaimable_bytes=340 * MI),
    )

    judged = judge_cause(kill, KillContext("app"))

    assert judged.cause is Cause.BURST
    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 470Mi anonymous, 30Mi page cache, 12Mi kernel (kernel log); kubectl top"
        " showed 350Mi 9 s before; what cannot be reclaimed was 340Mi (66 % of the limit) 9 s before and jumped"
    )
