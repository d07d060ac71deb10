from pathlib import Path

import pytest

from oomsight_agent.kernel.roots import Hierarchy, find_memory_hierarchy


def write(root: Path, *files: str, content: str = "0\n") -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


def test_v1_has_a_hierarchy_for_memory(tmp_path: Path) -> None:
    write(tmp_path, "memory/memory.usage_in_bytes", "cpu/cpu.shares")
    assert find_memory_hierarchy(str(tmp_path)) == Hierarchy(1, f"{tmp_path}/memory")


def test_v1_mounted_together_with_another_controller(tmp_path: Path) -> None:
    write(tmp_path, "cpuset,memory/memory.usage_in_bytes")
    assert find_memory_hierarchy(str(tmp_path)) == Hierarchy(1, f"{tmp_path}/cpuset,memory")


def test_v2_with_the_memory_controller(tmp_path: Path) -> None:
    write(tmp_path, "cgroup.controllers", content="cpuset cpu io memory pids\n")
    assert find_memory_hierarchy(f"{tmp_path}/") == Hierarchy(2, str(tmp_path))


def test_hybrid_with_memory_in_v1(tmp_path: Path) -> None:
    write(tmp_path, "unified/cgroup.controllers", content="\n")
    write(tmp_path, "memory/memory.usage_in_bytes")
    assert find_memory_hierarchy(str(tmp_path)) == Hierarchy(1, f"{tmp_path}/memory")


def test_hybrid_with_memory_in_v2(tmp_path: Path) -> None:
    write(tmp_path, "unified/cgroup.controllers", content="memory\n")
    write(tmp_path, "cpu/cpu.shares")
    assert find_memory_hierarchy(str(tmp_path)) == Hierarchy(2, f"{tmp_path}/unified")


def test_the_root_may_be_the_memory_hierarchy_itself(tmp_path: Path) -> None:
    write(tmp_path, "memory.limit_in_bytes")
    assert find_memory_hierarchy(str(tmp_path)) == Hierarchy(1, str(tmp_path))


@pytest.mark.parametrize("controllers", ["", "cpu io\n", "memoryless\n"])
def test_v2_without_the_memory_controller_has_none(tmp_path: Path, controllers: str) -> None:
    write(tmp_path, "cgroup.controllers", content=controllers)
    assert find_memory_hierarchy(str(tmp_path)) is None


def test_a_directory_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert find_memory_hierarchy(f"{tmp_path}/none") is None
