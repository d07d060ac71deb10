"""The agent as a process: started, asked, stopped; on a node made of files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from oomsight_api.report import NodeReport, decode

POD = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
CONTAINER = "ab" * 32
MIB = 1024 * 1024
DONE_SECONDS = 60.0


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A cgroup v2 node (cgroupfs driver) with one container, `web` of pod `shop/web-0`."""
    files = {
        "proc/meminfo": "MemTotal:  8388608 kB\nMemFree:  4194304 kB\nMemAvailable:  6291456 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        "proc/vmstat": "pswpin 0\npswpout 0\npgmajfault 5\noom_kill 0\n",
        "cgroup/cgroup.controllers": "cpu memory\n",
    }
    for folder in ("cgroup", "cgroup/kubepods", f"cgroup/kubepods/pod{POD}", f"cgroup/kubepods/pod{POD}/{CONTAINER}"):
        files |= {
            f"{folder}/memory.current": f"{200 * MIB}\n",
            f"{folder}/memory.max": f"{256 * MIB}\n",
            f"{folder}/memory.peak": f"{210 * MIB}\n",
            f"{folder}/memory.stat": f"anon {100 * MIB}\nfile {90 * MIB}\nshmem {MIB}\ninactive_file {80 * MIB}\n",
            f"{folder}/memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
            f"{folder}/cgroup.procs": "",
        }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / f"web-0_shop_web-{CONTAINER}.log").symlink_to(f"/var/log/pods/shop_web-0_{POD}/web/0.log")
    return tmp_path


def change(node: Path, file: str, content: str) -> None:
    """A file of the container tells something else. In one write of the same length: an agent that reads meanwhile sees no half."""
    path = node / f"cgroup/kubepods/pod{POD}/{CONTAINER}/{file}"
    assert len(content) == path.stat().st_size
    with path.open("r+b", buffering=0) as written:
        written.write(content.encode())


def command(node: Path, *arguments: str) -> list[str]:
    roots = ["--cgroup-root", f"{node}/cgroup", "--proc-root", f"{node}/proc", "--container-log-dir", f"{node}/containers"]
    return [sys.executable, "-m", "oomsight_agent.main", *arguments, *roots, "--node-name", "node-1"]


