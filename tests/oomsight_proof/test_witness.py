"""Who is told to have died of what."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from oomsight_agent.kernel.cgroup_path import parse_cgroup_path
from oomsight_proof.tree import Driver, container_name, pod_path
from oomsight_proof.witness import Witness

KILLED, EXITED = int(signal.SIGKILL), 0


@pytest.fixture(name="witness")
def _witness() -> Iterator[Witness]:
    witness = Witness()
    yield witness
    witness.close()


def tell(witness: Witness, *messages: str) -> None:
    """As our own process: the kernel adds its pid."""
    for message in messages:
        witness.theirs.send(message.encode())


def wait_for_end(witness: Witness, tag: str) -> None:
    assert witness.wait(lambda: any(seen.status is not None for seen in witness.all(tag)), 10)


def test_pid_1_of_a_container_is_known_by_this_machines_pid(witness: Witness) -> None:
    tell(witness, "app S 1 617070", f"app W 1 {KILLED}")
    wait_for_end(witness, "app")
    (seen,) = witness.killed({"app"})
    assert (seen.pid, seen.own_pid, seen.name) == (os.getpid(), 1, "app")


def test_one_that_ended_otherwise_was_not_killed(witness: Witness) -> None:
    tell(witness, "app S 1 617070", f"app W 1 {EXITED}")
    wait_for_end(witness, "app")
    assert witness.killed({"app"}) == []


def test_what_we_end_ourselves_was_not_killed_by_the_kernel(witness: Witness) -> None:
    tell(witness, "app S 1 617070", "app R")
    assert witness.wait(lambda: any(seen.ready for seen in witness.all("app")), 10)
    witness.end("app")
    tell(witness, f"app W 1 {KILLED}")
    wait_for_end(witness, "app")
    assert witness.killed({"app"}) == []


def test_the_shims_pids_are_this_machines(witness: Witness) -> None:
    witness.expect_shim(os.getpid())
    tell(witness, "app S 1 617070", f"app W {os.getpid()} {KILLED}")
    wait_for_end(witness, "app")
    assert [seen.pid for seen in witness.killed({"app"})] == [os.getpid()]


def test_a_new_name_is_the_same_process_and_printable(witness: Witness) -> None:
    tell(witness, "app S 1 63656c6c", "app S 1 6e0a5c", "app R")
    assert witness.wait(lambda: any(seen.ready for seen in witness.all("app")), 10)
    assert [seen.name for seen in witness.all("app")] == ["n\\x0a\\x5c"]


def test_a_step_that_failed_is_told(witness: Witness) -> None:
    tell(witness, "app F 2 /nowhere/cgroup.procs")
    assert witness.wait(lambda: bool(witness.failures()), 10)
    assert witness.failures() == ["app: No such file or directory: /nowhere/cgroup.procs"]


@pytest.mark.parametrize("driver", Driver)
def test_cgroups_are_named_as_both_drivers_of_the_kubelet_do(driver: Driver) -> None:
    uid, container_id = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "a" * 64
    path = f"/proof/{pod_path(driver, uid)}/{container_name(driver, container_id)}"
    identity = parse_cgroup_path(path)
    assert identity is not None
    assert (identity.pod_uid, identity.container_id, identity.nested) == (uid, container_id, "")
