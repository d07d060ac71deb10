"""The server itself: where it listens, whom it lets in, what it hands out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import aiohttp
import pytest
import yaml
from tests.oomsight_sandbox.apiserver.conftest import PODS, Client, make_pod

from oomsight_sandbox.apiserver import ApiServer


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "8.8.8.8"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="expected a loopback address"):
        ApiServer(host)


async def test_a_token_is_required_where_one_is_set() -> None:
    async with ApiServer(token="secret") as server, Client(server, aiohttp.ClientSession()) as client:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic secret"},
            {"Authorization": "Bearer sécret"},
        ):
            answer = await client.ask("GET", PODS, headers=headers)
            assert (answer.status, answer.body["reason"]) == (401, "Unauthorized")
        assert (await client.ask("GET", PODS, headers={"Authorization": "Bearer secret"})).status == 200
        assert (await client.ask("GET", "/healthz")).status == 200


async def test_a_secret_path_is_required_where_one_is_set_and_is_not_logged() -> None:
    async with ApiServer(secret_path="hidden") as server, aiohttp.ClientSession() as session:
        root = server.url.removesuffix("/hidden")
        for path, code in ((PODS, 401), (f"/hidde{PODS}", 401), (f"/hiddenx{PODS}", 401), (f"/hidden{PODS}", 200)):
            async with session.get(root + path) as response:
                assert response.status == code
        assert all("hidden" not in record.path for record in server.requests.records)
        assert server.kubeconfig()["clusters"][0]["cluster"]["server"] == server.url


async def test_the_kubeconfig_is_private_and_points_at_the_server(server: ApiServer, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    server.write_kubeconfig(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    config = yaml.safe_load(path.read_text())
    assert config["clusters"][0]["cluster"]["server"] == server.url
    assert config["current-context"] == config["contexts"][0]["name"]


async def test_a_taken_port_is_an_error_and_leaves_nothing_open(server: ApiServer) -> None:
    second = ApiServer(port=server.port)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    await second.stop()


async def test_loaded_objects_are_whole_and_live_like_others(server: ApiServer, client: Client) -> None:
    pod = make_pod()
    pod["metadata"]["namespace"] = "new"
    server.load([{**pod, "status": {"phase": "Running", "podIP": "10.0.0.1"}}])
    path = "/api/v1/namespaces/new/pods/web"
    assert (await client.get(path))["status"] == {"phase": "Running", "qosClass": "Burstable", "podIP": "10.0.0.1"}
    assert (await client.merge(path, {"metadata": {"labels": {"a": "b"}}}))["metadata"]["labels"] == {"a": "b"}
    with pytest.raises(ValueError, match="no resource is served"):
        server.load([{"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": "x"}}])
