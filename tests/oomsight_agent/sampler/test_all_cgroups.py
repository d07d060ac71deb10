from __future__ import annotations

from pathlib import Path

import pytest
from tests.oomsight_agent.sampler.nodes import WEB_FILES, SampledNode

from oomsight_agent.sampler import CgroupRow
from oomsight_sandbox.node_tree import MI, Flavour

BOTH = pytest.mark.parametrize("flavour", [Flavour.V1_CGROUPFS, Flavour.V2_SYSTEMD])


def give_swap(node: SampledNode, *, free_bytes: int, pod_limit: str, container_limit: str) -> None:
    meminfo = node.tree.proc_root / "meminfo"
    lines = [line for line in meminfo.read_text().splitlines() if not line.startswith("Swap")]
    meminfo.write_text("\n".join([*lines, f"SwapTotal: {free_bytes // 1024} kB", f"SwapFree: {free_bytes // 1024} kB", ""]))
    container = node.directory(WEB_FILES)
    (container / "memory.swap.max").write_text(f"{container_limit}\n")
    (container.parent / "memory.swap.max").write_text(f"{pod_limit}\n")


def rows(node: SampledNode) -> dict[str, CgroupRow]:
    return {row.cgroup: row for row in node.sampler.sample_all_cgroups()}


@BOTH
def test_every_cgroup_has_a_row_with_the_same_model_as_a_container(tmp_path: Path, flavour: Flavour) -> None:
    node = SampledNode(tmp_path, flavour)
    node.tree.put(WEB_FILES)
    reported = node.container(node.tick())
    found = rows(node)
    row = found[node.tree.path_of(WEB_FILES)]
    assert row.memory.headroom_bytes == reported.memory.headroom_bytes
    assert row.memory.limit_bytes == 64 * MI
    assert (row.oom_score_adj_min, row.oom_score_adj_max, row.process_count) == (900, 950, 2)
    node.sampler.close()


@BOTH
def test_processes_count_in_every_cgroup_above_them(tmp_path: Path, flavour: Flavour) -> None:
    node = SampledNode(tmp_path, flavour)
    node.tree.put(WEB_FILES)
    found = rows(node)
    assert found["/"].process_count == 2
    assert found[next(path for path in found if path.startswith("/kubepods"))].process_count == 2
    assert list(found) == sorted(found)
    node.sampler.close()


def test_the_root_of_v2_has_no_usage_and_says_so(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_CGROUPFS)
    assert rows(node)["/"].memory.usage_bytes is None
    assert node.sampler.read_errors.total == 0
    node.sampler.close()


def test_without_proc_the_count_is_unknown_and_not_zero(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V1_CGROUPFS)
    node.tree.proc_root.rename(tmp_path / "elsewhere")
    assert {row.process_count for row in rows(node).values()} == {None}
    node.sampler.close()


def test_a_cgroup_with_a_hostile_name_has_a_plain_one(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V1_CGROUPFS)
    (node.tree.hierarchy / "x\x1b[31m\\").mkdir()
    assert "/x\\x1b[31m\\x5c" in rows(node)
    node.sampler.close()


def test_a_parent_can_swap_no_more_than_what_is_below_it_may(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_CGROUPFS)
    node.tree.put(WEB_FILES)
    give_swap(node, free_bytes=512 * MI, pod_limit="max", container_limit=str(4 * MI))
    found = rows(node)
    container = node.tree.path_of(WEB_FILES)
    pod = container.rpartition("/")[0]
    held = found[container].memory.unreclaimable_bytes
    assert held is not None
    assert held >= 18 * MI  # 22 MiB of anon and shmem, of which 4 may go
    assert found[pod].memory.unreclaimable_bytes == held
    node.sampler.close()


def test_a_pod_can_swap_no_more_than_its_containers_may(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_CGROUPFS)
    node.tree.put(WEB_FILES)
    give_swap(node, free_bytes=512 * MI, pod_limit="max", container_limit="0")
    report = node.tick()
    held = node.container(report).memory.unreclaimable_bytes
    assert held is not None
    assert held >= 22 * MI
    assert node.pod(report).memory.unreclaimable_bytes == held
    node.sampler.close()
