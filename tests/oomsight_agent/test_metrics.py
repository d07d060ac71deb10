"""What Prometheus scrapes from the agent."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from oomsight_agent.incident_totals import Totals
from oomsight_agent.kernel.problem import printable_text
from oomsight_agent.metrics import AgentStatistics, render
from oomsight_agent.series import Series
from oomsight_api.incident import KernelLog
from oomsight_api.report import Cgroup, Container, Memory, NodeMemory, NodeReport, Pod, Pressure, Process

GOLDEN = Path(__file__).with_name("metrics.golden.txt")
MIB = 1024 * 1024

AGENT = AgentStatistics(
    version="0.1.0",
    samples=12,
    sample_failures=0,
    sample_duration_seconds_sum=0.25,
    report_clients=1,
    read_errors={"memory_stat": 2, "memory_usage": 0},
    requests={("/v1/report", 200): 3, ("other", 404): 1},
    resident_bytes=30 * MIB,
    cpu_seconds=1.5,
)

WEB = Container(
    pod_uid="u1",
    container_id="c1",
    cgroup="/kubepods/secret-path",
    namespace="shop",
    pod_name="web-0",
    container_name="web",
    memory=Memory(
        usage_bytes=200 * MIB,
        limit_bytes=256 * MIB,
        unlimited=False,
        peak_interval_bytes=201 * MIB,
        peak_lifetime_bytes=250 * MIB,
        anon_bytes=100 * MIB,
        working_set_bytes=150 * MIB,
        unreclaimable_bytes=120 * MIB,
        headroom_bytes=136 * MIB,
    ),
    pressure=Pressure(some_avg10=1.5, some_total_seconds=12.25, full_total_seconds=3.0),
    refaults_per_second=0.5,
    anon_refaults_per_second=2.0,
    limit_hits=4,
    oom_kills=1,
    oom_group=True,
    oom_score_adj_min=2,
    oom_score_adj_max=1000,
    process_count=3,
    processes=(Process(pid=4711, name="tenant-process"),),
    floor_slope_bytes_per_second=-12.5,
)

REPORT = NodeReport(
    node="node-1",
    instance="",
    cursor="",
    full=True,
    time_seconds=1_700_000_000.5,
    interval_seconds=1.0,
    boot_id="b-1",
    kernel_release="6.18.0",
    cgroup_version=2,
    node_memory=NodeMemory(
        total_bytes=8 * 1024 * MIB,
        available_bytes=1024 * MIB,
        oom_kills=3,
        swappiness=60,
        pressure=Pressure(some_total_seconds=7.5),
    ),
    containers=(WEB, Container(pod_uid="u2", container_id="c2", cgroup="/x", memory=Memory(usage_bytes=0, unlimited=True))),
    pods=(
        Pod(pod_uid="u1", cgroup="/p", memory=Memory(usage_bytes=210 * MIB), limit_hits=1, oom_kills=2, oom_group=False),
        Pod(pod_uid="u2", cgroup="/q"),
    ),
    cgroups=(
        Cgroup(cgroup="/", memory=Memory(usage_bytes=7 * 1024 * MIB, working_set_bytes=6 * 1024 * MIB, unlimited=True)),
        Cgroup(cgroup="/kubepods", memory=Memory(usage_bytes=300 * MIB, limit_bytes=6 * 1024 * MIB), holds_pods=True),
        Cgroup(cgroup='/kubepods/burst"able', memory=Memory(usage_bytes=210 * MIB)),
    ),
    host_processes=(Process(pid=4711, name="tenant-process", cgroup="/secret-path"),),
    kernel_log=KernelLog(following=True, records_lost=12),
    unattributed_oom_kills=2,
)
KILLS = {Series("shop", "web-0", "web"): 5}
TOTALS = Totals(
    {(Series("shop", "web-0", "web"), "container"): 4, (Series("shop", "web-0", "web"), "unknown"): 1, (Series(), "node"): 2},
    {("container", "both"): 3, ("node", "kernel-log"): 1},
)


def parse(text: str) -> dict[str, Metric]:
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    seen = [(sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples]
    assert len(set(seen)) == len(seen), "a series stands there twice"
    return {family.name: family for family in families}


def test_the_whole_page_is_what_it_was() -> None:
    assert render(REPORT, KILLS, {"c1": 240 * MIB}, TOTALS, AGENT) == GOLDEN.read_text()


def test_every_family_parses_and_has_a_type_help_and_a_conventional_name() -> None:
    for name, family in parse(render(REPORT, KILLS, {"c1": 240 * MIB}, TOTALS, AGENT)).items():
        assert family.type in ("gauge", "counter"), name
        assert family.documentation.endswith("."), name
        assert name.startswith(("oomsight_container_", "oomsight_pod_", "oomsight_node_", "oomsight_agent_", "process_"))


def test_values_arrive_with_the_pods_names_and_absent_ones_are_left_out() -> None:
    families = parse(render(REPORT, KILLS, {"c1": 240 * MIB}, TOTALS, AGENT))
    web = {"node": "node-1", "namespace": "shop", "pod": "web-0", "container": "web"}
    assert [(s.labels, s.value) for s in families["oomsight_container_memory_unreclaimable_bytes"].samples] == [(web, 120 * MIB)]
    assert [(s.labels, s.value) for s in families["oomsight_container_memory_peak_bytes"].samples] == [(web, 240 * MIB)]
    assert [(s.labels, s.value) for s in families["oomsight_container_oom_kills"].samples] == [(web, 5)]
    unnamed = {"node": "node-1", "pod_uid": "u2", "container_id": "c2"}
    assert [(s.labels, s.value) for s in families["oomsight_container_memory_usage_bytes"].samples] == [
        (web, 200 * MIB),
        (unnamed, 0),
    ]
    assert "oomsight_container_memory_swap_bytes" not in families


def test_kills_are_told_by_whose_memory_ran_out_and_without_a_container_where_there_was_none() -> None:
    families = parse(render(REPORT, KILLS, {}, TOTALS, AGENT))
    told = {
        (s.labels.get("container"), s.labels["scope"]): s.value for s in families["oomsight_container_oom_kills_by_scope"].samples
    }
    assert told == {("web", "container"): 4, ("web", "unknown"): 1, (None, "node"): 2}


def test_a_kernel_log_that_nobody_asked_for_is_neither_read_nor_unreadable() -> None:
    name = "oomsight_agent_kernel_log_following"
    for log, value in ((KernelLog(following=True), [1]), (KernelLog(following=False, problem="no"), [0]), (None, None)):
        families = parse(render(replace(REPORT, kernel_log=log), KILLS, {}, TOTALS, AGENT))
        assert ([s.value for s in families[name].samples] if name in families else None) == value


def test_what_stands_above_the_pods_is_told_by_what_it_holds_whatever_the_driver_calls_it() -> None:
    families = parse(render(REPORT, KILLS, {}, TOTALS, AGENT))
    usage = {s.labels["holds"]: (s.labels["cgroup"], s.value) for s in families["oomsight_node_cgroup_memory_usage_bytes"].samples}
    assert usage["node"] == ("/", 7 * 1024 * MIB)
    assert usage["pods"] == ("/kubepods", 300 * MIB)
    assert usage["some-pods"] == ('/kubepods/burst"able', 210 * MIB)
    (limit,) = families["oomsight_node_cgroup_memory_limit_bytes"].samples
    assert (limit.labels["holds"], limit.value) == ("pods", 6 * 1024 * MIB)


def test_no_process_name_pid_or_tenants_cgroup_path_is_a_label() -> None:
    text = render(REPORT, KILLS, {}, TOTALS, AGENT)
    assert "tenant-process" not in text
    assert "4711" not in text
    assert "secret-path" not in text


def test_two_containers_with_the_same_labels_are_one_series_the_living_one() -> None:
    dying = replace(WEB, container_id="c0", process_count=0, memory=replace(WEB.memory, usage_bytes=220 * MIB))
    for containers in ((WEB, dying), (dying, WEB)):
        families = parse(render(replace(REPORT, containers=containers), KILLS, {}, TOTALS, AGENT))
        assert [s.value for s in families["oomsight_container_memory_usage_bytes"].samples] == [200 * MIB]


@given(st.text(), st.text(), st.text(), st.text())
def test_hostile_names_neither_break_the_page_nor_forge_a_series(node: str, namespace: str, pod: str, name: str) -> None:
    row = replace(WEB, namespace=namespace, pod_name=pod, container_name=name)
    families = parse(render(replace(REPORT, node=node, containers=(row,), pods=()), {}, {}, Totals(), AGENT))
    (sample,) = families["oomsight_container_memory_usage_bytes"].samples
    hostile = {"node": node, "namespace": namespace, "pod": pod, "container": name}
    expected = {
        key: value if value.isascii() and value.isprintable() else printable_text(value) for key, value in hostile.items() if value
    }
    assert {key: value for key, value in sample.labels.items() if value} == expected
    assert sample.value == 200 * MIB


def test_a_node_without_anything_still_says_how_its_agent_is() -> None:
    bare = NodeReport(node="n", instance="", cursor="", full=True, time_seconds=1, interval_seconds=1)
    families = parse(render(bare, {}, {}, Totals(), AGENT))
    assert families["oomsight_agent_samples"].samples[0].value == 12
    assert families["oomsight_agent_last_sample_timestamp_seconds"].samples[0].value == 1
    assert not any(name.startswith("oomsight_container") for name in families)