def top(node: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(
        command(node, "top", *arguments), capture_output=True, text=True, timeout=DONE_SECONDS, env=environment, check=False
    )


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DONE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


class Agent:
    """A running agent."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self._base = f"http://127.0.0.1:{port}"
        eventually(lambda: self.get("/readyz")[0] == 200)

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"{self._base}{path}", timeout=DONE_SECONDS) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def report(self, query: str = "") -> NodeReport:
        return decode(self.get(f"/v1/report{query}")[1])


@contextmanager
def running(node: Path, *arguments: str) -> Iterator[Agent]:
    port_file = node / "port"
    flags = [
        "--listen",
        "127.0.0.1:0",
        "--port-file",
        str(port_file),
        "--interval-seconds",
        "0.05",
        "--stat-interval-seconds",
        "0.1",
    ]
    process = subprocess.Popen(command(node, *flags, *arguments), stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: port_file.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[1]
        yield Agent(process, int(port_file.read_text()))
    finally:
        process.kill()
        process.communicate()


def test_it_tells_the_node_and_what_changes(node: Path) -> None:
    with running(node, "--coalesce-seconds", "0") as agent:
        first = agent.report()
        (row,) = first.containers
        assert (first.node, first.full, first.cgroup_version) == ("node-1", True, 2)
        assert (row.namespace, row.pod_name, row.container_name, row.container_id) == ("shop", "web-0", "web", CONTAINER)
        assert (row.memory.usage_bytes, row.memory.limit_bytes) == (200 * MIB, 256 * MIB)
        change(node, "memory.current", f"{230 * MIB}\n")
        delta = agent.report(f"?cursor={first.cursor}&wait=60")
        assert (delta.full, delta.instance) == (False, first.instance)
        assert delta.containers[0].memory.usage_bytes == 230 * MIB


def test_a_kill_is_told_at_once_though_ordinary_changes_are_held(node: Path) -> None:
    with running(node, "--coalesce-seconds", "3600") as agent:
        cursor = agent.report().cursor
        change(node, "memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n")
        report = agent.report(f"?cursor={cursor}&wait=100")
        assert [row.oom_kills for row in report.containers] == [1]
        metrics = agent.get("/metrics")[1].decode()
        assert 'oomsight_container_oom_kills_total{node="node-1",namespace="shop",pod="web-0",container="web"} 1\n' in metrics


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero_and_structured_logs(node: Path, stop: signal.Signals) -> None:
    with running(node) as agent:
        agent.process.send_signal(stop)
        _, logged = agent.process.communicate(timeout=DONE_SECONDS)
        assert agent.process.returncode == 0, logged
    events = [json.loads(line) for line in logged.splitlines()]
    assert [event["message"] for event in events] == ["agent listens", "first sample taken", "agent stops"]
    assert events[1]["containers"] == 1
    assert events[2]["signal"] == stop.name


def test_a_restart_is_a_new_instance(node: Path) -> None:
    with running(node) as agent:
        first = agent.report()
    (node / "port").unlink()
    with running(node) as agent:
        second = agent.report(f"?cursor={first.cursor}&wait=0")
    assert second.full
    assert second.instance != first.instance


def test_a_missing_root_ends_it_with_one_and_names_the_mount(node: Path) -> None:
    process = subprocess.run(
        [*command(node), "--cgroup-root", "/nowhere"], capture_output=True, text=True, timeout=DONE_SECONDS, check=False
    )
    assert process.returncode == 1
    assert process.stderr.startswith("oomsight-agent: --cgroup-root /nowhere: No such file or directory")
    assert "mount hostPath /sys/fs/cgroup" in process.stderr


def test_a_taken_address_ends_it_with_one_and_names_it(node: Path) -> None:
    with running(node):
        taken = (node / "port").read_text().strip()
        process = subprocess.run(
            command(node, "--listen", f"127.0.0.1:{taken}"), capture_output=True, text=True, timeout=DONE_SECONDS, check=False
        )
    assert process.returncode == 1
    assert f"--listen 127.0.0.1:{taken}: Address already in use" in process.stderr


def test_top_prints_the_containers(node: Path) -> None:
    shown = top(node)
    assert (shown.returncode, shown.stderr) == (0, "")
    heading, row, *_ = shown.stdout.splitlines()
    assert heading.split()[:5] == ["CONTAINER", "USAGE", "WORKING-SET", "UNRECLAIMABLE", "CACHE"]
    assert row.split()[:3] == ["shop/web-0/web", "200Mi", "120Mi"]


def test_top_all_prints_every_memory_cgroup(node: Path) -> None:
    shown = top(node, "--all", "--no-headers", "--sort-by", "name")
    assert shown.returncode == 0, shown.stderr
    assert f"/kubepods/pod{POD}/{CONTAINER}" in shown.stdout


def test_top_json_is_json(node: Path) -> None:
    told = json.loads(top(node, "-o", "json").stdout)
    assert told["containers"][0]["memory"]["limit_bytes"] == 256 * MIB


def test_kills_without_a_log_prints_what_counters_tell_and_what_would_tell_more(node: Path) -> None:
    change(node, "memory.events", "low 0\nhigh 0\nmax 4\noom 2\noom_kill 2\n")
    shown = subprocess.run(
        command(node, "kills", "--kernel-log-path", f"{node}/none"),
        capture_output=True,
        text=True,
        timeout=DONE_SECONDS,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    text = " ".join(shown.stdout.split())
    assert "before now - itself shop/web-0/web" in text or "before now - - shop/web-0/web" in text, text
    assert "2 kills. The kernel has counted 0 since it booted." in text
    assert f"cannot be read ({node}/none: No such file or directory" in text
    assert "oomsight-agent kills --kernel-log-path /dev/kmsg" in text


def test_kills_shows_a_victim_of_which_the_log_told_no_owner(node: Path) -> None:
    line = "Memory cgroup out of memory: Killed process 4711 (worker) total-vm:100kB, anon-rss:52kB, file-rss:0kB, shmem-rss:0kB"
    (node / "kmsg").write_text(f"3,100,5000000,-;{line}\n")
    shown = subprocess.run(
        command(node, "kills", "--kernel-log-path", f"{node}/kmsg"),
        capture_output=True,
        text=True,
        timeout=DONE_SECONDS,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    text = " ".join(shown.stdout.split())
    assert "worker 4711 52Ki" in text, text
    assert "1 kill." in text


def test_top_ends_quietly_when_nobody_reads_on(node: Path) -> None:
    process = subprocess.Popen(
        command(node, "top", "--watch", "0.05", "--no-headers"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(DONE_SECONDS) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
