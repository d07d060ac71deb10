"""Paths of processes as an agent in a container sees them, and what they are below the root of the hierarchy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_agent.real_cgroups import Place, real_place

from oomsight_agent.kernel.cgroup_view import CgroupView, cgroup_view, parse_root

POD = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice"
OWN = f"{POD}/cri-containerd-{'a' * 64}.scope"
LINE = "431 420 0:27 {root} {point} ro,nosuid,relatime master:9 - {kind} cgroup rw\n"


def line(root: str, point: str = "/host/sys/fs/cgroup", kind: str = "cgroup2") -> str:
    return LINE.format(root=root, point=point, kind=kind)


@pytest.mark.parametrize(
    ("mounts", "path", "root"),
    [
        (line("/"), "/host/sys/fs/cgroup", ""),
        (line("/../../../.."), "/host/sys/fs/cgroup", "/../../../.."),
        (line("/docker/abc", kind="cgroup"), "/host/sys/fs/cgroup", "/docker/abc"),
        (line("/"), "/host/sys/fs/cgroup/mine", "/mine"),
        (line("/", "/sys/fs/cgroup") + line("/..", "/sys/fs/cgroup/memory", "cgroup"), "/sys/fs/cgroup/memory", "/.."),
        (line("/old") + line("/new"), "/host/sys/fs/cgroup", "/new"),
        (line("/a\\040b", "/with\\040space"), "/with space/c", "/a b/c"),
        (line("/", "/sys/fs/cgroup", "tmpfs"), "/sys/fs/cgroup", None),
        (line("/"), "/host/sys/fs/cgroups", None),
        ("", "/host/sys/fs/cgroup", None),
        ("nonsense - cgroup2\n\n - \n", "/", None),
    ],
)
def test_where_the_hierarchy_begins(mounts: str, path: str, root: str | None) -> None:
    assert parse_root(mounts.encode(), path) == root


@given(st.binary(max_size=300), st.text(max_size=20))
def test_mounts_of_any_kind_never_raise(mounts: bytes, path: str) -> None:
    parse_root(mounts, path)
    parse_root(b"1 2 0:1 " + mounts + b" - cgroup2 x y", path)


IN_A_CONTAINER = CgroupView("/../../../..", OWN)


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/", OWN),
        ("/nested/deeper", f"{OWN}/nested/deeper"),
        (f"/../cri-containerd-{'b' * 64}.scope", f"{POD}/cri-containerd-{'b' * 64}.scope"),
        ("/../../../kubepods-burstable.slice/x", "/kubepods.slice/kubepods-burstable.slice/x"),
        ("/../../../../system.slice/kubelet.service", "/system.slice/kubelet.service"),
        ("/../../../..", "/"),
        ("/../../../../..", None),
    ],
)
def test_an_agent_with_a_cgroup_namespace_of_its_own_finds_the_whole_path(path: str, below: str | None) -> None:
    assert IN_A_CONTAINER.below_root(path) == below


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/../../../../system.slice/kubelet.service", "/system.slice/kubelet.service"),
        ("/../../../..", "/"),
        ("/", None),
        ("/../other", None),
        ("/../../../../..", None),
    ],
)
def test_as_long_as_it_does_not_know_its_own_cgroup_only_paths_from_the_root_are_known(path: str, below: str | None) -> None:
    assert CgroupView("/../../../..").below_root(path) == below


@pytest.mark.parametrize(
    ("view", "path", "below"),
    [
        (CgroupView(), "/system.slice/cron.service", "/system.slice/cron.service"),
        (CgroupView(), "/../elsewhere", None),
        (CgroupView("/docker/abc"), "/docker/abc/kubepods/x", "/kubepods/x"),
        (CgroupView("/docker/abc"), "/docker/abc", "/"),
        (CgroupView("/docker/abc"), "/docker/abcdef", None),
        (CgroupView("/docker/abc"), "/init.scope", None),
    ],
)
def test_with_the_nodes_namespace_a_path_is_told_from_the_mounts_beginning(view: CgroupView, path: str, below: str | None) -> None:
    assert view.below_root(path) == below


@given(st.text("/.a", max_size=40), st.sampled_from(["", "/..", "/../..", "/a"]), st.sampled_from([None, "/a", "/a/b"]))
def test_a_path_never_leads_out_of_the_hierarchy(path: str, root: str, own: str | None) -> None:
    below = CgroupView(root, own).below_root(f"/{path}")
    assert below is None or ".." not in below.split("/")


def test_its_own_cgroup_is_the_one_that_tells_its_own_number(tmp_path: Path) -> None:
    for name, content in (("a", "0\n0\n"), ("b", f"0\n{os.getpid()}\n"), ("c/d", f"{os.getpid()}\n")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "cgroup.procs").write_text(content)
    view = CgroupView("/..").find_own(str(tmp_path), ["/gone", "/a", "/c/d", "/b"])
    assert view.own == "/b"
    assert view.find_own(str(tmp_path), []) is view
    assert CgroupView("/../../..").find_own(str(tmp_path), ["/a", "/b"]).own is None
    assert CgroupView().find_own(str(tmp_path), ["/b"]).own is None


def test_recorded_files_are_seen_from_the_root(tmp_path: Path) -> None:
    assert cgroup_view(str(tmp_path)) == CgroupView()


SEEN = """
import os, sys
from oomsight_agent.kernel.cgroup_view import cgroup_view
from oomsight_agent.kernel.process import parse_cgroup_of_process
hierarchy, version, own, *pids = sys.argv[1:]
view = cgroup_view(hierarchy).find_own(hierarchy, [own])
for pid in pids:
    path = parse_cgroup_of_process(open(f"/proc/{pid}/cgroup", "rb").read(), int(version))
    print(view.below_root(path))
"""


def test_in_a_real_cgroup_namespace_the_kernels_paths_lead_to_the_directories() -> None:
    with real_place() as place:
        outside, inside = place.start(place.sibling()), place.start()
        command = 'echo $$ > "$1/cgroup.procs" && shift && exec unshare --cgroup "$@"'
        own = place.container.removeprefix(place.hierarchy)
        arguments = [place.hierarchy, str(place.version), own, "self", str(inside.pid), str(outside.pid)]
        found = subprocess.run(
            ["sh", "-c", command, "sh", place.container, sys.executable, "-c", SEEN, *arguments],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        if "unshare" in found.stderr:
            pytest.skip(f"no cgroup namespace here: {found.stderr.strip()}")
        assert found.stdout.split() == [own, own, _below(place, outside.pid)]


def _below(place: Place, pid: int) -> str:
    """As this process, which has no namespace of its own, sees it."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    wanted = "memory" if place.version == 1 else ""
    return next(line.split(":", 2)[2] for line in lines if line.split(":", 2)[1] == wanted)
