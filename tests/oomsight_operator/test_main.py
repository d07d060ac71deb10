"""The process as a user starts it: flags, pages, signals, exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.oomsight_operator.small_cluster import SmallCluster, small_cluster

from oomsight_operator.main import main

CONTAINER = "c" * 64


@asynccontextmanager
async def process(cluster: SmallCluster, path: Path, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    cluster.server.write_kubeconfig(path / "kubeconfig")
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "oomsight_operator.main",
        "run",
        f"--kubeconfig={path / 'kubeconfig'}",
        "--namespace=oomsight-system",
        "--metrics-listen=127.0.0.1:0",
        "--health-listen=127.0.0.1:0",
        "--api-listen=127.0.0.1:0",
        f"--ports-file={path / 'ports'}",
        "--poll-wait-seconds=1",
        *flags,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def page(path: Path, site: str, name: str) -> tuple[int, str]:
    ports = json.loads((path / "ports").read_text())
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{ports[site]}{name}") as response:
        return response.status, await response.text()


async def test_the_process_works_and_on_sigterm_ends_cleanly_and_gives_its_lease_back(tmp_path: Path) -> None:
    async with small_cluster() as cluster:
        await cluster.make_policy()
        uid = await cluster.make_pod("web", container_id=CONTAINER)
        cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
        async with process(cluster, tmp_path) as running:
            await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "critical", seconds=30)
            assert (await page(tmp_path, "health", "/healthz"))[0] == 200
            assert (await page(tmp_path, "health", "/readyz"))[0] == 200
            metrics = (await page(tmp_path, "metrics", "/metrics"))[1]
            assert 'oomsight_container_risk_info{container="app",level="critical"' in metrics
            running.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                _, logged = await running.communicate()
            assert running.returncode == 0
        lease = await cluster.client.request(
            "GET", "/apis/coordination.k8s.io/v1/namespaces/oomsight-system/leases/oomsight-operator"
        )
        assert lease["spec"].get("holderIdentity", "") == ""
        lines = [json.loads(line) for line in logged.decode().splitlines()]
        assert {"serving", "leading", "working", "stopped"} <= {line["message"] for line in lines}
        assert {line["level"] for line in lines} == {"info"}


async def test_a_second_replica_is_alive_but_not_ready_until_the_first_is_gone(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with small_cluster() as cluster, process(cluster, tmp_path / "one", "--identity=one") as one:
        await _until_ready(tmp_path / "one")
        async with process(cluster, tmp_path / "two", "--identity=two") as two:
            await _until_served(tmp_path / "two")
            assert (await page(tmp_path / "two", "health", "/healthz"))[0] == 200
            assert await page(tmp_path / "two", "health", "/readyz") == (503, "waiting for the Lease\n")
            status, told = await page(tmp_path / "two", "api", "/v1/nodes")
            assert status == 503
            assert "another replica works, waiting for the Lease" in json.loads(told)["error"]["message"]
            one.send_signal(signal.SIGTERM)
            await _until_ready(tmp_path / "two")
            two.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                assert await two.wait() == 0


async def _until_served(path: Path) -> None:
    async with asyncio.timeout(30):
        while not (path / "ports").exists():  # noqa: ASYNC110 - a file of another process
            await asyncio.sleep(0.05)


async def _until_ready(path: Path) -> None:
    await _until_served(path)
    async with asyncio.timeout(30):
        while (await page(path, "health", "/readyz"))[0] != 200:  # noqa: ASYNC110 - a page of another process
            await asyncio.sleep(0.05)


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    """`main` takes over the root logger; give it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_wrong_settings_end_with_2_and_name_the_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--write-burst=none"]) == 2
    assert "--write-burst: found 'none'" in capsys.readouterr().err


@pytest.mark.usefixtures("_logging_as_it_was")
def test_a_missing_kubeconfig_ends_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["cleanup", f"--kubeconfig={tmp_path / 'nowhere'}"]) == 2
    assert "nowhere" in json.loads(capsys.readouterr().err)["error"]
