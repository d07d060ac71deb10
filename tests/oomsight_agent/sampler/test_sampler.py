"""The sampler's whole answer on whole nodes. The goldens beside this file are what an operator receives.

To renew them after a wanted change: `OOMSIGHT_WRITE_GOLDENS=1 pytest tests/oomsight_agent/sampler`, then read the diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.oomsight_agent.sampler.nodes import (
    CACHE,
    ETCD,
    UID,
    WEB,
    WEB_FILES,
    SampledNode,
    populate,
)

from oomsight_agent.kernel.read_errors import FileKind
from oomsight_agent.kernel.roots import Roots
from oomsight_agent.sampler import Sampler
from oomsight_api.report import Memory, decode, encode
from oomsight_sandbox.node_tree import MI, Flavour

GOLDENS = Path(__file__).parent / "goldens"
MakeNode = Callable[[Flavour], SampledNode]


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[MakeNode]:
    made: list[SampledNode] = []

    def make(flavour: Flavour) -> SampledNode:
        made.append(SampledNode(tmp_path / str(len(made)), flavour))
        return made[-1]

    yield make
    for node in made:
        node.sampler.close()


every_kind_of_node = pytest.mark.parametrize("flavour", list(Flavour))
every_version = pytest.mark.parametrize("flavour", [Flavour.V1_CGROUPFS, Flavour.V2_SYSTEMD])


@every_kind_of_node
def test_a_whole_node(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    populate(node)
    node.tick()
    report = node.stat_tick()
    text = json.dumps(json.loads(encode(report)), indent=2) + "\n"
    golden = GOLDENS / f"{flavour}.json"
    if os.environ.get("OOMSIGHT_WRITE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()
    assert decode(encode(report)) == report


def test_both_versions_and_drivers_tell_the_same_of_the_same_containers(make_node: MakeNode) -> None:
    def told(flavour: Flavour) -> dict[str, tuple[object, ...]]:
        node = make_node(flavour)
        populate(node)
        rows = node.tick().containers
        return {
            row.container_id: (
                row.pod_uid, row.pod_name, row.namespace, row.container_name, row.memory.usage_bytes, row.memory.limit_bytes,
                row.memory.unlimited, row.memory.working_set_bytes, row.memory.anon_bytes, row.memory.shmem_bytes, row.oom_kills,
                row.limit_hits, row.oom_score_adj_min, row.oom_score_adj_max, row.process_count,
                tuple(structs.replace(process, cgroup=None) for process in row.processes),
            )
            for row in rows
        }  # fmt: skip

    first = told(Flavour.V1_CGROUPFS)
    assert len(first) == 4
    assert told(Flavour.V2_SYSTEMD) == first
    assert told(Flavour.V2_CGROUPFS) == first


@every_version
def test_a_spike_between_two_samples_is_seen_once(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    node.tick()
    node.tree.put(replace(web, peak_bytes=61 * MI))
    assert node.container(node.tick()).memory.peak_interval_bytes == 61 * MI
    after = node.container(node.tick()).memory
    assert (after.peak_interval_bytes, after.peak_lifetime_bytes) == (web.usage_bytes, 61 * MI)


@every_version
def test_usage_follows_every_sample_and_the_rest_the_stat_interval(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    before = node.container(node.tick()).memory
    assert before.anon_bytes is not None
    moved = replace(web, anon_bytes=web.anon_bytes + MI // 2)
    node.tree.put(moved)
    soon = node.container(node.tick()).memory
    assert (soon.usage_bytes, soon.anon_bytes) == (moved.usage_bytes, before.anon_bytes)
    assert soon.working_set_bytes == moved.usage_bytes - moved.inactive_file_bytes
    later = node.container(node.stat_tick()).memory
    assert later.anon_bytes == moved.anon_bytes


@every_version
def test_a_jump_of_usage_is_explained_in_the_same_sample(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    node.tick()
    node.tree.put(replace(web, anon_bytes=web.anon_bytes + 10 * MI))
    assert node.container(node.tick()).memory.anon_bytes == web.anon_bytes + 10 * MI


@every_version
def test_a_kill_is_told_in_the_next_sample_with_the_memory_as_it_is_then(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    assert node.pod(node.tick()).oom_kills == 0
    node.tree.put(replace(web, oom_kills=1, anon_bytes=web.anon_bytes - 1024))
    report = node.tick()
    row = node.container(report)
    assert (row.oom_kills, row.memory.anon_bytes) == (1, web.anon_bytes - 1024)
    assert node.pod(report).oom_kills == 1


@every_version
def test_a_pod_remembers_kills_of_a_container_that_was_restarted(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    node.tree.put(replace(WEB_FILES, oom_kills=2))
    node.tree.put(replace(WEB_FILES, container_id=CACHE, processes=()))
    node.tick()
    node.tree.remove(replace(WEB_FILES, oom_kills=2))
    node.tree.put(replace(WEB_FILES, container_id=ETCD, oom_kills=1))
    report = node.stat_tick()
    assert {row.container_id for row in report.containers} == {CACHE, ETCD}
    assert node.pod(report).oom_kills == 3


@pytest.mark.parametrize(
    ("memory_hits", "both_hits", "memsw_limit", "told"),
    [(3, 4, 64 * MI, 7), (0, 4, 64 * MI, 4), (0, 0, 96 * MI, 0), (0, 0, 64 * MI, None), (3, None, None, 3)],
    ids=["both count", "no swap allowed", "never hit", "no swap allowed and a kernel that does not count", "swap not accounted"],
)
def test_v1_counts_hits_of_two_limits(
    make_node: MakeNode, memory_hits: int, both_hits: int | None, memsw_limit: int | None, told: int | None
) -> None:
    node = make_node(Flavour.V1_CGROUPFS)
    web = node.tree.put(replace(WEB_FILES, limit_hits=memory_hits))
    files = {"memory.memsw.failcnt": both_hits, "memory.memsw.limit_in_bytes": memsw_limit}
    for name, value in files.items():
        path = node.directory(web) / name
        path.unlink(missing_ok=True)
        if value is not None:
            path.write_text(f"{value}\n")
    assert node.container(node.tick()).limit_hits == told


@every_version
def test_what_did_not_change_is_the_very_same_row(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    populate(node)
    node.tick()
    first, second = node.tick(), node.tick()
    assert all(before is after for before, after in zip(first.containers, second.containers, strict=True))
    assert all(before is after for before, after in zip(first.pods, second.pods, strict=True))


@every_version
def test_a_new_container_comes_with_its_processes_and_its_names(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    node.tick()
    node.tree.put(WEB_FILES)
    row = node.container(node.stat_tick())
    assert (row.namespace, row.pod_name, row.container_name, row.process_count) == ("shop", "web-7d", "server", 2)


def test_a_name_that_comes_later_than_its_cgroup_is_found(make_node: MakeNode) -> None:
    node = make_node(Flavour.V2_SYSTEMD)
    node.tree.put(WEB_FILES)
    link = node.tree.container_log_dir / f"web-7d_shop_server-{WEB}.log"
    link.unlink()
    assert node.container(node.tick()).container_name is None
    link.symlink_to("/var/log/pods/gone/0.log")
    assert node.container(node.tick()).container_name == "server"


@every_version
def test_a_removed_container_is_not_in_the_report_and_keeps_no_descriptor(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    open_before = len(os.listdir("/proc/self/fd"))
    web = node.tree.put(WEB_FILES)
    node.tick()
    node.tree.remove(web)
    report = node.stat_tick()
    assert (report.containers, report.pods) == ((), ())
    node.sampler.close()
    assert len(os.listdir("/proc/self/fd")) == open_before


@every_version
def test_a_cgroup_made_anew_under_the_same_name_starts_from_nothing(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    web = node.tree.put(replace(WEB_FILES, oom_kills=4))
    node.tick()
    directory = node.directory(web)
    directory.rename(node.tree.root / "kept so that its inode is not given out again")
    node.tree._containers.clear()
    node.tree.put(replace(WEB_FILES, peak_bytes=None))
    row = node.container(node.stat_tick())
    assert row.oom_kills == 0
    assert row.memory.peak_lifetime_bytes == WEB_FILES.usage_bytes


@every_version
@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff" * 40, b"lots\n", b"9" * 500, b"1" * 100_000], ids=["empty", "binary", "word", "long", "huge"]
)
def test_a_hot_file_that_makes_no_sense_costs_its_own_value_alone(make_node: MakeNode, flavour: Flavour, content: bytes) -> None:
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    name = "memory.usage_in_bytes" if flavour is Flavour.V1_CGROUPFS else "memory.current"
    (node.directory(web) / name).write_bytes(content)
    first, second = node.tick(), node.tick()
    row = node.container(second)
    assert row.memory.usage_bytes is None
    assert (row.memory.limit_bytes, row.limit_hits, row.container_name) == (64 * MI, 3, "server")
    assert node.sampler.read_errors.totals[FileKind.MEMORY_USAGE] == 2
    assert (first.read_errors, second.read_errors) == (1, 2)
    node.tree.put(web)
    assert node.container(node.tick()).memory.usage_bytes == web.usage_bytes


@every_version
def test_a_broken_memory_stat_leaves_the_rest(make_node: MakeNode, flavour: Flavour) -> None:
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    (node.directory(web) / "memory.stat").write_bytes(b"\x00" * 2_000_000)
    memory = node.container(node.tick()).memory
    assert (memory.usage_bytes, memory.limit_bytes) == (web.usage_bytes, web.limit_bytes)
    assert (memory.anon_bytes, memory.working_set_bytes, memory.unreclaimable_bytes, memory.headroom_bytes) == (
        None,
        None,
        None,
        None,
    )
    assert node.sampler.read_errors.totals[FileKind.MEMORY_STAT] == 1


def test_files_that_this_kernel_does_not_have_are_absent_and_no_errors(make_node: MakeNode) -> None:
    node = make_node(Flavour.V2_CGROUPFS)
    web = node.tree.put(WEB_FILES)
    for name in ("memory.peak", "memory.pressure", "memory.swap.current", "memory.swap.max", "memory.oom.group"):
        (node.directory(web) / name).unlink()
    row = node.container(node.tick())
    assert (row.memory.peak_lifetime_bytes, row.memory.swap_bytes, row.pressure, row.oom_group) == (None, None, None, None)
    assert row.memory.peak_interval_bytes == web.usage_bytes
    assert node.sampler.read_errors.total == 0


def test_kills_in_a_cgroup_nested_inside_a_v1_container_are_its_kills(make_node: MakeNode) -> None:
    node = make_node(Flavour.V1_CGROUPFS)
    web = node.tree.put(replace(WEB_FILES, oom_kills=1))
    nested = node.directory(web) / "worker"
    nested.mkdir()
    control = nested / "memory.oom_control"
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    node.tick()
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    report = node.tick()
    assert (node.container(report).oom_kills, node.pod(report).oom_kills) == (3, 3)
    control.unlink()
    nested.rmdir()
    report = node.stat_tick()
    assert (node.container(report).oom_kills, node.pod(report).oom_kills) == (3, 3)


def test_a_resized_limit_is_seen_with_the_next_stat_read(make_node: MakeNode) -> None:
    node = make_node(Flavour.V2_SYSTEMD)
    web = node.tree.put(WEB_FILES)
    node.tick()
    node.tree.put(replace(web, limit_bytes=None))
    memory = node.container(node.stat_tick()).memory
    assert (memory.limit_bytes, memory.unlimited, memory.headroom_bytes) == (None, True, None)


def test_refaults_and_major_faults_are_rates_between_stat_reads(make_node: MakeNode) -> None:
    node = make_node(Flavour.V2_SYSTEMD)
    web = node.tree.put(WEB_FILES)
    assert node.container(node.tick()).refaults_per_second is None
    node.stat_tick()
    stat = node.directory(web) / "memory.stat"
    stat.write_text(
        stat.read_text()
        .replace("workingset_refault_file 0", "workingset_refault_file 500")
        .replace("workingset_refault_anon 0", "workingset_refault_anon 70")
        .replace("pgmajfault 0", "pgmajfault 20")
    )
    row = node.container(node.stat_tick())
    assert (row.refaults_per_second, row.anon_refaults_per_second, row.major_faults_per_second) == (50.0, 7.0, 2.0)


def test_a_growing_floor_has_a_slope_once_the_window_is_half_full(make_node: MakeNode) -> None:
    node = make_node(Flavour.V2_SYSTEMD)
    web = WEB_FILES
    slopes = []
    for step in range(60):
        node.tree.put(replace(web, anon_bytes=web.anon_bytes + step * 10_240))
        slopes.append(node.container(node.stat_tick()).floor_slope_bytes_per_second)
    assert slopes[20] is None
    assert slopes[-1] == pytest.approx(1024.0, rel=0.01)


@every_version
def test_more_containers_than_descriptors_are_read_all_the_same(
    make_node: MakeNode, flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oomsight_agent.sampler.sampler.raise_descriptor_limit", lambda: 0)
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    node.tick()
    open_now = len(os.listdir("/proc/self/fd"))
    node.tree.put(replace(web, oom_kills=1))
    assert node.container(node.tick()).oom_kills == 1
    assert len(os.listdir("/proc/self/fd")) == open_now
    node.tree.remove(web)
    assert node.tick().containers == ()


def test_a_container_left_twice_by_a_change_of_driver_is_reported_once(make_node: MakeNode) -> None:
    node = make_node(Flavour.V2_SYSTEMD)
    node.tree.put(WEB_FILES)
    (node.tree.hierarchy / "kubepods" / "burstable" / f"pod{UID}" / WEB).mkdir(parents=True)
    report = node.tick()
    assert [row.container_id for row in report.containers] == [WEB]
    assert [row.pod_uid for row in report.pods] == [UID]


def test_a_machine_without_a_memory_controller_reports_the_node_alone(tmp_path: Path) -> None:
    sampler = Sampler(Roots(str(tmp_path), str(tmp_path), str(tmp_path)), "bare")
    report = sampler.sample(1.0, 1.0)
    assert (report.cgroup_version, report.containers, report.node_memory.total_bytes) == (None, (), None)
    assert sampler.sample_all_cgroups() == ()
    assert sampler.read_errors.total == 0
    sampler.close()


def test_a_memory_controller_that_is_mounted_later_is_found(make_node: MakeNode) -> None:
    node = make_node(Flavour.V2_SYSTEMD)
    controllers = node.tree.hierarchy / "cgroup.controllers"
    text = controllers.read_text()
    controllers.unlink()
    node.tree.put(WEB_FILES)
    assert node.tick().containers == ()
    controllers.write_text(text)
    assert node.container(node.stat_tick()).memory != Memory()


@every_version
def test_only_a_transition_is_logged(make_node: MakeNode, flavour: Flavour, caplog: pytest.LogCaptureFixture) -> None:
    node = make_node(flavour)
    web = node.tree.put(WEB_FILES)
    stat = node.directory(web) / "memory.stat"
    good = stat.read_bytes()
    stat.write_bytes(b"?")
    caplog.set_level("INFO")
    for _ in range(25):
        node.tick()
    assert len(caplog.records) == 1
    assert vars(caplog.records[0])["file_kind"] == "memory_stat"
    stat.write_bytes(good)
    node.stat_tick()
    node.stat_tick()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
