"""The sampler against this machine's own kernel: a cgroup of ours, a process in it, and what really happens to it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.oomsight_agent.real_cgroups import ID, MI, UID, Place, real_place, remove_cgroup, tell, until


@pytest.fixture
def place() -> Iterator[Place]:
    with real_place() as made:
        yield made


def test_usage_limit_and_process_are_what_the_kernel_was_told(place: Place) -> None:
    child = place.start()
    assert tell(child, "hold 20") == "done"
    row = place.row()
    memory = row.memory
    assert (row.pod_uid, row.container_id, memory.limit_bytes, memory.unlimited) == (UID, ID, 48 * MI, False)
    assert memory.usage_bytes is not None
    assert memory.unreclaimable_bytes is not None
    assert memory.anon_bytes is not None
    assert 20 * MI <= memory.anon_bytes <= memory.usage_bytes + MI
    assert 20 * MI <= memory.unreclaimable_bytes < 30 * MI
    assert memory.headroom_bytes == 48 * MI - memory.unreclaimable_bytes
    assert [process.pid for process in row.processes] == [child.pid]
    assert row.oom_score_adj_min == row.oom_score_adj_max == int(Path(f"/proc/{child.pid}/oom_score_adj").read_text())


def test_page_cache_fills_usage_but_takes_no_headroom(place: Place, tmp_path: Path) -> None:
    place.start()
    before = place.row().memory.headroom_bytes
    script = 'echo $$ > "$1/cgroup.procs" && head -c 20971520 /dev/zero > "$2" && cat "$2" > /dev/null'
    file = tmp_path / "cache"
    subprocess.run(["sh", "-c", script, "sh", place.container, str(file)], check=True)
    row = place.row()
    assert row.memory.usage_bytes is not None
    if row.memory.usage_bytes < 20 * MI:
        pytest.skip(f"the file system of {tmp_path} does not charge its page cache")
    assert before is not None
    assert row.memory.headroom_bytes is not None
    if row.memory.shmem_bytes is not None and row.memory.shmem_bytes >= 20 * MI:
        assert row.memory.headroom_bytes < before - 15 * MI  # a tmpfs: held until the file is gone
    else:
        assert row.memory.headroom_bytes > before - 10 * MI


def test_a_spike_between_two_samples_is_seen(place: Place) -> None:
    child = place.start()
    place.row()
    assert tell(child, "hold 30") == "done"
    assert tell(child, "drop") == "done"
    memory = place.row().memory
    assert memory.peak_interval_bytes is not None
    assert memory.peak_interval_bytes >= 30 * MI
    assert memory.usage_bytes is not None
    assert memory.usage_bytes < 30 * MI


def test_a_kill_by_the_kernel_is_counted_in_the_container_and_its_pod(place: Place) -> None:
    child = place.start()
    assert place.row().oom_kills == 0
    assert tell(child, "hold 200") == ""
    assert child.wait() == -9
    until(lambda: place.row().oom_kills == 1)
    (pod,) = place.report().pods
    assert pod.oom_kills == 1
    assert place.row().limit_hits != 0  # None where the kernel does not count them


def test_whether_anybody_is_left_in_a_container_is_asked_of_the_kernel(place: Place) -> None:
    place.start()
    assert place.row().container_id == ID
    sampler = place.sampler
    assert sampler is not None
    assert sampler.has_processes(ID) is True
    place.end_children()
    until(lambda: sampler.has_processes(ID) is False)
    assert sampler.has_processes("0" * 64) is False


AGENT_IN_A_POD = """
import sys, time
from oomsight_agent.kernel.roots import Roots
from oomsight_agent.sampler import Sampler

sampler = Sampler(Roots(cgroup_root=sys.argv[1]), "this-machine")
sampler.sample(time.time(), time.monotonic())
print(sampler.has_processes(sys.argv[2]), flush=True)
for _ in sys.stdin:
    print(sampler.has_processes(sys.argv[2]), flush=True)
"""


def test_an_agent_in_a_pid_namespace_of_its_own_knows_whether_anybody_is_left(place: Place) -> None:
    """As in a pod: its own namespace, and the node's /proc. On v1 cgroup.procs then shows none of them."""
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", AGENT_IN_A_POD, place.base, ID]
    if subprocess.run([*command[:3], "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not make a pid namespace")
    place.start()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        assert agent.stdout.readline() == "True\n"
        place.end_children()
        assert tell(agent, "again") == "False"


def test_the_kernel_is_asked_to_tell_of_ooms_and_a_counter_that_rose_is_news(place: Place) -> None:
    child = place.start()
    sampler = place.new_sampler(notify=True)
    sampler.sample(time.time(), time.monotonic())
    notify = sampler.oom_notify
    assert notify is not None
    assert not notify.look(time.monotonic())
    assert tell(child, "hold 200") == ""
    poll = select.poll()
    poll.register(notify.fileno(), select.POLLIN)
    assert poll.poll(10_000)
    until(lambda: notify.look(time.monotonic()))
    (row,) = sampler.sample(time.time(), time.monotonic()).containers
    assert row.oom_kills == 1


def test_a_cgroup_that_goes_is_no_kill_and_leaves_nothing_to_wait_for(place: Place) -> None:
    """v1 tells of a removal as of an OOM."""
    sampler = place.new_sampler(notify=True)
    sampler.sample(time.time(), time.monotonic())
    notify = sampler.oom_notify
    assert notify is not None
    remove_cgroup(place.container)
    sampler.sample(time.time(), time.monotonic())
    assert not notify.look(time.monotonic() + 1)
    assert not notify.look(time.monotonic() + 2)
    assert notify.due_seconds is None


def test_one_process_killed_with_its_group_is_one_kill(place: Place) -> None:
    if not os.path.exists(f"{place.container}/memory.oom.group"):
        pytest.skip("this machine's cgroups have no memory.oom.group")
    if "oom_group_kill" not in Path(place.container, "memory.events").read_text():
        pytest.skip("kernels before 5.17 do not tell kills of groups")
    Path(place.container, "memory.oom.group").write_text("1")
    child = place.start()
    assert place.row().oom_kills == 0
    assert tell(child, "hold 200") == ""
    assert child.wait() == -9
    until(lambda: place.row().oom_kills != 0)
    report = place.report()
    assert [row.oom_kills for row in report.containers] == [1]
    assert [row.oom_kills for row in report.pods] == [1]
    assert report.containers[0].oom_group is True


def test_a_container_that_ended_is_gone_from_the_next_report(place: Place) -> None:
    place.start()
    place.row()
    place.end_children()
    remove_cgroup(place.container)
    report = place.report()
    assert report.containers == ()
    assert [pod.pod_uid for pod in report.pods] == [UID]
    assert report.read_errors == 0


def test_a_restarted_container_is_found_without_waiting_for_the_stat_interval(place: Place) -> None:
    place.start()
    place.row()
    place.end_children()
    remove_cgroup(place.container)
    place.report()
    place.container = f"{place.pod}/{'e' * 64}"
    os.mkdir(place.container)
    place.start()
    until(lambda: [row.container_id for row in place.report().containers] == ["e" * 64])


def test_every_cgroup_of_this_machine_has_a_row(place: Place) -> None:
    assert place.sampler is not None
    rows = {row.cgroup: row for row in place.sampler.sample_all_cgroups()}
    assert rows[f"/kubepods/pod{UID}/{ID}"].memory.limit_bytes == 48 * MI
    assert rows["/"].memory.usage_bytes is not None
    assert place.sampler.read_errors.total == 0
