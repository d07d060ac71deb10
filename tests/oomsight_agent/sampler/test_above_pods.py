"""Which cgroups stand above the pods, and what is read of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_agent.sampler.nodes import CACHE_FILES, ETCD_FILES, WEB_FILES, SampledNode

from oomsight_agent.sampler.above_pods import ancestors, holder_of_pods
from oomsight_api.report import MAX_CGROUPS, Cgroup
from oomsight_sandbox.node_tree import MI, Flavour, ProcessFiles

EVERY = pytest.mark.parametrize("flavour", list(Flavour))
V2 = pytest.mark.parametrize("flavour", [Flavour.V2_CGROUPFS, Flavour.V2_SYSTEMD])
POD = "pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@pytest.mark.parametrize(
    ("pods", "holder"),
    [
        (["/kubepods/a", "/kubepods/burstable/b"], "/kubepods"),
        (["/kubepods/burstable/b"], "/kubepods"),
        (["/kubepods.slice/kubepods-besteffort.slice/a"], "/kubepods.slice"),
        (["/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/a"], "/kubelet.slice/kubelet-kubepods.slice"),
        (["/lxc.payload.node/kubepods/a", "/lxc.payload.node/kubepods/besteffort/b"], "/lxc.payload.node/kubepods"),
        (["/kubepods/a", "/kubepods.slice/b", "/kubepods.slice/c"], "/kubepods.slice"),  # the driver was changed
        (["/tenants/a", "/tenants/b"], "/tenants"),
        (["/one/a", "/two/b"], None),
        ([], None),
    ],
)
def test_the_cgroup_that_all_pods_are_in_is_kubepods_whatever_it_is_called(pods: list[str], holder: str | None) -> None:
    assert holder_of_pods(ancestors(pods), pods) == holder


def test_between_the_root_and_the_pods_the_outermost_come_first() -> None:
    paths = ["/kubepods/burstable/pod1", "/kubepods/burstable/pod1/web", "/kubepods/pod2"]
    assert ancestors(paths) == ["", "/kubepods", "/kubepods/burstable"]


def test_a_container_whose_runtime_put_it_elsewhere_has_ancestors_too() -> None:
    elsewhere = f"/system.slice/containerd.service/kubepods-{POD}.slice:cri-containerd:{'a' * 64}"
    assert ancestors(["/kubepods/pod2", elsewhere]) == ["", "/kubepods", "/system.slice", "/system.slice/containerd.service"]


@given(st.lists(st.lists(st.text("ab\udcff", min_size=1, max_size=2), min_size=1, max_size=40).map("/".join)))
def test_any_paths_give_a_bounded_list_that_begins_with_the_root(paths: list[str]) -> None:
    found = ancestors([f"/{path}" for path in paths])
    assert found[0] == ""
    assert len(found) <= MAX_CGROUPS
    assert [path.count("/") for path in found] == sorted(path.count("/") for path in found)


def rows(node: SampledNode) -> dict[str, Cgroup]:
    return {row.cgroup: row for row in node.stat_tick().cgroups}


@EVERY
def test_the_root_gives_the_kubelets_available_memory(tmp_path: Path, flavour: Flavour) -> None:
    node = SampledNode(tmp_path, flavour)
    node.tree.put_host(ProcessFiles(700, "sshd", anon_bytes=30 * MI))
    web = node.tree.put(WEB_FILES)
    root = rows(node)["/"].memory
    kernel = web.kernel_bytes if flavour is Flavour.V1_CGROUPFS else 0  # v2: invisible, to the kubelet too
    assert root.usage_bytes == 30 * MI + web.anon_bytes + web.file_bytes + kernel
    assert root.working_set_bytes == root.usage_bytes - web.inactive_file_bytes
    assert (root.unlimited, root.limit_bytes) == (True, None)


@EVERY
def test_kubepods_has_its_limit_and_what_all_pods_use(tmp_path: Path, flavour: Flavour) -> None:
    node = SampledNode(tmp_path, flavour)
    node.tree.allocatable_bytes = 3000 * MI
    containers = [node.tree.put(files) for files in (WEB_FILES, CACHE_FILES, replace(ETCD_FILES, qos="guaranteed"))]
    (kubepods,) = [row for row in rows(node).values() if row.holds_pods]
    assert kubepods.cgroup.removesuffix(".slice") == "/kubepods"
    assert kubepods.memory.limit_bytes == 3000 * MI
    assert kubepods.memory.usage_bytes == sum(each.usage_bytes for each in containers)
    assert kubepods.oom_group is (None if flavour is Flavour.V1_CGROUPFS else False)


@V2
def test_a_qos_class_that_dies_whole_is_told(tmp_path: Path, flavour: Flavour) -> None:
    node = SampledNode(tmp_path, flavour)
    web = node.tree.put(WEB_FILES)
    burstable = node.tree.path_of(web).rpartition("/")[0].rpartition("/")[0]
    node.tree.set_oom_group(burstable)
    assert rows(node)[burstable].oom_group is True


def test_a_node_without_pods_has_its_root_alone(tmp_path: Path) -> None:
    assert list(rows(SampledNode(tmp_path, Flavour.V2_SYSTEMD))) == ["/"]


def test_what_cannot_be_read_of_the_root_is_unknown_and_not_zero(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_SYSTEMD)
    (node.tree.hierarchy / "memory.stat").write_text("nonsense\n")
    root = rows(node)["/"].memory
    assert (root.usage_bytes, root.working_set_bytes, root.anon_bytes) == (None, None, None)


def test_they_are_read_on_the_stat_interval(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_SYSTEMD)
    node.tree.put(WEB_FILES)
    before = node.stat_tick().cgroups
    node.tree.put(replace(WEB_FILES, anon_bytes=40 * MI))
    assert node.tick().cgroups is not before
    assert node.tick().cgroups == before
    assert node.stat_tick().cgroups != before
