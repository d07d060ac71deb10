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


def test_swapping_is_told_over_the_time_between_two_readings_of_the_settings(tree: NodeTree) -> None:
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    first = node.sample(settings=True, now=100.0)
    assert (first.swap_in_pages_per_second, first.swap_out_pages_per_second) == (None, None)
    tree.set_node(swapped_pages=4000)
    assert node.sample(settings=False, now=101.0).swap_out_pages_per_second is None
    second = node.sample(settings=True, now=110.0)
    assert (second.swap_in_pages_per_second, second.swap_out_pages_per_second) == (200.0, 400.0)
    later = node.sample(settings=False, now=111.0)
    assert (later.swap_out_pages, later.swap_out_pages_per_second) == (4000, 400.0)
    node.close()


def test_swapping_is_not_known_when_the_counter_went_back_or_cannot_be_read(tree: NodeTree) -> None:
    tree.set_node(swapped_pages=4000)
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    node.sample(settings=True, now=100.0)
    tree.set_node(swapped_pages=0)
    assert node.sample(settings=True, now=110.0).swap_out_pages_per_second is None
    (tree.proc_root / "vmstat").write_text("nonsense\n")
    assert node.sample(settings=True, now=120.0).swap_in_pages_per_second is None
    node.close()


@pytest.mark.parametrize("signed", [True, False])
def test_the_kernels_arithmetic_is_found_out_once(tmp_path: Path, signed: bool) -> None:
    tree = NodeTree(tmp_path / "old-or-new", Flavour.V2_SYSTEMD, signed_badness=signed)
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    assert node.sample(settings=True).signed_badness is signed
    (tree.proc_root / "self" / "oom_score").write_text("5000\n")
    assert node.sample(settings=True).signed_badness is signed
    node.close()


def test_an_arithmetic_that_was_not_known_is_asked_for_again(tree: NodeTree) -> None:
    (tree.proc_root / "self" / "oom_score").write_text("5000\n")
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    assert node.sample(settings=True).signed_badness is None
    tree.set_node()
    assert node.sample(settings=False).signed_badness is None
    assert node.sample(settings=True).signed_badness is True
    node.close()


def test_memory_is_scarce_below_a_tenth_of_the_node(tree: NodeTree) -> None:
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    assert not node.is_scarce()
    for available, scarce in ((410 * MI, False), (409 * MI, True)):
        tree.set_node(available_bytes=available)
        node.sample(settings=False)
        assert node.is_scarce() is scarce
    node.close()


def test_pages_of_a_node_wide_oom_are_ram_and_swap(tree: NodeTree) -> None:
    text = (tree.proc_root / "meminfo").read_text()
    (tree.proc_root / "meminfo").write_text(text.replace("SwapTotal:              0 kB", "SwapTotal:         409600 kB"))
    node = NodeTrack(str(tree.proc_root), ReadErrors())
    node.sample(settings=True)
    assert node.total_pages() == (4096 + 400) * MI // node.page_size_bytes
    node.close()
