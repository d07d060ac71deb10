"""A run of trials on this machine: what they share is made once, and gone at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress

import oomsight_proof
from oomsight_agent.kernel.roots import Roots
from oomsight_agent.sampler import Sampler
from oomsight_kill_order.generator import MAPPED_BYTES, Allowed, generate
from oomsight_kill_order.kill_log import KillLog
from oomsight_kill_order.layout import mapped_file
from oomsight_kill_order.node_room import ROOM_BYTES, little_room, stay_resident
from oomsight_kill_order.results import Trial
from oomsight_kill_order.trial import Trials
from oomsight_proof.machine import Machine, MachineError, compile_cell
from oomsight_proof.tree import Driver, Tree, pod_path, write


def allowed(machine: Machine) -> Allowed:
    """What scenarios may have on this machine."""
    return Allowed(
        cgroup_version=machine.cgroup_version,
        negative_adj=machine.has_sys_resource,
        swap=machine.cgroup_version == 2 and bool(machine.swap_bytes),
        node_pages=os.sysconf("SC_PHYS_PAGES") if machine.may_exhaust_node and machine.has_sys_resource else None,
    )


def run(machine: Machine, cgroup_root: str, seed: int, numbers: Iterable[int]) -> Iterator[Trial]:
    """Each trial's result as it comes. Raises MachineError where nothing can run."""
    if not machine.log_readable:
        raise MachineError("/dev/kmsg cannot be read, and it alone tells who was chosen first")
    can = allowed(machine)
    with ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="oomsight-kill-order-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        cell = os.path.join(folder, "cell")
        compile_cell(os.path.join(os.path.dirname(oomsight_proof.__file__), "cell.c"), cell)
        with open(mapped_file(folder), "wb") as file:
            file.write(os.urandom(MAPPED_BYTES))
            os.fsync(file.fileno())  # what is not written cannot be dropped
        tree = Tree(machine)
        stack.callback(tree.close)
        tree.make(os.path.dirname(pod_path(Driver.CGROUPFS, "")))  # the kubelet makes it before there is any pod
        log = KillLog()
        stack.callback(log.close)
        sampler = Sampler(Roots(cgroup_root=cgroup_root, container_log_dir=folder), "kill-order", stat_interval_seconds=0.0)
        stack.callback(sampler.close)
        sampler.sample(time.time(), time.monotonic())  # the kernel's arithmetic is found out by the score of whoever may be chosen
        with suppress(OSError):  # without the right to it, nobody exhausts the node either
            write("/proc/self/oom_score_adj", "-1000")
        if can.node_pages is not None:
            stay_resident()
            stack.enter_context(little_room(ROOM_BYTES))
        trials = Trials(machine, tree, sampler, log, cell, folder)
        for number in numbers:
            yield trials.take(generate(seed, number, can))
