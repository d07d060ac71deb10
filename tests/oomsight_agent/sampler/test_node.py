from __future__ import annotations

from pathlib import Path

import pytest

from oomsight_agent.kernel.accounting import NodeSwap
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.node import NodeTrack
from oomsight_sandbox.node_tree import MI, Flavour, NodeTree


@pytest.fixture
def tree(tmp_path: Path) -> NodeTree:
    return NodeTree(tmp_path / "node", Flavour.V2_SYSTEMD)


def test_memory_and_pressure_follow_every_sample(tree: NodeTree) -> None:
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    assert node.sample(settings=True).available_bytes == 3072 * MI
    tree.set_node(available_bytes=100 * MI)
    after = node.sample(settings=False)
    assert (after.available_bytes, after.swappiness) == (100 * MI, 60)
    node.close()


def test_settings_are_read_when_they_are_due(tree: NodeTree) -> None:
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    node.sample(settings=True)
    (tree.proc_root / "sys/vm/panic_on_oom").write_text("1\n")
    assert node.sample(settings=False).panic_on_oom == 0
    assert node.sample(settings=True).panic_on_oom == 1
    node.close()


def test_a_kernel_without_pressure_information_is_no_error(tree: NodeTree) -> None:
    (tree.proc_root / "pressure" / "memory").unlink()
    errors = ReadErrors()
    node = NodeTrack(str(tree.proc_root), errors)
    assert node.sample(settings=True).pressure is None
    assert errors.total == 0
    node.close()


def test_a_broken_file_costs_its_own_values_alone(tree: NodeTree) -> None:
    (tree.proc_root / "meminfo").write_bytes(b"\xff\xff")
    errors = ReadErrors()
    node = NodeTrack(str(tree.proc_root), errors)
    memory = node.sample(settings=True)
    assert (memory.total_bytes, memory.major_faults) == (None, 17)
    assert errors.totals[FileKind.MEMINFO] == 1
    assert node.total_pages() is None
    assert node.swap() == NodeSwap(None, 60)
    node.close()


def test_pages_of_a_node_wide_oom_are_ram_and_swap(tree: NodeTree) -> None:
    text = (tree.proc_root / "meminfo").read_text()
    (tree.proc_root / "meminfo").write_text(text.replace("SwapTotal:              0 kB", "SwapTotal:         409600 kB"))
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    node.sample(settings=True)
    assert node.total_pages() == (4096 + 400) * MI // node.page_size_bytes
    node.close()
