"""Starts a program through the launcher and waits for it: the part of a container runtime that forks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

_LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launcher.py")


class StartError(Exception):
    """The program could not be executed; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and where. `cgroup`: folder to enter before; `log_path`: file that stdout and stderr are appended to."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    working_directory: str
    log_path: str
    cgroup: str | None = None
    oom_score_adj: int | None = None


class RunningProgram:
    """A started program; the leader of its own session."""

    def __init__(self, process: asyncio.subprocess.Process, oom_score_adj_error: str | None) -> None:
        self._process = process
        self.oom_score_adj_error = oom_score_adj_error
        """Why the wanted oom_score_adj could not be set (no CAP_SYS_RESOURCE); None when it was."""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> int:
        """Exit code; 128 + signal when a signal ended it."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def signal(self, number: signal.Signals) -> None:
        """Signal the program alone; fine when it is gone."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill_session(self) -> None:
        """SIGKILL the program's process group: for programs without a cgroup of their own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


async def start(program: Program) -> RunningProgram:
    """Start and wait until the program itself runs. Raises StartError."""
    wanted = {
        "cgroup": program.cgroup,
        "oom_score_adj": program.oom_score_adj,
        "parent": os.getpid(),
        "argv": list(program.argv),
    }
    reading, writing = os.pipe()
    try:
        log = os.open(program.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", _LAUNCHER, str(writing), json.dumps(wanted),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[writing],
                cwd=program.working_directory, env=dict(program.environment), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(log)
            os.close(writing)
        told = await asyncio.to_thread(_read_all, reading)
    except (OSError, ValueError) as error:
        raise StartError(f"{program.argv[0]}: {error}") from error
    finally:
        os.close(reading)
    report: dict[str, str] = {}
    for line in told.splitlines():
        report |= json.loads(line)
    if "error" in report:
        await process.wait()
        raise StartError(report["error"])
    return RunningProgram(process, report.get("oom_score_adj_error"))


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 4096):
        parts.append(part)
    return b"".join(parts)
