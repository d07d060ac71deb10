"""One machine: boots a kernel with a fresh root disk, runs one job, hands back its exit code and files, and is gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oomsight_kernel_vm.accelerator import QEMU, processor
from oomsight_kernel_vm.cache import CHECKOUT, keep_log, run_directory, say
from oomsight_kernel_vm.disks import (
    RESULTS_BYTES,
    SWAP_BYTES,
    Outcome,
    job_script,
    read_results,
    working_tree,
    write_empty_disk,
    write_job_disk,
)
from oomsight_kernel_vm.errors import MachineDiedError, MachineError
from oomsight_kernel_vm.initramfs import initramfs
from oomsight_kernel_vm.kernels import Kernel
from oomsight_kernel_vm.root import Root

GUEST = Path(__file__).parent / "guest"
KERNEL_ARGUMENTS = "console=ttyS0 quiet cgroup_no_v1=all psi=1 panic=-1"
TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Job:
    """What one machine does. It is root there, in /src, and may break everything."""

    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    memory_mib: int = 2048
    timeout_seconds: float = 1800
    results: Path | None = None
    """Where what it left in /results goes; None: nowhere."""


def qemu_command(run: Path, root: Root, vmlinuz: Path, options: Sequence[str], memory_mib: int) -> list[str]:
    """The whole command line: no network, no display; four disks, two serial lines; ends instead of restarting."""

    def disk(path: Path, extra: str) -> list[str]:
        return ["-drive", f"file={path},format=raw,if=virtio{extra}"]

    disks = disk(root.disk, ",snapshot=on") + disk(run / "job", ",readonly=on") + disk(run / "results", "") + disk(run / "swap", "")
    shape = ["-smp", "2", "-m", str(memory_mib), "-nodefaults", "-no-reboot", "-display", "none"]
    boot = ["-kernel", str(vmlinuz), "-initrd", str(run / "initramfs"), "-append", KERNEL_ARGUMENTS]
    lines = ["-serial", f"file:{run / 'console'}", "-chardev", "stdio,id=job,signal=off", "-serial", "chardev:job"]
    return [QEMU, *options, *shape, *boot, *disks, *lines]


def run_job(kernel: Kernel, root: Root, job: Job, write: Callable[[bytes], object]) -> Outcome:
    """Run it; `write` gets what it prints as it comes. MachineError when the machine ended without handing anything back."""
    with run_directory() as run:
        busybox, first, init = root.busybox.read_bytes(), GUEST / "initramfs-init", GUEST / "init"
        (run / "initramfs").write_bytes(initramfs(kernel.modules(), busybox, first.read_bytes(), init.read_bytes()))
        write_job_disk(run / "job", CHECKOUT, working_tree(CHECKOUT), job_script(job.command, job.environment))
        write_empty_disk(run / "results", RESULTS_BYTES)
        write_empty_disk(run / "swap", SWAP_BYTES)
        command = qemu_command(run, root, kernel.vmlinuz, processor(kernel.vmlinuz), job.memory_mib)
        ended = _run_qemu(command, job.timeout_seconds, write)
        outcome = read_results(run / "results", job.results)
        if ended is None and outcome is not None and outcome.exit_code == 0:
            return outcome
        log = (
            keep_log(run / "console", f"{kernel.series}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
            if (run / "console").exists()
            else None
        )
        if ended is None and outcome is not None:
            say(f"kernel {kernel.series}: the job ended with {outcome.exit_code}; the machine's console: {log}")
            return outcome
        if ended is None:
            why = "the machine ended without handing back an exit code (did its kernel panic?)"
            raise MachineDiedError(f"kernel {kernel.series}: {why}\n{_tail(log)}")
        raise MachineError(f"kernel {kernel.series}: {ended}\n{_tail(log)}")


def _run_qemu(command: Sequence[str], timeout_seconds: float, write: Callable[[bytes], object]) -> str | None:
    """None when QEMU ended as it should, else a sentence. However this ends, QEMU has ended."""
    # Should this process be killed, the kernel ends the machine too.
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout_seconds, end)
    timer.start()
    try:
        while printed := os.read(process.stdout.fileno(), 65536):
            write(printed)
        errors = process.stderr.read().decode(errors="replace").strip()
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    if late.is_set():
        return f"the job had not ended after {timeout_seconds:.0f} s"
    return f"QEMU ended with {code}: {errors}" if code else None


def _tail(log: Path | None) -> str:
    if log is None:
        return "there is no console log: the machine did not start"
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join([f"the machine's console ({log}) ends:", *lines])


def missing_tools() -> tuple[str, ...]:
    """Debian packages that building and running machines needs and that are not here."""
    search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    needed = {QEMU: "qemu-system-x86", "mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "setpriv": "util-linux", "git": "git"}
    return tuple(package for tool, package in needed.items() if shutil.which(tool, path=search) is None)
