"""OOMKilledRecently counts ends of the container within the policy's window."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import MI, NOW, spec, subject

from oomsight_api.incident import KillMemory, OomScope
from oomsight_api.names import Cause, RiskLevel
from oomsight_api.report import Memory, Pod
from oomsight_operator.judgement.kills.model import Kill, KillCause, KillSource
from oomsight_operator.judgement.risk.oom_killed_recently import oom_killed_recently
from oomsight_operator.judgement.risk.subject import Subject


def killed(ago: float, limit: int | None = 512 * MI, **more: Any) -> Kill:
    source, code = more.pop("source", KillSource.STATUS), more.pop("code", 137)
    return Kill(NOW - ago, "app", f"{int(ago):064x}", source, limit, exit_code=code, **more)


def of(*kills: Kill, limit: int | None = 512 * MI, **more: Any) -> Subject:
    return subject(spec(limit=limit), kills=tuple(sorted(kills, key=lambda kill: kill.time_seconds)), **more)


@pytest.mark.parametrize(
    ("judged", "level"),
    [
        pytest.param(of(killed(60)), RiskLevel.HIGH, id="once"),
        pytest.param(of(killed(60), killed(120)), RiskLevel.HIGH, id="twice"),
        pytest.param(of(killed(60), killed(120), killed(180)), RiskLevel.CRITICAL, id="a-loop"),
        pytest.param(of(killed(4000), killed(5000), killed(6000)), RiskLevel.HIGH, id="a-loop-that-stopped-an-hour-ago"),
        pytest.param(of(killed(60), limit=1024 * MI), RiskLevel.MEDIUM, id="limit-raised-since"),
        pytest.param(
            of(*(killed(ago, 499_998_720) for ago in (60, 120, 180)), limit=500_000_000),
            RiskLevel.CRITICAL,
            id="a-spec-of-no-whole-pages",
        ),
        pytest.param(of(killed(60, None), limit=None), RiskLevel.MEDIUM, id="no-limit-then"),
        pytest.param(of(killed(60, None), limit=None, pod_limit_bytes=512 * MI), RiskLevel.HIGH, id="the-pods-limit"),
        pytest.param(of(killed(60, source=KillSource.COUNTER)), RiskLevel.HIGH, id="told-as-error-137"),
        pytest.param(of(killed(60, scope=OomScope.NODE)), RiskLevel.MEDIUM, id="the-node-was-out-of-memory"),
        pytest.param(
            of(killed(60, scope=OomScope.CGROUP, cause=KillCause(Cause.NODE_PRESSURE, "x"))),
            RiskLevel.MEDIUM,
            id="the-limit-of-all-pods",
        ),
        pytest.param(of(killed(60, None, scope=OomScope.POD), limit=None), RiskLevel.HIGH, id="the-limit-of-the-pods-cgroup"),
    ],
)
def test_levels(judged: Subject, level: RiskLevel) -> None:
    finding = oom_killed_recently(judged)

    assert finding is not None
    assert finding.level is level


def test_it_holds_while_the_container_waits_and_the_agent_is_silent() -> None:
    finding = oom_killed_recently(of(killed(60), running=False, row=None))

    assert finding is not None
    assert finding.sentence == "container app: OOM-killed once in the last 24 h at limit 512Mi, exit code 137"


def test_a_pods_limit_is_not_called_no_limit() -> None:
    finding = oom_killed_recently(of(killed(60, None), limit=None, pod_limit_bytes=512 * MI))

    assert finding is not None
    assert "without a limit of its own, in a pod with limit 512Mi, exit code 137" in finding.sentence


def test_kills_outside_the_window_are_history() -> None:
    assert oom_killed_recently(of(killed(90_000))) is None
    assert oom_killed_recently(of(killed(600), risk={"recentKillSeconds": 300})) is None


def test_a_childs_kill_is_another_reason() -> None:
    assert oom_killed_recently(of(killed(60, code=0))) is None
    assert oom_killed_recently(of(killed(60, source=KillSource.COUNTER, code=None))) is None


@pytest.mark.parametrize(
    ("kill", "words"),
    [
        (killed(60, scope=OomScope.NODE), "in the last 24 h because the node was out of memory, exit code 137"),
        (
            killed(60, scope=OomScope.POD, memory=KillMemory(limit_bytes=700 * MI)),
            "in the last 24 h at its pod's limit 700Mi, exit",
        ),
        (killed(60, scope=OomScope.POD), "in the last 24 h at its pod's limit 600Mi, exit"),
        (killed(60, scope=OomScope.POD, memory=KillMemory(limit_bytes=1, age_seconds=3.0)), "at its pod's limit 600Mi, exit"),
        (killed(60, scope=OomScope.CGROUP), "in the last 24 h at the limit of another cgroup, exit code 137"),
        (killed(60, scope=OomScope.CONTAINER, code=None), "in the last 24 h at limit 512Mi"),
    ],
)
def test_it_is_said_whose_memory_ran_out(kill: Kill, words: str) -> None:
    pods_own = Pod(pod_uid="uid-1", cgroup="/p", memory=Memory(limit_bytes=600 * MI))
    finding = oom_killed_recently(of(kill, pod_row=pods_own))

    assert finding is not None
    assert words in finding.sentence


def test_an_incident_that_the_container_ended_with_needs_no_exit_code() -> None:
    ended = killed(60, source=KillSource.KERNEL_LOG, code=None, container_ended=True)

    assert oom_killed_recently(of(ended)) is not None
