"""Whether machines may use the processor's own virtualisation. On many hosts /dev/kvm opens and runs no guest, so it is tried."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from oomsight_kernel_vm.cache import CACHE, say

QEMU = "qemu-system-x86_64"
KVM = ("-accel", "kvm", "-cpu", "max")
# Kernel 6.12 does not boot with cmpxchg16b as QEMU 7.2 emulates it.
EMULATION = ("-accel", "tcg,thread=multi", "-cpu", "max,cx16=off")
PROBE_SECONDS = 10


def processor(vmlinuz: Path) -> tuple[str, ...]:
    """QEMU's options for the fastest processor that works here; found out once for each boot of this machine."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return EMULATION
    known = CACHE / "accelerator.json"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if known.exists() and (found := json.loads(known.read_text()))["boot"] == boot:
        works = bool(found["kvm"])
    else:
        works = boots(KVM, vmlinuz)
        known.write_text(json.dumps({"boot": boot, "kvm": works}))
        say("KVM works here" if works else "/dev/kvm is there but boots no guest: plain emulation, several times slower")
    return KVM if works else EMULATION


def boots(options: Sequence[str], vmlinuz: Path) -> bool:
    """Whether a kernel without a root disk gets as far as to say so and to restart, which ends QEMU."""
    quiet = ["-m", "256", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]
    command = [QEMU, *options, *quiet, "-kernel", str(vmlinuz), "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and b"Kernel panic" in done.stdout
