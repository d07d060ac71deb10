"""A node of files reads like a kernel's: what the agent's own parsers make of it is what was put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from oomsight_agent.kernel.cgroup_path import parse_cgroup_path
from oomsight_agent.kernel.container_logs import parse_link_name
from oomsight_agent.kernel.process import parse_cgroup_of_process
from oomsight_agent.kernel.roots import find_memory_hierarchy
from oomsight_sandbox.node_tree import MI, ContainerFiles, Flavour, NodeTree, ProcessFiles

UID, ID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "a" * 64
WEB = ContainerFiles(UID, ID, "shop", "web-7d", "server", limit_bytes=64 * MI, processes=(ProcessFiles(77),))
every_kind_of_node = pytest.mark.parametrize("flavour", list(Flavour))


@every_kind_of_node
@pytest.mark.parametrize("qos", ["guaranteed", "burstable", "besteffort"])
def test_paths_links_and_processes_lead_to_the_container(tmp_path: Path, flavour: Flavour, qos: str) -> None:
    tree = NodeTree(tmp_path / "node", flavour)
    web = tree.put(replace(WEB, qos=qos))
    hierarchy = find_memory_hierarchy(str(tree.cgroup_root))
    assert hierarchy is not None
    assert hierarchy.path == str(tree.hierarchy)
    identity = parse_cgroup_path(tree.path_of(web))
    assert identity is not None
    assert (identity.pod_uid, identity.container_id) == (UID, ID)
    (link,) = tree.container_log_dir.iterdir()
    named = parse_link_name(link.name)
    assert named is not None
    assert named[0] == ID
    process = parse_cgroup_of_process((tree.proc_root / "77" / "cgroup").read_bytes(), hierarchy.version)
    assert process == tree.path_of(web)


@every_kind_of_node
def test_the_peak_never_falls_and_a_reader_with_an_open_file_sees_the_new_value(tmp_path: Path, flavour: Flavour) -> None:
    tree = NodeTree(tmp_path / "node", flavour)
    web = tree.put(WEB)
    version_1 = flavour is Flavour.V1_CGROUPFS
    directory = tree.hierarchy / tree.path_of(web)[1:]
    with (directory / ("memory.usage_in_bytes" if version_1 else "memory.current")).open() as usage:
        tree.put(replace(web, anon_bytes=30 * MI))
        assert int(usage.read()) == 31 * MI
    lower = tree.put(replace(web, anon_bytes=5 * MI, peak_bytes=None))
    assert lower.peak_bytes == 31 * MI
    assert int((directory / ("memory.max_usage_in_bytes" if version_1 else "memory.peak")).read_text()) == 31 * MI


def test_kills_are_local_on_v1_and_add_up_in_the_pod_on_v2(tmp_path: Path) -> None:
    v1, v2 = (NodeTree(tmp_path / flavour, flavour) for flavour in (Flavour.V1_CGROUPFS, Flavour.V2_CGROUPFS))
    for tree in (v1, v2):
        tree.put(replace(WEB, container_id="b" * 64, processes=()))
        tree.put(replace(WEB, oom_kills=2))
    pod = f"kubepods/burstable/pod{UID}"
    assert "oom_kill 0\n" in (v1.hierarchy / pod / "memory.oom_control").read_text()
    assert "oom_kill 2\n" in (v2.hierarchy / pod / "memory.events").read_text()
    v2.remove(replace(WEB, oom_kills=2))
    assert "oom_kill 2\n" in (v2.hierarchy / pod / "memory.events").read_text()


@every_kind_of_node
def test_nothing_of_the_last_container_stays(tmp_path: Path, flavour: Flavour) -> None:
    tree = NodeTree(tmp_path / "node", flavour)
    web = tree.put(WEB)
    tree.remove(web)
    assert not (tree.proc_root / "77").exists()
    assert list(tree.container_log_dir.iterdir()) == []
    assert not any(UID.replace("-", "_") in str(path) or UID in str(path) for path in tree.hierarchy.rglob("*"))
