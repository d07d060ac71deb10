"""A machine's command line, and how its end is told. A shell script stands in for QEMU: real boots are `make e2e-kernel`."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from oomsight_kernel_vm import accelerator, cache, machine
from oomsight_kernel_vm.errors import MachineError
from oomsight_kernel_vm.kernels import Kernel
from oomsight_kernel_vm.machine import Job, qemu_command, run_job
from oomsight_kernel_vm.root import Root


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Kernel, Root]:
    monkeypatch.setattr(cache, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(machine, "processor", lambda _vmlinuz: accelerator.EMULATION)
    (tmp_path / "kernel" / "modules").mkdir(parents=True)
    (tmp_path / "kernel" / "vmlinuz").touch()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "busybox").touch()
    return Kernel("6.1", "6.1.1-1", tmp_path / "kernel"), Root(tmp_path / "root")


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A QEMU that does `body` with the machine's folder as $RUN."""
    script = tmp_path / "qemu"
    find = 'for word; do case $word in file:*) RUN=$(dirname "${word#file:}"); esac; done'
    script.write_text(f"#!/bin/sh\n{find}\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setattr(machine, "QEMU", str(script))


def results(tmp_path: Path, exit_code: str) -> Path:
    path = tmp_path / "handed-back"
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("./exit-code")
        entry.size = len(exit_code)
        tar.addfile(entry, io.BytesIO(exit_code.encode()))
    return path


def test_the_root_disk_is_never_written_and_no_network_is_there(tmp_path: Path) -> None:
    command = qemu_command(tmp_path, Root(tmp_path / "root"), tmp_path / "vmlinuz", accelerator.EMULATION, 512)
    assert f"file={tmp_path}/root/root.ext4,format=raw,if=virtio,snapshot=on" in command
    assert "-nodefaults" in command
    assert "-no-reboot" in command
    assert not [word for word in command if "netdev" in word or word == "-nic"]
    assert command[command.index("-m") + 1] == "512"


def test_output_streams_and_the_exit_code_comes_through(
    tmp_path: Path, built: tuple[Kernel, Root], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, f'echo printed; cp {results(tmp_path, "7")} "$RUN/results"; echo boot > "$RUN/console"')
    printed: list[bytes] = []
    assert run_job(*built, Job(("true",)), printed.append).exit_code == 7
    assert b"".join(printed) == b"printed\n"
    assert [path.read_text() for path in (tmp_path / "cache" / "logs").iterdir()] == ["boot\n"]
    assert list((tmp_path / "cache" / "runs").iterdir()) == []


def test_a_machine_that_went_well_leaves_nothing(
    tmp_path: Path, built: tuple[Kernel, Root], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, f'cp {results(tmp_path, "0")} "$RUN/results"; touch "$RUN/console"')
    assert run_job(*built, Job(("true",)), lambda _: None).exit_code == 0
    assert not (tmp_path / "cache" / "logs").exists()
    assert list((tmp_path / "cache" / "runs").iterdir()) == []


def test_a_panic_is_told_with_the_end_of_the_console(
    tmp_path: Path, built: tuple[Kernel, Root], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, 'echo "Kernel panic - not syncing" > "$RUN/console"')
    with pytest.raises(MachineError, match=r"(?s)6\.1: the machine ended without .* exit code.*logs/.*Kernel panic - not syncing"):
        run_job(*built, Job(("true",)), lambda _: None)


def test_qemus_own_complaint_is_told(tmp_path: Path, built: tuple[Kernel, Root], monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "echo no such disk >&2; exit 1")
    with pytest.raises(MachineError, match=r"(?s)QEMU ended with 1: no such disk.*no console log"):
        run_job(*built, Job(("true",)), lambda _: None)


def test_a_job_beyond_its_time_is_ended(tmp_path: Path, built: tuple[Kernel, Root], monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    with pytest.raises(MachineError, match="the job had not ended after 1 s"):
        run_job(*built, Job(("true",), timeout_seconds=1), lambda _: None)
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")


def test_an_interrupt_ends_the_machine(tmp_path: Path, built: tuple[Kernel, Root], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_printed: bytes) -> None:
        raise KeyboardInterrupt

    stand_in(tmp_path, monkeypatch, f"echo $$ | tee {tmp_path}/pid; exec sleep 600")
    with pytest.raises(KeyboardInterrupt):
        run_job(*built, Job(("true",)), interrupt)
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")
    assert list((tmp_path / "cache" / "runs").iterdir()) == []
