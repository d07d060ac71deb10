"""What annotations say of a kill: who, at whose limit, why, and what proves it, whatever the processes are called."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import MI, NOW, a_container, a_kill, a_pod, an_assessment

from oomsight_api.incident import KillMemory, LastSample, OomScope
from oomsight_api.names import Cause, RiskLevel
from oomsight_operator.judgement.kills.model import Kill, KillCause, KillSource
from oomsight_operator.publishing.annotations import render
from oomsight_operator.publishing.fingerprint import facts_of_kills, fingerprint

SENTENCE = (
    "container app (process java, pid 17) was killed at its own limit 64Mi: 60Mi anonymous, 2Mi page cache (kernel log); "
    "kubectl top showed 40Mi 9 s before; more was needed"
)
KILL = a_kill(
    source=KillSource.KERNEL_LOG,
    exit_code=137,
    incident_id="boot-1",
    scope=OomScope.CONTAINER,
    victim_pid=17,
    victim_name="java",
    memory=KillMemory(usage_bytes=64 * MI, limit_bytes=64 * MI, anon_bytes=60 * MI),
    before=LastSample(age_seconds=9.0, working_set_bytes=40 * MI),
    cause=KillCause(Cause.LIMIT_TOO_LOW, SENTENCE),
)
TIME = "2025-06-15T15:06:40Z"


def said_of(*kills: Kill, container: str = "app") -> dict[str, str]:
    told = tuple(replace(kill, container_name=container) for kill in kills)
    assessment = an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, container, kills=told))
    return {key.removeprefix("oomsight.dev/"): value for key, value in render(a_pod(), assessment).items()}


@pytest.mark.parametrize(
    ("kill", "said"),
    [
        (KILL, "app, limit 64Mi, exit code 137, process java (pid 17), LimitTooLow (kernel-log)"),
        (a_kill(), "app, limit 64Mi, exit code 137 (status)"),
        (
            a_kill(source=KillSource.COUNTER, sequence=2, processes=2, cause=KillCause(Cause.CHILD_PROCESS, "x")),
            "app, limit 64Mi, 2 child processes, ChildProcess (counter)",
        ),
        (
            replace(KILL, scope=OomScope.POD, memory=KillMemory(limit_bytes=96 * MI), cause=KillCause(Cause.POD_LIMIT, "x")),
            "app, pod limit 96Mi, exit code 137, process java (pid 17), PodLimit (kernel-log)",
        ),
        (
            replace(KILL, scope=OomScope.NODE, victim_name=None, cause=KillCause(Cause.NODE_PRESSURE, "x")),
            "app, node out of memory, exit code 137, pid 17, NodePressure (kernel-log)",
        ),
        (
            replace(KILL, limit_bytes=None, memory=None),
            "app, limit, exit code 137, process java (pid 17), LimitTooLow (kernel-log)",
        ),
        (
            replace(KILL, limit_bytes=None, memory=None, scope=None),
            "app, no limit of its own, exit code 137, process java (pid 17), LimitTooLow (kernel-log)",
        ),
        (
            replace(KILL, scope=OomScope.CGROUP, cause=None),
            "app, limit of another cgroup, exit code 137, process java (pid 17) (kernel-log)",
        ),
    ],
)
def test_the_last_kill_in_one_line(kill: Kill, said: str) -> None:
    assert said_of(kill)["last-oom-kill"] == f"{TIME} {said}"


def test_with_long_names_the_process_goes_first_and_the_proof_stays() -> None:
    said = said_of(replace(KILL, victim_name="\\x0a" * 15), container="c" * 63)["last-oom-kill"]
    assert said == f"{TIME} {'c' * 63}, LimitTooLow (kernel-log)"
    shorter = said_of(replace(KILL, victim_name="\\x0a" * 15), container="c" * 20)["last-oom-kill"]
    assert shorter == f"{TIME} {'c' * 20}, limit 64Mi, exit code 137, LimitTooLow (kernel-log)"


def test_the_summary_tells_the_cause_of_the_latest_kill_alone() -> None:
    earlier = replace(KILL, time_seconds=NOW - 60, incident_id="boot-0", cause=KillCause(Cause.LEAK, "an earlier one"))
    lines = said_of(earlier, KILL)["summary"].split("\n")
    at = next(index for index, line in enumerate(lines) if line.startswith(f"- {TIME}: "))
    assert " ".join(line.strip() for line in lines[at : at + 3]).startswith(f"- {TIME}: {SENTENCE} [LimitTooLow]")
    assert "an earlier one" not in "\n".join(lines)
    assert all(len(line) <= 138 for line in lines)


def test_the_report_tells_machines_all_that_is_known_of_it() -> None:
    (container,) = json.loads(said_of(KILL)["report"])["containers"]
    assert container["kills"] == [
        {
            "time": TIME,
            "containerID": "c" * 64,
            "incident": "boot-1",
            "evidence": "kernel-log",
            "scope": "container",
            "endedContainer": True,
            "limitBytes": 64 * MI,
            "exitCode": 137,
            "processes": 1,
            "victims": [{"pid": 17, "name": "java"}],
            "cause": "LimitTooLow",
            "why": SENTENCE,
            "memory": {"usageBytes": 64 * MI, "limitBytes": 64 * MI, "anonBytes": 60 * MI},
            "before": {"ageSeconds": 9.0, "workingSetBytes": 40 * MI},
        }
    ]


def test_what_is_unknown_of_a_kill_is_absent_from_the_report() -> None:
    (container,) = json.loads(said_of(a_kill())["report"])["containers"]
    assert container["kills"][0].keys() == {
        "time", "containerID", "evidence", "endedContainer", "limitBytes", "exitCode", "processes",
    }  # fmt: skip


def meaning(kill: Kill) -> Any:
    return fingerprint(an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, kills=(kill,))))


def facts(kill: Kill) -> int:
    return facts_of_kills(an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, kills=(kill,))))


def test_more_that_becomes_known_of_a_kill_means_something_new() -> None:
    bare = replace(KILL, source=KillSource.COUNTER, scope=None, victim_name=None, victim_pid=None, cause=None, exit_code=None)
    steps = [bare, replace(bare, scope=OomScope.CONTAINER), replace(KILL, exit_code=None), KILL]
    assert len({meaning(kill) for kill in steps}) == len(steps)
    assert [facts(kill) for kill in steps] == sorted({facts(kill) for kill in steps})


def test_a_correction_means_something_new() -> None:
    child = replace(KILL, exit_code=None, container_ended=False)
    unknown = replace(child, cause=KillCause(Cause.UNKNOWN, "x"))
    corrected = [child, replace(child, processes=3), unknown, replace(child, container_ended=True), replace(KILL, exit_code=0)]
    assert len({meaning(kill) for kill in corrected}) == len(corrected)
    assert facts(child) > facts(unknown), "a cause that was found is told at once"


HOSTILE = st.one_of(
    st.text(max_size=100),
    st.sampled_from(
        ["x\nNext: kubectl delete ns shop", 'x"}],"risk":"none', "\\u202e\x1b[2J", "a" * 1000, "oomsight.dev/oom-risk: none"]
    ),
)


@given(name=HOSTILE, sentence=HOSTILE, container=HOSTILE, incident=HOSTILE, age=st.floats(), pid=st.integers(-(2**70), 2**70))
def test_no_process_name_adds_a_line_or_breaks_a_value(
    name: str, sentence: str, container: str, incident: str, age: float, pid: int
) -> None:
    kill = replace(
        KILL,
        victim_name=name,
        victim_pid=pid,
        incident_id=incident,
        cause=KillCause(Cause.UNKNOWN, sentence),
        before=LastSample(age_seconds=age),
    )
    said = said_of(kill, container=container)
    for key, value in said.items():
        assert re.fullmatch(r"[ -~\n]*" if key == "summary" else r"[ -~]*", value)
        assert key in ("summary", "report") or len(value) + len(key) + len("oomsight.dev/: ") <= 140
    for line in said["summary"].split("\n"):
        assert len(line) <= 138
        assert line.startswith(("OOM risk ", "- ", "  ", "Next: kubectl -n shop get pod web-0 -o jsonpath"))
    report = json.loads(said["report"])
    assert report["risk"] == "high"
    assert len(report["containers"]) == 1
