"""`python -m oomsight_sandbox.apiserver`: it serves, says where, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import yaml
from tests.oomsight_sandbox.apiserver.conftest import make_pod


async def test_it_serves_what_it_was_given_until_it_is_stopped(tmp_path: Path) -> None:
    kubeconfig, objects = tmp_path / "kubeconfig", tmp_path / "objects.yaml"
    objects.write_text(yaml.safe_dump_all([make_pod("one"), make_pod("two")]))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oomsight_sandbox.apiserver", "--kubeconfig", str(kubeconfig), "--load", str(objects),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == f"export KUBECONFIG={kubeconfig}\n".encode()
        url = (await process.stdout.readline()).decode().split()[1]
        async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/pods") as response:
            assert len((await response.json())["items"]) == 2
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert not kubeconfig.exists()
