"""A real kill reaches an open long poll at once, though the next sample is minutes away: the kernel itself woke the agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.oomsight_agent.real_cgroups import ID, MI, UID, Place, real_place, tell, until

from oomsight_api.incident import Evidence, Incident, OomScope
from oomsight_api.report import NodeReport, decode

INTERVAL_SECONDS = 300.0
WAIT_SECONDS = 100
"""Nothing but a wake-up explains an answer before that."""


class Agent:
    """A running agent with one long poll open."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self.answers: list[NodeReport] = []

    def ask(self, query: str = "") -> NodeReport:
        with urllib.request.urlopen(f"{self._base}/v1/report{query}", timeout=WAIT_SECONDS + 60) as response:
            return decode(response.read())

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self._base}/metrics", timeout=60) as response:
            return str(response.read().decode())

    @contextmanager
    def polling(self, cursor: str) -> Iterator[threading.Thread]:
        """While it lasts a poll is open that nothing but news ends within WAIT_SECONDS."""
        waiting = threading.Thread(
            target=lambda: self.answers.append(self.ask(f"?cursor={cursor}&wait={WAIT_SECONDS}")), daemon=True
        )
        waiting.start()
        until(lambda: "oomsight_agent_report_clients{" in (page := self.metrics()) and _clients(page) == 1)
        yield waiting
        waiting.join(WAIT_SECONDS + 60)


def _clients(page: str) -> int:
    return next(int(line.split()[-1]) for line in page.splitlines() if line.startswith("oomsight_agent_report_clients{"))


@contextmanager
def agent(place: Place, folder: Path, *flags: str) -> Iterator[Agent]:
    port_file = folder / "port"
    command = [sys.executable, "-m", "oomsight_agent.main", "run", "--listen", "127.0.0.1:0", "--port-file", str(port_file)]
    command += ["--cgroup-root", place.base, "--node-name", "this-machine", "--interval-seconds", str(INTERVAL_SECONDS)]
    with subprocess.Popen([*command, "--coalesce-seconds", "3600", *flags], stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: port_file.exists() or process.poll() is not None)
            assert process.poll() is None, process.communicate()[1]
            running = Agent(int(port_file.read_text()))
            until(lambda: _is_ready(int(port_file.read_text())))
            yield running
        finally:
            process.kill()


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60):
            return True
    except OSError:
        return False


@pytest.fixture
def place() -> Iterator[Place]:
    with real_place(limit_bytes=32 * MI) as made:
        yield made


def test_the_kernels_notification_brings_a_kill_to_an_open_poll(place: Place, tmp_path: Path) -> None:
    child, other = place.start(), place.start()
    with agent(place, tmp_path) as running:
        first = running.ask()
        assert first.incidents == ()
        with running.polling(first.cursor) as waiting:
            began = time.monotonic()
            assert tell(child, "hold 200") == ""
            waiting.join(INTERVAL_SECONDS)
        assert time.monotonic() - began < WAIT_SECONDS, "only the end of the wait, or the next sample, told of it"
        (answer,) = running.answers
        assert [row.oom_kills for row in answer.containers] == [1]
        told = {incident.id: incident for incident in answer.incidents}
        assert len(told) == 1
        until(lambda: all(incident.container_survived for incident in running.ask().incidents))
        (incident,) = running.ask().incidents
        assert (incident.id, incident.evidence) == (next(iter(told)), Evidence.COUNTER)
        (victim,) = incident.victims
        assert (victim.pod_uid, victim.container_id, victim.pid) == (UID, ID, child.pid)
        assert other.poll() is None
        assert running.ask().kernel_log is None


def test_the_kernels_log_alone_brings_a_kill_to_an_open_poll(place: Place, tmp_path: Path) -> None:
    if not os.access("/dev/kmsg", os.R_OK):
        pytest.skip("this user may not read /dev/kmsg")
    child = place.start()
    with agent(place, tmp_path, "--kernel-log") as running:
        first = running.ask()
        assert first.kernel_log is not None
        assert first.kernel_log.following
        # A cgroup that the agent has not seen, so that no notification of its counters was asked for.
        elsewhere = place.sibling()
        stranger = place.start(elsewhere)
        began = time.monotonic()
        with running.polling(first.cursor):
            assert tell(stranger, "hold 200") == ""
        mine: list[Incident] = []
        while not mine:  # this machine may have other OOMs, which end a poll as well
            told = [incident for answer in running.answers for incident in answer.incidents]
            mine = [incident for incident in told if any(victim.pid == stranger.pid for victim in incident.victims)]
            assert time.monotonic() - began < WAIT_SECONDS, "only the end of the wait, or the next sample, told of it"
            if not mine:
                running.answers.append(running.ask(f"?cursor={running.answers[-1].cursor}&wait={WAIT_SECONDS}"))
        (incident,) = mine
        assert (incident.scope, incident.limit_cgroup) == (OomScope.CGROUP, elsewhere.removeprefix(place.hierarchy))
        assert incident.victims[0].anon_rss_bytes is not None
        assert incident.victims[0].anon_rss_bytes > 8 * MI
        assert child.poll() is None


def test_kills_are_printed_with_what_the_log_says(place: Place) -> None:
    if not os.access("/dev/kmsg", os.R_OK):
        pytest.skip("this user may not read /dev/kmsg")
    child = place.start()
    assert tell(child, "hold 200") == ""
    command = [sys.executable, "-m", "oomsight_agent.main", "kills", "--cgroup-root", place.base, "-o", "json"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(shown.stdout)
    assert told["kernel_log"]["following"] is True
    mine = [each for each in told["incidents"] if any(victim.get("pid") == child.pid for victim in each["victims"])]
    assert [(each["scope"], each["limit_container_id"]) for each in mine] == [("container", ID)]


def test_a_log_that_cannot_be_had_leaves_the_counters_and_says_so(place: Place, tmp_path: Path) -> None:
    child = place.start()
    with agent(place, tmp_path, "--kernel-log", "--kernel-log-path", f"{tmp_path}/none") as running:
        first = running.ask()
        assert first.kernel_log is not None
        assert not first.kernel_log.following
        assert str(first.kernel_log.problem).startswith(f"{tmp_path}/none: No such file or directory")
        with running.polling(first.cursor):
            assert tell(child, "hold 200") == ""
        assert [incident.evidence for incident in running.answers[0].incidents] == [Evidence.COUNTER]
        assert 'oomsight_agent_kernel_log_following{node="this-machine"} 0' in running.metrics()
