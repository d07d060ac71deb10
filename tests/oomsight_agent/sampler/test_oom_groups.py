"""Cgroups that die whole and have no row: beside the pods, and inside containers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_agent.sampler.nodes import CRON, WEB_FILES, SampledNode

from oomsight_agent.sampler.oom_groups import MAX_READ, without_a_row
from oomsight_api.report import NodeReport
from oomsight_sandbox.node_tree import Flavour, ProcessFiles


@pytest.fixture
def node(tmp_path: Path) -> SampledNode:
    return SampledNode(tmp_path, Flavour.V2_SYSTEMD)


def test_a_service_whose_processes_die_together_is_told(node: SampledNode) -> None:
    node.tree.put_host(ProcessFiles(703, "cron"), f"{CRON}/worker")
    node.tree.put_host(ProcessFiles(704, "other"), "/system.slice/other.service")
    node.tree.set_oom_group(CRON)
    assert node.stat_tick().oom_groups == (CRON,)


def test_what_a_container_made_inside_itself_is_told(node: SampledNode) -> None:
    web = node.tree.put(replace(WEB_FILES, processes=(ProcessFiles(4001), ProcessFiles(4002, nested="/docker/inner/deeper"))))
    inner = f"{node.tree.path_of(web)}/docker/inner"
    node.tree.set_oom_group(inner)
    report = node.stat_tick()
    assert report.oom_groups == (inner,)
    cgroups = {process.pid: process.cgroup for process in node.container(report).processes}
    assert cgroups == {4001: None, 4002: f"{inner}/deeper"}


def test_what_has_a_row_says_it_there_and_nowhere_else(node: SampledNode) -> None:
    web = node.tree.put(replace(WEB_FILES, oom_group=True, processes=(ProcessFiles(4001, nested="/init.scope"),)))
    pod = node.tree.path_of(web).rpartition("/")[0]
    node.tree.set_oom_group(pod)
    report = node.stat_tick()
    assert report.oom_groups == ()
    assert node.container(report).oom_group is True
    assert node.pod(report).oom_group is True


def test_a_setting_that_was_taken_back_is_seen(node: SampledNode) -> None:
    node.tree.put_host(ProcessFiles(703, "cron"), CRON)
    node.tree.set_oom_group(CRON)
    node.stat_tick()
    (node.tree.hierarchy / CRON[1:] / "memory.oom.group").write_text("0\n")
    assert node.stat_tick().oom_groups == ()


def test_v1_has_none(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V1_CGROUPFS)
    node.tree.put_host(ProcessFiles(703, "cron"), CRON)
    node.tree.set_oom_group(CRON)
    report: NodeReport = node.stat_tick()
    assert report.oom_groups == ()
    node.tree.put(WEB_FILES)
    assert node.pod(node.stat_tick()).oom_group is None


def test_every_ancestor_up_to_the_first_with_a_row_is_looked_at() -> None:
    assert without_a_row(["/a/b/c/d", "/e"], {"/a/b", "/"}) == ["/a/b/c", "/a/b/c/d", "/e"]


@given(st.lists(st.text("/ab", max_size=200), max_size=100))
def test_a_tenant_that_nests_without_end_costs_a_bounded_number_of_reads(paths: list[str]) -> None:
    assert len(without_a_row(paths, {"/a"})) <= MAX_READ
