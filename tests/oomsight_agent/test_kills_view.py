"""What `oomsight-agent kills` shows. To renew the goldens after a wanted change: `OOMSIGHT_WRITE_GOLDENS=1 pytest` of this file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from msgspec.structs import replace

from oomsight_agent.kills_rows import KillRow, rows_of_counters, rows_of_incidents
from oomsight_agent.kills_view import Options, render_json, render_table
from oomsight_api.incident import Evidence, Incident, KernelLog, OomScope, Victim
from oomsight_api.report import Container, NodeMemory, NodeReport

GOLDENS = Path(__file__).parent / "kills_goldens"
MIB = 1024 * 1024
FOLLOWED = KernelLog(following=True)
REFUSED = KernelLog(following=False, problem="/dev/kmsg: Operation not permitted")

WEB = Victim(
    pod_uid="u1",
    container_id="c1",
    namespace="shop",
    pod_name="web-7d4b9c-x2x4z",
    container_name="server",
    pid=123456,
    name="gunicorn",
    anon_rss_bytes=470 * MIB,
    file_rss_bytes=12 * MIB,
    shmem_rss_bytes=0,
)
CRON = Victim(cgroup="/system.slice/cron.service", pid=812, name="b\\x1b[31mad", anon_rss_bytes=3 * MIB)
INCIDENTS = (
    Incident(
        id="boot-1",
        time_seconds=1_790_000_000.4,
        evidence=Evidence.BOTH,
        scope=OomScope.CONTAINER,
        limit_container_id="c1",
        limit_pod_uid="u1",
        victims=(WEB,),
        victim_count=1,
    ),
    Incident(
        id="boot-2",
        time_seconds=1_790_000_100.0,
        evidence=Evidence.KERNEL_LOG,
        scope=OomScope.NODE,
        victims=(CRON, replace(WEB, pid=123900)),
        victim_count=2,
    ),
    Incident(
        id="boot-3", time_seconds=1_790_000_200.0, evidence=Evidence.KERNEL_LOG, scope=OomScope.CGROUP, limit_cgroup="/kubepods"
    ),
)
REPORT = NodeReport(
    node="node-1",
    instance="",
    cursor="",
    full=True,
    time_seconds=1_790_000_300.0,
    interval_seconds=1,
    node_memory=NodeMemory(oom_kills=9),
    containers=(
        Container(
            pod_uid="u2",
            container_id="c2",
            cgroup="/c2",
            namespace="shop",
            pod_name="cache-0",
            container_name="redis",
            oom_kills=2,
        ),
    ),
)


def rows() -> list[KillRow]:
    return [*rows_of_counters(REPORT, INCIDENTS), *rows_of_incidents(INCIDENTS)]


def check(name: str, text: str) -> None:
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("OOMSIGHT_WRITE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_the_table_with_the_kernels_log() -> None:
    check("log", render_table(rows(), REPORT, FOLLOWED, Options()))


def test_the_table_of_counters_alone_says_what_would_tell_more() -> None:
    check("counters", render_table(rows_of_counters(REPORT, ()), REPORT, REFUSED, Options()))


def test_nothing_to_see_says_so_and_what_was_read() -> None:
    bare = replace(REPORT, containers=(), node_memory=NodeMemory(oom_kills=0))
    check("nothing", render_table([], bare, FOLLOWED, Options()))


def test_a_narrow_terminal_keeps_time_victim_and_process() -> None:
    text = render_table(rows(), REPORT, FOLLOWED, Options(width=80))
    check("narrow", text)
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_long_name_is_cut_in_its_middle_to_fit() -> None:
    long = replace(WEB, pod_name="p" * 200 + "-x2x4z")
    text = render_table(rows_of_incidents([replace(INCIDENTS[0], victims=(long,))]), REPORT, FOLLOWED, Options(width=80))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "-x2x4z/server  gunicorn" in text


def test_without_headers_there_are_rows_alone() -> None:
    text = render_table(rows(), REPORT, FOLLOWED, Options(headers=False))
    assert len(text.splitlines()) == 5
    assert all(line.startswith(("before now", "2026-")) for line in text.splitlines())


def test_json_is_the_incidents_as_the_report_tells_them_and_what_was_counted_beyond() -> None:
    told = json.loads(render_json(rows(), INCIDENTS, REPORT, REFUSED))
    assert [each["id"] for each in told["incidents"]] == ["boot-1", "boot-2", "boot-3"]
    assert told["incidents"][0]["victims"][0]["anon_rss_bytes"] == 470 * MIB
    assert told["counted"] == [{"name": "shop/cache-0/redis", "oom_kills": 2}]
    assert told["kernel_log"] == {"following": False, "problem": "/dev/kmsg: Operation not permitted"}
    assert told["node_oom_kills"] == 9
