"""The table that a person sees first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.sampler import CgroupRow
from oomsight_agent.top_rows import Row, rows_of_cgroups, rows_of_report, sort_rows
from oomsight_agent.top_view import Options, human_bytes, render_json, render_table
from oomsight_api.report import Container, Memory, NodeReport

GOLDENS = Path(__file__).with_name("top_goldens")
KIB, MIB, GIB = 1024, 1024**2, 1024**3


def container(name: str, memory: Memory, adj: tuple[int, int] = (970, 970), kills: int | None = 0) -> Container:
    return Container(
        pod_uid=f"uid-{name}",
        container_id=f"{name[:1]}" * 64,
        cgroup=f"/kubepods/{name}",
        namespace="shop",
        pod_name=f"{name}-7d9f8c6b5-x2x4z",
        container_name=name,
        memory=memory,
        oom_score_adj_min=adj[0],
        oom_score_adj_max=adj[1],
        oom_kills=kills,
        process_count=3,
    )


CACHE_HEAVY = Memory(
    usage_bytes=512 * MIB,
    limit_bytes=512 * MIB,
    unlimited=False,
    peak_lifetime_bytes=512 * MIB,
    anon_bytes=90 * MIB,
    file_bytes=418 * MIB,
    shmem_bytes=2 * MIB,
    working_set_bytes=400 * MIB,
    unreclaimable_bytes=96 * MIB,
    headroom_bytes=416 * MIB,
)
LEAKING = Memory(
    usage_bytes=250 * MIB,
    limit_bytes=256 * MIB,
    unlimited=False,
    peak_lifetime_bytes=255 * MIB,
    anon_bytes=245 * MIB,
    file_bytes=2 * MIB,
    shmem_bytes=0,
    kernel_bytes=3 * MIB,
    swap_bytes=0,
    working_set_bytes=249 * MIB,
    unreclaimable_bytes=247 * MIB,
    headroom_bytes=9 * MIB,
)
UNLIMITED = Memory(usage_bytes=3 * GIB // 2, unlimited=True, working_set_bytes=GIB, unreclaimable_bytes=GIB)
PAUSE = Container(
    pod_uid="uid-leaky",
    container_id="f" * 64,
    cgroup="/p",
    memory=Memory(usage_bytes=KIB),
    oom_score_adj_min=-998,
    oom_score_adj_max=-998,
)
REPORT = NodeReport(
    node="node-1",
    instance="",
    cursor="",
    full=True,
    time_seconds=1_700_000_000.0,
    interval_seconds=1,
    containers=(
        container("cache", CACHE_HEAVY),
        container("besteffort", UNLIMITED, (1000, 1000)),
        container("leaky", LEAKING, (2, 1000), kills=4),
        Container(pod_uid="uid-blind", container_id="0" * 64, cgroup="/b"),
        PAUSE,
    ),
)
ROWS = rows_of_report(REPORT)


@pytest.mark.parametrize(
    ("golden", "options"),
    [
        ("table", Options()),
        ("wide", Options(output="wide")),
        ("narrow", Options(width=80)),
        ("colour", Options(colour=True, width=120)),
        ("first_two_by_usage", Options(rows_max=2, sort_by="usage")),
        ("no_headers", Options(headers=False)),
    ],
)
def test_the_table_looks_as_it_did(golden: str, options: Options) -> None:
    assert render_table(ROWS, options, "/sys/fs/cgroup") == (GOLDENS / f"{golden}.txt").read_text()


def test_every_memory_cgroup_is_shown_by_its_path() -> None:
    cgroups = (
        CgroupRow("/system.slice/ssh.service", LEAKING, -900, -900, 4),
        CgroupRow("/", Memory(usage_bytes=GIB), None, None, None),
    )
    text = render_table(rows_of_cgroups(cgroups), Options(all_cgroups=True), "/sys/fs/cgroup")
    assert text == (GOLDENS / "all.txt").read_text()


def test_without_containers_it_says_what_to_type() -> None:
    text = render_table([], Options(), "/sys/fs/cgroup")
    assert "No container runs here" in text
    assert "oomsight-agent top --all" in text
    assert "--all" not in render_table([], Options(all_cgroups=True), "/sys/fs/cgroup")


def test_in_eighty_columns_no_line_of_the_table_is_longer() -> None:
    table = render_table(ROWS, Options(width=80), "/sys/fs/cgroup").split("\n\n")[0]
    assert all(len(line) <= 80 for line in table.splitlines())


def test_the_tightest_comes_first_and_what_has_no_limit_last() -> None:
    names = [row.name.rsplit("/", 1)[1] for row in sort_rows(ROWS, "headroom")]
    assert names == ["leaky", "cache", "besteffort", "POD", "000000000000"]


@pytest.mark.parametrize(
    ("sort_by", "first"),
    [("usage", "besteffort"), ("oom-adj", "besteffort"), ("kills", "leaky"), ("peak", "cache"), ("name", "besteffort")],
)
def test_another_order_can_be_asked_for(sort_by: str, first: str) -> None:
    assert sort_rows(ROWS, sort_by)[0].name.endswith(first)


def test_json_has_exact_bytes_and_leaves_out_what_is_unknown() -> None:
    told = json.loads(render_json(ROWS, Options(output="json"), REPORT))
    assert told["node"] == "node-1"
    leaky = told["containers"][0]
    assert leaky["name"] == "shop/leaky-7d9f8c6b5-x2x4z/leaky"
    assert (leaky["memory"]["unreclaimable_bytes"], leaky["oom_kills"]) == (247 * MIB, 4)
    blind = next(row for row in told["containers"] if row["name"] == "uid-blind/000000000000")
    assert blind["memory"] == {}
    assert "oom_kills" not in blind


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0"),
        (1023, "1023"),
        (1024, "1Ki"),
        (1536, "1.5Ki"),
        (99 * MIB + 970 * KIB, "99.9Mi"),
        (99 * MIB + 980 * KIB, "100Mi"),
        (1024 * MIB - 1, "1Gi"),
        (-3 * MIB // 2, "-1.5Mi"),
        (2**63, "8192Pi"),
    ],
)
def test_amounts_are_short_and_true(count: int | None, text: str) -> None:
    assert human_bytes(count) == text


@given(st.integers(-(2**62), 2**62))
def test_an_amount_is_never_further_off_than_its_last_digit(count: int) -> None:
    text = human_bytes(count)
    assert len(text) <= 8
    number = text.rstrip("KMGTPi")
    factor = 1024 ** " KMGTP".index(text[len(number) : len(number) + 1] or " ")
    assert abs(float(number) * factor - count) <= max(0.05, 0.5 if abs(float(number)) >= 100 else 0.05) * factor + 1


@given(st.text(max_size=40))
def test_a_hostile_name_stays_in_its_cell(name: str) -> None:
    (row,) = rows_of_cgroups([CgroupRow(name, Memory(), None, None, None)])
    assert row.name.isprintable()
    assert len(render_table([row], Options(all_cgroups=True, headers=False), "/").splitlines()) == 1


def test_the_sandbox_is_counted_and_shown_when_everything_is_asked_for() -> None:
    assert "1 pod sandbox left out: -o wide" in render_table(ROWS, Options(), "/")
    assert "/POD " in render_table(ROWS, Options(output="wide"), "/")


def test_cache_of_which_shared_memory_is_not_known_apart_is_unknown() -> None:
    assert Row("x", Memory(file_bytes=5)).cache_bytes is None
    assert Row("x", Memory(file_bytes=5, shmem_bytes=2)).cache_bytes == 3


def test_a_row_with_an_absent_limit_has_no_ratio() -> None:
    assert Row("x", Memory(headroom_bytes=5)).headroom_ratio is None
    assert Row("x", Memory(headroom_bytes=-5, limit_bytes=100)).headroom_ratio == -0.05
