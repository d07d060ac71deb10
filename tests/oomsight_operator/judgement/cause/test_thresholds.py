"""Each threshold at its very value: half is half, a minute is a minute, and where the usage is not told the limit stands for it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_operator.judgement.cause.build import (
    KI,
    MI,
    OTHER,
    RUN,
    child_kill,
    context,
    earlier,
    held,
    incident,
    kill,
    sample,
    task,
    victim,
)

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.cause.evidence import is_nested
from oomsight_operator.judgement.cause.evidence import victim as victim_of
from oomsight_operator.judgement.cause.leak import NOISE_BYTES, WINDOW_SECONDS
from oomsight_operator.judgement.cause.rules import judge_cause
from oomsight_operator.judgement.kills.model import Kill

HOUR = 3600.0


def cause(killed: Kill, **more: Any) -> Cause:
    return judge_cause(killed, context(**more)).cause


@pytest.mark.parametrize(("size", "holds"), [(256 * MI, True), (256 * MI - 1, False)])
@pytest.mark.parametrize("usage", [512 * MI, None])
def test_half_of_the_charge(size: int, holds: bool, usage: int | None) -> None:
    shmem = kill(memory=held(usage, file=size, shmem=size))
    cache = kill(memory=held(usage, file=size, shmem=0))
    child = child_kill(memory=held(usage, anon=500 * MI))
    told = incident(victim(anon=size), tasks=(task(17, "worker", size),))

    assert (cause(shmem) is Cause.SHARED_MEMORY) is holds
    assert (cause(cache) is Cause.PAGE_CACHE_THRASH) is holds
    assert (cause(child, incident=told) is Cause.CHILD_PROCESS) is holds


def test_the_usage_that_was_charged_counts_not_the_limit() -> None:
    """A limit that was lowered below what was charged, or raised while the kernel killed."""
    assert cause(kill(memory=held(300 * MI, 512 * MI, file=200 * MI, shmem=200 * MI))) is Cause.SHARED_MEMORY
    assert cause(kill(memory=held(300 * MI, 512 * MI, file=200 * MI, shmem=0))) is Cause.PAGE_CACHE_THRASH
    told = incident(victim(anon=200 * MI), tasks=(task(17, "worker", 200 * MI),))
    assert cause(child_kill(memory=held(300 * MI, 512 * MI, anon=290 * MI)), incident=told) is Cause.CHILD_PROCESS


def test_half_of_the_shared_memory_mapped_by_the_killed_process_is_its_own() -> None:
    killed = kill(memory=held(file=400 * MI, shmem=400 * MI), victim_pid=17)

    assert "mapped by" in judge_cause(killed, context(incident=incident(victim(shmem=200 * MI)))).sentence
    assert "expect repeats" in judge_cause(killed, context(incident=incident(victim(shmem=200 * MI - 1)))).sentence


def test_times() -> None:
    shmem = {"anon": 0, "file": 300 * MI, "shmem": 300 * MI}

    assert cause(kill(), ran=60.0) is Cause.STARTUP
    assert cause(kill(before=sample(100 * MI, 60.0))) is Cause.BURST
    assert cause(kill(before=sample(100 * MI, 60.5))) is Cause.UNKNOWN
    assert cause(kill(before=sample(480 * MI, 600.0))) is Cause.LIMIT_TOO_LOW
    assert cause(kill(before=sample(480 * MI, 600.5))) is Cause.UNKNOWN
    assert cause(kill(before=sample(300 * MI, 600.0, **shmem))) is Cause.SHARED_MEMORY


def test_growth() -> None:
    noise = NOISE_BYTES / WINDOW_SECONDS
    quarter = 64 * KI  # in 2,000 s a quarter of 500Mi

    assert cause(kill(before=sample(480 * MI, slope=noise)), ran=400 * 24 * HOUR) is Cause.LEAK
    assert cause(kill(limit=500 * MI, before=sample(480 * MI, slope=quarter)), ran=2000.0) is Cause.LEAK
    assert cause(kill(limit=500 * MI, before=sample(480 * MI, slope=quarter - 1)), ran=2000.0) is Cause.LIMIT_TOO_LOW
    assert cause(kill(limit=750 * MI, before=sample(700 * MI, slope=quarter))) is Cause.LEAK  # 5 % in the window
    assert cause(kill(limit=751 * MI, before=sample(700 * MI, slope=quarter))) is Cause.LIMIT_TOO_LOW


def test_rhythm() -> None:
    near = kill(before=sample(480 * MI, slope=0.0))

    assert cause(near, ran=HOUR, earlier_kills=earlier(600.0, 1200.0, 1800.0)) is Cause.LEAK
    assert cause(near, ran=HOUR, earlier_kills=earlier(599.0, 1200.0, 1800.0)) is Cause.LIMIT_TOO_LOW
    assert cause(near, ran=HOUR, earlier_kills=earlier(1000.0, 2000.0, 3250.0)) is Cause.LEAK
    assert cause(near, ran=HOUR, earlier_kills=earlier(1000.0, 2000.0, 3251.0)) is Cause.LIMIT_TOO_LOW


def test_what_fills_another_cgroup_is_not_the_containers() -> None:
    killed = kill(OTHER, memory=held(file=400 * MI, shmem=400 * MI))
    of_container = incident(victim(), limit_container_id=RUN)
    of_another = incident(victim(), limit_container_id="f" * 64)

    assert cause(killed) is Cause.UNKNOWN
    assert cause(killed, incident=of_another) is Cause.UNKNOWN
    assert cause(killed, incident=of_container) is Cause.SHARED_MEMORY
    assert is_nested(killed, context(incident=of_container))
    assert not is_nested(killed, context(incident=incident(victim(), limit_container_id=None)))


def test_the_victim_is_the_kills_own_then_the_first_of_its_container() -> None:
    told = context(incident=incident(victim(5, "other", run="f" * 64), victim(16, "first"), victim(17, "worker")))
    unattributed = context(incident=incident(victim(17, "worker", run=None), victim(None, "x", run=None)))

    def name(known: KillContext, pid: int | None) -> str | None:
        found = victim_of(child_kill(victim_pid=pid), known)
        return found.name if found is not None else None

    assert name(told, 17) == "worker"
    assert name(told, 99) == "first"
    assert name(told, None) == "first"
    assert name(unattributed, 17) == "worker"
    assert name(unattributed, None) is None
