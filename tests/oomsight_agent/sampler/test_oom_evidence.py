"""What the sampler keeps of ooms beside the counters: whose limit led to them, and who was there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.oomsight_agent.sampler.nodes import WEB_FILES, SampledNode

from oomsight_sandbox.node_tree import MI, Flavour


def test_ooms_of_a_limit_are_read_at_first_sight_and_with_each_kill(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_SYSTEMD)
    try:
        node.tree.put(WEB_FILES)
        of_container, of_pod = node.directory(WEB_FILES), node.directory(WEB_FILES).parent
        (of_container / "memory.events.local").write_text("max 9\noom 2\noom_kill 0\n")
        (of_pod / "memory.events.local").write_text("max 9\noom 5\noom_kill 0\n")
        first = node.tick()
        assert (node.container(first).limit_ooms, node.pod(first).limit_ooms) == (2, 5)
        (of_pod / "memory.events.local").write_text("max 9\noom 6\noom_kill 0\n")
        assert node.pod(node.tick()).limit_ooms == 5
        node.tree.put(replace(WEB_FILES, oom_kills=1))
        second = node.tick()
        assert (node.container(second).limit_ooms, node.pod(second).limit_ooms) == (2, 6)
    finally:
        node.sampler.close()


def test_before_5_2_nobody_counts_ooms_of_a_limit(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_SYSTEMD)
    node.tree.put(WEB_FILES)
    report = node.tick()
    assert (node.container(report).limit_ooms, report.read_errors) == (None, 0)
    node.sampler.close()


def test_a_container_that_was_just_started_is_looked_at_again_while_it_stirs(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_SYSTEMD)
    node.tick()
    first, later = WEB_FILES.processes
    node.tree.put(replace(WEB_FILES, processes=(first,)))
    node.tick()
    assert set(node.sampler.processes) == {first.pid}
    node.tree.put(replace(WEB_FILES, anon_bytes=30 * MI, processes=(first, later)))
    node.tick()
    node.tick()
    assert set(node.sampler.processes) == {first.pid, later.pid}
    node.sampler.close()
