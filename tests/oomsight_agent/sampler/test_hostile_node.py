"""Any one file of a node may be missing, empty, huge, binary, a directory or a loop: the rest of the report stays as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oomsight_agent.sampler.nodes import CACHE, CACHE_FILES, CRON, WEB_FILES, SampledNode

from oomsight_api.report import decode, encode
from oomsight_sandbox.node_tree import Flavour, ProcessFiles

Damage = Callable[[Path], object]


def become_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


DAMAGES: dict[str, Damage] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 8),
    "huge": lambda path: path.write_bytes(b"7" * 2_000_000),
    "many lines": lambda path: path.write_bytes(b"x 1\n" * 200_000),
    "more than a report holds": lambda path: path.write_bytes(re.sub(rb"\d+", b"%d" % (2**64 - 1), path.read_bytes())),
    "more than a machine has": lambda path: path.write_bytes(re.sub(rb"\d+", b"%d" % (2**62), path.read_bytes())),
    "negative": lambda path: path.write_bytes(b"-5\n"),
    "a directory": become_directory,
    "a loop of links": become_loop,
}


def files_of(node: SampledNode) -> list[Path]:
    """Files of one container, its process, what is above and beside it, and the node."""
    own = sorted(node.directory(WEB_FILES).iterdir())
    pod = sorted(path for path in node.directory(WEB_FILES).parent.iterdir() if path.is_file())
    above = [node.directory(WEB_FILES).parents[2], node.tree.hierarchy]
    around = sorted(path for folder in above for path in folder.iterdir() if path.is_file() and path.name != "cgroup.controllers")
    process = [path for pid in ("4001", "703") for path in sorted((node.tree.proc_root / pid).iterdir())]
    rest = [path for path in sorted(node.tree.proc_root.rglob("*")) if path.is_file() and not path.parent.name.isdigit()]
    return [*own, *pod, *around, *process, *rest]


@contextmanager
def damaged(path: Path, damage: Damage) -> Iterator[None]:
    """The file is as `damage` leaves it, and afterwards as it was."""
    original = path.read_bytes()
    damage(path)
    yield
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(original)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("flavour", [Flavour.V1_CGROUPFS, Flavour.V2_SYSTEMD])
def test_one_damaged_file_leaves_every_other_container_as_it_was(tmp_path: Path, flavour: Flavour, damage: str) -> None:
    node = SampledNode(tmp_path, flavour)
    node.tree.put(WEB_FILES)
    node.tree.put(CACHE_FILES)
    node.tree.put_host(ProcessFiles(703, "cron"), CRON)
    expected = node.container(node.tick(), CACHE).memory
    for path in files_of(node):
        with damaged(path, DAMAGES[damage]):
            node.restart()
            for report in (node.tick(), node.stat_tick()):
                assert node.container(report, CACHE).memory == expected, path
                assert decode(encode(report)) == report
            node.sampler.sample_all_cgroups()
    node.sampler.close()


@pytest.mark.parametrize("flavour", [Flavour.V1_CGROUPFS, Flavour.V2_SYSTEMD])
def test_cgroups_that_a_tenant_nested_deep_under_names_of_any_bytes_leave_the_report_readable(
    tmp_path: Path, flavour: Flavour
) -> None:
    node = SampledNode(tmp_path, flavour)
    node.tree.put(WEB_FILES)
    for pid in (4001, 4002):
        path = node.tree.proc_root / str(pid) / "cgroup"
        path.write_bytes(path.read_bytes().rstrip() + b"/\xff\xfe\x01\\" * 300 + b"\n")
    report = node.tick()
    assert decode(encode(report)) == report
    own = node.container(report)
    assert all(process.cgroup is not None and process.cgroup.startswith(f"{own.cgroup}/") for process in own.processes)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> SampledNode:
    made = SampledNode(tmp_path_factory.mktemp("node"), Flavour.V1_CGROUPFS)
    made.tree.put(WEB_FILES)
    made.tree.put_host(ProcessFiles(703, "cron"), CRON)
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_files_that_change_into_anything_between_samples_never_stop_the_sampler(node: SampledNode, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(files_of(node)))
    original = path.read_bytes()
    path.write_bytes(data.draw(st.binary(max_size=600) | st.just(original * 3)))
    try:
        for report in (node.tick(), node.stat_tick()):
            assert decode(encode(report)) == report
    finally:
        path.write_bytes(original)
    assert node.container(node.stat_tick()).memory.usage_bytes == WEB_FILES.usage_bytes
