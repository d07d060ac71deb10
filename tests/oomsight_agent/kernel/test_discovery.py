import os
import shutil
from pathlib import Path

import pytest

from oomsight_agent.kernel.discovery import MAX_NESTED_PER_CONTAINER, Discovery
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
OTHER_UID = "11111111-2222-3333-4444-555555555555"
A, B, C = ("a" * 64, "b" * 64, "c" * 64)
POD = f"/kubepods/burstable/pod{UID}"


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path.strip("/")).mkdir(parents=True, exist_ok=True)


def paths(discovery: Discovery) -> list[str]:
    return [cgroup.path for cgroup in discovery.found()]


@pytest.fixture
def discovery(tmp_path: Path) -> Discovery:
    return Discovery(str(tmp_path), ReadErrors(), into_containers=True)


def test_pods_containers_and_what_is_nested_in_them_are_found_and_nothing_else(tmp_path: Path, discovery: Discovery) -> None:
    make(
        tmp_path,
        f"{POD}/{A}/init.scope",
        f"{POD}/crio-conmon-{A}.scope",
        f"/docker/{B}",
        "/system.slice/cron.service",
        "/kubepods/besteffort",
    )
    assert discovery.round(everything=True)
    assert paths(discovery) == [POD, f"{POD}/{A}", f"{POD}/{A}/init.scope"]


def test_v2_does_not_look_into_containers(tmp_path: Path) -> None:
    make(tmp_path, f"{POD}/{A}/init.scope")
    discovery = Discovery(str(tmp_path), ReadErrors(), into_containers=False)
    discovery.round(everything=True)
    assert paths(discovery) == [POD, f"{POD}/{A}"]


def test_a_quiet_tree_says_that_nothing_changed(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, f"{POD}/{A}")
    assert discovery.round(everything=True)
    assert not discovery.round(everything=True)
    assert not discovery.round(everything=False)


def test_a_new_pod_shows_in_the_next_round(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, f"{POD}/{A}")
    discovery.round(everything=True)
    make(tmp_path, f"/kubepods/burstable/pod{OTHER_UID}/{B}")
    assert discovery.round(everything=False)
    assert f"/kubepods/burstable/pod{OTHER_UID}/{B}" in paths(discovery)


def test_the_first_pod_of_a_qos_class_shows_in_the_next_round(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, "/kubepods/besteffort")
    discovery.round(everything=True)
    make(tmp_path, f"/kubepods/besteffort/pod{UID}")
    assert discovery.round(everything=False)


def test_a_new_container_shows_once_its_pods_charge_has_changed(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, f"{POD}/{A}")
    discovery.round(everything=True)
    make(tmp_path, f"{POD}/{B}")
    discovery.round(everything=False, touched={POD})
    assert f"{POD}/{B}" in paths(discovery)


def test_a_vanished_container_and_a_vanished_pod_are_gone(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, f"{POD}/{A}", f"{POD}/{B}", f"/kubepods/pod{OTHER_UID}/{C}")
    discovery.round(everything=True)
    (tmp_path / f"{POD}/{A}".strip("/")).rmdir()
    shutil.rmtree(tmp_path / f"kubepods/pod{OTHER_UID}")
    assert discovery.round(everything=True)
    assert paths(discovery) == [POD, f"{POD}/{B}"]


def test_a_cgroup_made_anew_under_the_same_name_is_another_one(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, f"{POD}/{A}")
    discovery.round(everything=True)
    before = {cgroup.path: cgroup.inode for cgroup in discovery.found()}
    (tmp_path / "keep").mkdir()  # so that the file system cannot give the same inode out again
    os.rename(tmp_path / f"{POD}/{A}".strip("/"), tmp_path / "keep" / "old")
    make(tmp_path, f"{POD}/{A}")
    assert discovery.round(everything=True)
    after = {cgroup.path: cgroup.inode for cgroup in discovery.found()}
    assert after.keys() == before.keys()
    assert after[f"{POD}/{A}"] != before[f"{POD}/{A}"]


def test_what_is_known_to_be_gone_is_looked_for_at_once(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, f"{POD}/{A}")
    discovery.round(everything=True)
    discovery.forget(f"{POD}/{A}")
    assert discovery.round(everything=False)
    assert paths(discovery) == [POD, f"{POD}/{A}"]


def test_a_tree_that_took_the_place_of_another_between_two_rounds_is_found(tmp_path: Path, discovery: Discovery) -> None:
    """A cluster in a container is made anew under another name: the parent has as many directories as before, and kernfs keeps its
    time of change."""
    make(tmp_path, f"/kind-1{POD}/{A}")
    discovery.round(everything=True)
    before = tmp_path.stat()
    shutil.rmtree(tmp_path / "kind-1")
    make(tmp_path, f"/kind-2{POD}/{B}")
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    discovery.round(everything=True)
    assert discovery.round(everything=True)
    assert paths(discovery) == [f"/kind-2{POD}", f"/kind-2{POD}/{B}"]


def test_a_tenant_who_makes_thousands_of_cgroups_hides_no_other_container(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, *(f"{POD}/{A}/{number}/deeper" for number in range(200)), f"{POD}/{B}")
    discovery.round(everything=True)
    found = paths(discovery)
    assert f"{POD}/{B}" in found
    assert len(found) <= 3 + MAX_NESTED_PER_CONTAINER


def test_a_loop_of_links_is_not_followed(tmp_path: Path, discovery: Discovery) -> None:
    make(tmp_path, POD)
    (tmp_path / POD.strip("/") / A).symlink_to(tmp_path)
    discovery.round(everything=True)
    assert paths(discovery) == [POD]


def test_a_directory_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    errors = ReadErrors()
    discovery = Discovery(f"{tmp_path}/none", errors, into_containers=False)
    discovery.round(everything=True)
    assert paths(discovery) == []
    assert errors.totals[FileKind.CGROUP_DIRECTORY] == 0


def test_undecodable_names_are_walked_like_others(tmp_path: Path, discovery: Discovery) -> None:
    os.makedirs(os.fsencode(tmp_path) + b"/lxc.payload.\xff" + f"{POD}/{A}".encode())
    discovery.round(everything=True)
    assert [cgroup.identity.container_id for cgroup in discovery.found()] == [None, A]
