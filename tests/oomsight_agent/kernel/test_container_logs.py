from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.container_logs import (
    ContainerName,
    LinkTarget,
    directory_signature,
    parse_link_name,
    parse_link_target,
    read_container_names,
)
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

ID = "0123456789abcdef" * 4
UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
LONG_POD = "p" * 150
NAME = ContainerName("web-7d", "shop", "server")


@given(pod=LABEL, namespace=LABEL, container=LABEL, container_id=st.integers(0, 2**256 - 1).map("{:064x}".format))
def test_a_link_names_its_container(pod: str, namespace: str, container: str, container_id: str) -> None:
    name = f"{pod}_{namespace}_{container}-{container_id}.log"
    assert parse_link_name(name) == (container_id, ContainerName(pod, namespace, container))


@pytest.mark.parametrize(
    "name",
    ["", "x.log", f"a_b_c-{ID}", f"a_b_c-{ID[:-1]}.log", f"a_b-{ID}.log", f"a b_c_d-{ID}.log", f"A_b_c-{ID}.log",
     f"a_b_c\n-{ID}.log", f"é_b_c-{ID}.log"],
)  # fmt: skip
def test_any_other_name_names_nothing(name: str) -> None:
    assert parse_link_name(name) is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_arbitrary_names_never_crash(name: str, target: str) -> None:
    parse_link_name(name)
    assert isinstance(parse_link_target(name, target), (LinkTarget, Problem))


def link(directory: Path, name: str, target: str) -> None:
    (directory / name).symlink_to(target)


def test_dangling_links_are_the_normal_case(tmp_path: Path) -> None:
    link(tmp_path, f"web-7d_shop_server-{ID}.log", "/var/log/pods/nowhere/0.log")
    errors = ReadErrors()
    assert read_container_names(str(tmp_path), errors).find(UID, ID) == NAME
    assert errors.total == 0


def cut_link(directory: Path, id_digits: int, target: str = "") -> None:
    container = "c" * (255 - 4 - 1 - id_digits - len(LONG_POD) - 1 - len("shop") - 1)
    name = f"{LONG_POD}_shop_{container}-{ID[:id_digits]}.log"
    assert len(name) == 255
    link(directory, name, target or f"/var/log/pods/shop_{LONG_POD}_{UID}/{container}/3.log")


def test_a_name_cut_within_the_id_is_resolved_by_its_target(tmp_path: Path) -> None:
    cut_link(tmp_path, id_digits=40)
    found = read_container_names(str(tmp_path), ReadErrors()).find(UID, ID)
    assert found is not None
    assert (found.pod_name, found.namespace) == (LONG_POD, "shop")


def test_a_cut_name_names_no_other_container_and_no_other_pod(tmp_path: Path) -> None:
    cut_link(tmp_path, id_digits=40)
    names = read_container_names(str(tmp_path), ReadErrors())
    assert names.find(UID, "f" * 64) is None
    assert names.find("00000000-4b5a-6978-8796-a5b4c3d2e1f0", ID) is None


def test_a_name_that_lost_its_id_is_not_guessed(tmp_path: Path) -> None:
    cut_link(tmp_path, id_digits=0)
    assert read_container_names(str(tmp_path), ReadErrors()).find(UID, ID) is None


def test_a_cut_name_with_a_strange_target_is_counted(tmp_path: Path) -> None:
    cut_link(tmp_path, id_digits=40, target="/etc/passwd")
    errors = ReadErrors()
    assert read_container_names(str(tmp_path), errors).cut == ()
    assert errors.totals[FileKind.CONTAINER_LOGS] == 1


def test_a_machine_without_kubernetes_has_no_names_and_no_error(tmp_path: Path) -> None:
    errors = ReadErrors()
    assert read_container_names(f"{tmp_path}/none", errors).find(UID, ID) is None
    assert errors.total == 0
    assert directory_signature(f"{tmp_path}/none") is None


def test_other_files_in_the_directory_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "x.log").write_text("x")
    link(tmp_path, f"web-7d_shop_server-{ID}.log", "/gone")
    errors = ReadErrors()
    assert dict(read_container_names(str(tmp_path), errors).by_container_id) == {ID: NAME}
    assert errors.total == 0
