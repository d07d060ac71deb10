"""Settings and names of the node's kernel under `/proc/sys`.

`/proc/sys/vm/swappiness`: `60`; so are overcommit_memory (0 guess, 1 always, 2 never more than overcommit_ratio percent),
panic_on_oom and oom_kill_allocating_task. `/proc/sys/kernel/osrelease`: `6.18.44`;
`/proc/sys/kernel/random/boot_id`: `474181ac-8209-474b-9c95-a9bbfd209b52`, new with every boot.
All kernels that run Kubernetes. Source: Documentation/admin-guide/sysctl/vm.rst, kernel.rst.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from oomsight_agent.kernel.files import read_value
from oomsight_agent.kernel.numbers import parse_number
from oomsight_agent.kernel.problem import Problem, printable, problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

_BOOT_ID: Final = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAX_RELEASE_BYTES: Final = 64
"""__NEW_UTS_LEN of include/uapi/linux/utsname.h."""


@dataclass(frozen=True, slots=True)
class Sysctls:
    """None where it is absent or could not be read."""

    swappiness: int | None = None
    overcommit_memory: int | None = None
    overcommit_ratio: int | None = None
    panic_on_oom: int | None = None
    oom_kill_allocating_task: int | None = None


def read_sysctls(proc_root: str, errors: ReadErrors) -> Sysctls:
    """The five settings."""

    def read(name: str) -> int | None:
        return read_value(errors, FileKind.SYSCTL, parse_number, f"{proc_root}/sys/vm/{name}")

    return Sysctls(
        swappiness=read("swappiness"),
        overcommit_memory=read("overcommit_memory"),
        overcommit_ratio=read("overcommit_ratio"),
        panic_on_oom=read("panic_on_oom"),
        oom_kill_allocating_task=read("oom_kill_allocating_task"),
    )


def parse_boot_id(data: bytes) -> str | Problem:
    """The boot's UUID."""
    text = data.strip()
    return text.decode("ascii") if _BOOT_ID.fullmatch(text) else problem("a UUID", data)


def parse_kernel_release(data: bytes) -> str | Problem:
    """What `uname -r` prints, escaped to printable ASCII."""
    text = data.strip()
    if not text or len(text) > _MAX_RELEASE_BYTES:
        return problem(f"a kernel release of 1 to {_MAX_RELEASE_BYTES} bytes", data)
    return printable(text)


def read_boot_id(proc_root: str, errors: ReadErrors) -> str | None:
    return read_value(errors, FileKind.SYSCTL, parse_boot_id, f"{proc_root}/sys/kernel/random/boot_id")


def read_kernel_release(proc_root: str, errors: ReadErrors) -> str | None:
    return read_value(errors, FileKind.SYSCTL, parse_kernel_release, f"{proc_root}/sys/kernel/osrelease")
