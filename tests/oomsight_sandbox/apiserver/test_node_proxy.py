"""The proxy to kubelets, as far as the sandbox plays them: their configuration."""

from __future__ import annotations

import aiohttp

from oomsight_sandbox.apiserver import ApiServer


async def test_a_kubelet_that_is_played_tells_its_configuration_and_no_other_is_reached() -> None:
    async with ApiServer() as server, aiohttp.ClientSession(server.url) as session:
        server.api.kubelet_configs["node-a"] = {"evictionHard": {"memory.available": "1Gi"}}
        async with session.get("/api/v1/nodes/node-a/proxy/configz") as response:
            assert await response.json() == {"kubeletconfig": {"evictionHard": {"memory.available": "1Gi"}}}
        for path in ("/api/v1/nodes/node-b/proxy/configz", "/api/v1/nodes/node-a/proxy/logs/syslog"):
            async with session.get(path) as response:
                assert response.status == 503
                assert "error trying to reach service" in (await response.json())["message"]
        assert server.requests.count("get", "nodes/proxy") == 3
