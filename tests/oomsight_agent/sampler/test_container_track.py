"""When a container's processes, names and kills reach its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.oomsight_agent.sampler.nodes import SANDBOX, WEB, WEB_FILES, SampledNode

from oomsight_agent.sampler.container_track import LOOKS_FOR_FIRST_PROCESS, LOOKS_WHEN_QUIET
from oomsight_sandbox.node_tree import Flavour, ProcessFiles


@pytest.fixture
def node(tmp_path: Path) -> Iterator[SampledNode]:
    made = SampledNode(tmp_path, Flavour.V2_SYSTEMD)
    yield made
    made.sampler.close()


def test_a_first_process_that_comes_seconds_after_its_cgroup_is_seen_in_the_next_sample(node: SampledNode) -> None:
    node.tree.put(replace(WEB_FILES, processes=()))
    assert node.container(node.tick()).process_count == 0
    node.tree.put(WEB_FILES)
    assert node.container(node.tick()).process_count == 2


def test_a_cgroup_that_stays_empty_is_left_alone_until_something_is_charged(
    node: SampledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = node.tree.put(replace(WEB_FILES, processes=()))
    for _ in range(LOOKS_FOR_FIRST_PROCESS + 1):
        node.tick()
    looks: list[object] = []
    table = node.sampler._processes
    assert table is not None
    look = table.look

    def noted(*arguments: Any) -> object:
        looks.append(arguments)
        return look(*arguments)

    monkeypatch.setattr(table, "look", noted)
    node.tick()
    assert looks == []
    node.tree.put(replace(empty, anon_bytes=empty.anon_bytes + 4096, processes=WEB_FILES.processes))
    node.tick()
    assert node.container(node.stat_tick()).process_count == 2
    assert len(looks) == 1


def test_a_quiet_containers_live_adjustment_is_read_again_within_a_minute(node: SampledNode) -> None:
    node.tree.put(WEB_FILES)
    node.stat_tick()
    (node.tree.proc_root / "4001" / "oom_score_adj").write_text("1000\n")
    seen = [node.container(node.stat_tick()).oom_score_adj_max for _ in range(LOOKS_WHEN_QUIET)]
    assert seen[-1] == 1000


def test_processes_of_a_container_that_grew_are_read_with_the_next_stat_interval(node: SampledNode) -> None:
    web = node.tree.put(WEB_FILES)
    node.stat_tick()
    grown = ProcessFiles(4001, "server", 900, anon_bytes=25 * 1024 * 1024)
    node.tree.put(replace(web, anon_bytes=web.anon_bytes + 10 * 1024 * 1024, processes=(grown,)))
    node.tick()
    (process,) = node.container(node.stat_tick()).processes
    assert process.rss_bytes == 25 * 1024 * 1024


def test_the_sandbox_has_its_pods_name_from_its_neighbour_and_no_container_name(node: SampledNode) -> None:
    node.tree.put(replace(WEB_FILES, container_id=SANDBOX, name="pause", processes=()))
    (node.tree.container_log_dir / f"web-7d_shop_pause-{SANDBOX}.log").unlink()
    assert node.container(node.tick(), SANDBOX).pod_name is None
    node.tree.put(WEB_FILES)
    row = node.container(node.stat_tick(), SANDBOX)
    assert (row.pod_name, row.namespace, row.container_name) == ("web-7d", "shop", None)


def test_names_of_one_pod_never_reach_another(node: SampledNode) -> None:
    node.tree.put(WEB_FILES)
    other = replace(WEB_FILES, container_id="e" * 64, pod_uid="99999999-2222-3333-4444-555555555555", pod="other", processes=())
    node.tree.put(other)
    for link in node.tree.container_log_dir.glob("other_*"):
        link.unlink()
    report = node.tick()
    assert node.container(report, "e" * 64).pod_name is None
    assert node.container(report, WEB).pod_name == "web-7d"
