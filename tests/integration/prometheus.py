"""A real Prometheus with a past: Debian's package, unpacked and not installed, on a TSDB made by promtool."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from oomsight_cluster.cache import only_one_builds
from oomsight_cluster.debian.packages import expected_programs, unpack_programs
from oomsight_cluster.errors import ClusterError

PACKAGES = ("prometheus",)
SCRAPE_SECONDS = 300
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Past:
    """One series: what it stood at, from one hour to another, counted from now (-336: two weeks ago)."""

    metric: str
    labels: str
    """Such as `pod="web-0",container="app"`; the namespace is `shop`."""
    usual: float
    first: int = -336
    last: int = -1
    peaks: dict[int, float] = field(default_factory=dict)
    """Hours in which it was something else."""

    def lines(self, this_hour: int) -> Iterable[str]:
        for hour in range(self.first, self.last + 1):
            for second in range(SCRAPE_SECONDS, 3601, SCRAPE_SECONDS):
                stood = self.peaks.get(hour, self.usual)
                yield f'{self.metric}{{namespace="shop",{self.labels}}} {stood!r} {(this_hour + hour) * 3600 + second}\n'


def programs() -> Path:
    """The folder of `prometheus` and `promtool`. Skips the test where this machine's package sources do not offer them."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("prometheus is unpacked from Debian's package, and this machine has no apt")
    if not expected_programs(PACKAGES).tree.exists():
        try:
            with only_one_builds():
                unpack_programs(PACKAGES)
        except ClusterError as error:
            pytest.skip(f"Debian's package prometheus cannot be had: {error}")
    return expected_programs(PACKAGES).tree / "usr/bin"


@contextmanager
def prometheus_with(directory: Path, past: Iterable[Past]) -> Iterator[str]:
    """The base URL of a Prometheus on loopback that remembers this and scrapes nothing."""
    tools = programs()
    families: dict[str, list[Past]] = {}
    for each in past:
        families.setdefault(each.metric, []).append(each)
    this_hour = int(time.time()) // 3600
    openmetrics = directory / "past.txt"
    with openmetrics.open("w") as file:
        for metric, series in families.items():
            file.write(f"# TYPE {metric} unknown\n")
            file.writelines(line for each in series for line in each.lines(this_hour))
        file.write("# EOF\n")
    data, log = directory / "tsdb", directory / "prometheus.log"
    make = [str(tools / "promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(openmetrics), str(data)]
    subprocess.run(make, check=True, capture_output=True)
    (directory / "prometheus.yml").write_text("scrape_configs: []\n")
    port = _free_port()
    command = [
        str(tools / "prometheus"), f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=30d", f"--web.listen-address=127.0.0.1:{port}", "--web.route-prefix=/prefix",
    ]  # fmt: skip
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            url = f"http://127.0.0.1:{port}/prefix"
            _until_ready(f"{url}/-/ready", process, log)
            yield url
        finally:
            process.kill()


def _until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        assert process.poll() is None, f"prometheus ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < deadline, f"prometheus is not ready: {log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
