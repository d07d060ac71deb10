"""The real agent in a pod of its own (`pod.py`), and a consumer on its long poll.

An observer stands for one way of evidence; it keeps what all agents told that it started one after the other.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from oomsight_api.incident import Incident
from oomsight_api.report import NodeReport, decode
from oomsight_proof.pod import Pod

_WAIT_SECONDS = 20


class EvidenceMode(StrEnum):
    """What the agent may read."""

    LOG = "kernel log"
    COUNTERS = "counters"


class AgentError(Exception):
    """The agent did not start, or ended on its own; the message has its last lines."""


@dataclass(slots=True)
class Told:
    """What agents told since `Observer.listen()`."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    """The newest telling of each id."""
    container_kills: dict[str, int] = field(default_factory=dict)
    """`Container.oom_kills` of the rows, the highest."""
    unattributed: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By agent: kills that the node counted beyond its incidents, at first and at last."""
    log_problems: set[str] = field(default_factory=set)
    records_lost: int = 0

    @property
    def unattributed_rise(self) -> int:
        """Kills that are told as nobody's."""
        return sum(max(0, last - first) for first, last in self.unattributed.values())


class Observer:
    """Starts agents and listens to them."""

    def __init__(self, mode: EvidenceMode, folder: str, pod: Pod) -> None:
        self.mode = mode
        self._folder = folder
        self._pod = pod
        self._starts = 0
        self._told = Told()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._answers = 0

    def start(self) -> None:
        """Start an agent and wait for its first sample. Raises AgentError."""
        self._starts += 1
        port_file = Path(self._pod.folder, f"{self._starts}.port")
        command = [
            *_program(), "run", f"--port-file={port_file}", "--listen=127.0.0.1:0", "--node-name=proof", *self._pod.roots,
            f"--container-log-dir={self._pod.folder}",
        ]  # fmt: skip
        if self.mode is EvidenceMode.LOG:
            command.append("--kernel-log")
        with open(self._log_file(), "ab") as log:
            self._pod.start(command, log)
        deadline = time.monotonic() + 120
        while not port_file.exists():
            if not self._pod.running or time.monotonic() > deadline:
                raise AgentError(f"the agent ({self.mode}) did not start: {self._last_lines()}")
            time.sleep(0.05)
        self._stop = threading.Event()
        arguments = (int(port_file.read_text()), self._stop)
        self._thread = threading.Thread(target=self._listen, args=arguments, name=f"poll {self.mode}", daemon=True)
        answered = self._answers
        self._thread.start()
        if not self.wait(lambda: self._answers > answered, 120):
            raise AgentError(f"the agent ({self.mode}) answered nothing: {self._last_lines()}")

    def kill(self) -> None:
        """SIGKILL, as a node's OOM or a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As the kubelet does; fine without an agent."""
        self._end(signal.SIGTERM)

    @property
    def running(self) -> bool:
        """Whether the agent lives."""
        return self._pod.running

    def ensure_running(self) -> None:
        """Start it where it does not run, or ended on its own in an earlier scenario."""
        if not self.running:
            self._end(signal.SIGKILL)
            self.start()

    def listen(self) -> None:
        """Forget what was told: a new scenario begins."""
        with self._changed:
            self._told = Told(unattributed={agent: (last, last) for agent, (_, last) in self._told.unattributed.items()})

    def told(self) -> Told:
        """What was told until now, as a copy."""
        with self._changed:
            told = self._told
            return Told(
                dict(told.incidents), dict(told.container_kills), dict(told.unattributed), set(told.log_problems), told.records_lost
            )

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Until an answer makes it true."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def _end(self, number: signal.Signals) -> None:
        self._stop.set()
        self._pod.end(number)
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None

    def _listen(self, port: int, stop: threading.Event) -> None:
        cursor = ""
        while not stop.is_set():
            try:
                report = _ask(port, cursor)
            except (OSError, http.client.HTTPException):
                stop.wait(0.1)
                continue
            if report is None:
                stop.wait(0.1)
                continue
            cursor = report.cursor
            with self._changed:
                self._take(report)
                self._answers += 1
                self._changed.notify_all()

    def _take(self, report: NodeReport) -> None:
        told = self._told
        for incident in report.incidents:
            told.incidents.pop(incident.id, None)
            told.incidents[incident.id] = incident
        for row in report.containers:
            told.container_kills[row.container_id] = max(row.oom_kills or 0, told.container_kills.get(row.container_id, 0))
        if report.unattributed_oom_kills is not None:
            first, _ = told.unattributed.get(report.instance, (report.unattributed_oom_kills, 0))
            told.unattributed[report.instance] = (first, report.unattributed_oom_kills)
        if report.kernel_log is not None:
            told.records_lost = report.kernel_log.records_lost
            if report.kernel_log.problem:
                told.log_problems.add(report.kernel_log.problem)

    def _log_file(self) -> str:
        return os.path.join(self._folder, f"agent-{self.mode.name.lower()}.log")

    def _last_lines(self) -> str:
        with open(self._log_file(), encoding="utf-8", errors="replace") as file:
            return " | ".join(file.read().splitlines()[-3:])


def _program() -> list[str]:
    script = Path(sys.executable).parent / "oomsight-agent"
    return [str(script)] if script.exists() else [sys.executable, "-m", "oomsight_agent.main"]


def _ask(port: int, cursor: str) -> NodeReport | None:
    """One long poll; None before the first sample."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_WAIT_SECONDS + 40)
    try:
        connection.request("GET", f"/v1/report?cursor={cursor}&wait={_WAIT_SECONDS if cursor else 0}")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return decode(body) if answer.status == 200 else None
