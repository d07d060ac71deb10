"""Where processes are. Looking again and again is tested with what it is for, in test_processes.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from oomsight_agent.kernel.cgroup_view import CgroupView
from oomsight_agent.kernel.read_errors import ReadErrors
from oomsight_agent.sampler.places import Places

ID = "a" * 64
POD = "/kubepods/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(str(tmp_path), 2, ReadErrors())


def put(root: Path, pid: int, line: str) -> None:
    (root / str(pid)).mkdir(exist_ok=True)
    (root / str(pid) / "cgroup").write_text(line)


@pytest.mark.parametrize(
    ("cgroup", "container", "path"),
    [
        (f"{POD}/{ID}", ID, None),
        (f"{POD}/{ID}/docker/x", ID, f"{POD}/{ID}/docker/x"),
        (POD, None, POD),
        ("/system.slice/cron.service", None, "/system.slice/cron.service"),
        ("/system.slice/docker-" + ID + ".scope", None, "/system.slice/docker-" + ID + ".scope"),  # of no pod
        ("/", None, "/"),
    ],
)
def test_a_process_is_in_a_container_or_has_a_path(
    places: Places, tmp_path: Path, cgroup: str, container: str | None, path: str | None
) -> None:
    put(tmp_path, 7, f"0::{cgroup}\n")
    places.look()
    assert places.in_containers([ID]) == ({} if container is None else {container: [7]})
    assert places.path_of(7) == path
    assert places.is_outside(7) is (container is None)
    assert places.outside() == ([7] if container is None else [])


def test_an_agent_in_a_namespace_of_its_own_counts_itself_to_its_own_container(places: Places, tmp_path: Path) -> None:
    places.view = CgroupView("/../../..", f"{POD}/{ID}")
    put(tmp_path, 7, "0::/\n")
    put(tmp_path, 8, "0::/../../../system.slice/cron.service\n")
    put(tmp_path, 9, f"0::/../{'b' * 64}/init.scope\n")
    places.look()
    assert places.in_containers([ID, "b" * 64]) == {ID: [7], "b" * 64: [9]}
    assert places.path_of(8) == "/system.slice/cron.service"
    assert places.path_of(9) == f"{POD}/{'b' * 64}/init.scope"


def test_while_the_agents_own_cgroup_is_not_known_containers_are_known_all_the_same(places: Places, tmp_path: Path) -> None:
    places.view = CgroupView("/../../..")
    put(tmp_path, 7, "0::/\n")
    put(tmp_path, 9, f"0::/../{'b' * 64}\n")
    places.look()
    assert places.in_containers(["b" * 64]) == {"b" * 64: [9]}
    assert (places.is_outside(7), places.path_of(7)) == (True, None)


def test_a_path_that_cannot_be_read_is_not_known_and_not_the_root(places: Places, tmp_path: Path) -> None:
    put(tmp_path, 7, "nonsense")
    places.look()
    assert (places.path_of(7), places.outside()) == (None, [7])


def test_the_nodes_init_is_never_told(places: Places, tmp_path: Path) -> None:
    put(tmp_path, 1, "0::/init.scope\n")
    places.look()
    assert places.outside() == []


def test_a_kernel_thread_is_not_asked_again_while_it_stays_in_the_root(places: Places, tmp_path: Path) -> None:
    put(tmp_path, 2, "0::/\n")
    put(tmp_path, 7, "0::/system.slice/cron.service\n")
    places.look()
    for pid in (2, 7):
        places.note_kernel_thread(pid)  # 7 is between two programs: it has no memory for a moment
    assert places.outside() == [7]
    put(tmp_path, 2, f"0::{POD}/{ID}\n")
    seen = []
    for _ in range(7):
        places.look()
        seen.append(places.in_containers([ID]).get(ID))
    assert [2] in seen


def test_a_look_between_rounds_finds_who_came_and_takes_no_look_from_a_container_that_is_being_started(
    places: Places, tmp_path: Path
) -> None:
    places.look()
    put(tmp_path, 7, "0::/system.slice/containerd.service\n")
    for _ in range(10):
        places.look(between_rounds=True)
    assert places.path_of(7) == "/system.slice/containerd.service"
    put(tmp_path, 7, f"0::{POD}/{ID}\n")
    places.look()
    assert places.in_containers([ID]) == {ID: [7]}


def test_a_look_between_rounds_does_not_ask_those_who_were_there_long(places: Places, tmp_path: Path) -> None:
    put(tmp_path, 7, f"0::{POD}/{ID}\n")
    for _ in range(6):
        places.look()
    put(tmp_path, 7, "nonsense")
    for _ in range(12):
        places.look(between_rounds=True)
    assert places.in_containers([ID]) == {ID: [7]}
    for _ in range(6):
        places.look()
    assert places.in_containers([ID]) == {}
