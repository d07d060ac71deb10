from __future__ import annotations

from pathlib import Path

import pytest
from tests.oomsight_agent.sampler.nodes import WEB_FILES, SampledNode

from oomsight_agent.sampler import CgroupRow
from oomsight_sandbox.node_tree import MI, Flavour

BOTH = pytest.mark.parametrize("flavour", [Flavour.V1_CGROUPFS, Flavour.V2_SYSTEMD])


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
