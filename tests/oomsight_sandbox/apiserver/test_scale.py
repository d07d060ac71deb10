"""The scale subresource."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_sandbox.apiserver.conftest import MERGE, Client
from tests.oomsight_sandbox.apiserver.test_defaults import APPS, workload

SCALE = f"{APPS}/deployments/web/scale"


async def test_a_scale_is_read_and_written(client: Client) -> None:
    await client.post(f"{APPS}/deployments", workload(replicas=2))
    scale = await client.get(SCALE)
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == ("Scale", {"replicas": 2}, "app=web")
    scale["spec"]["replicas"] = 5
    assert (await client.ask("PUT", SCALE, scale)).body["spec"] == {"replicas": 5}
    assert (await client.ask("PUT", SCALE, scale)).status == 409, "from an old version"
    assert (await client.merge(SCALE, {"spec": {"replicas": 0}}))["spec"] == {"replicas": 0}
    assert (await client.get(f"{APPS}/deployments/web"))["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("spec", "code"), [({"replicas": -1}, 422), ({"replicas": "two"}, 400), ("many", 400), ({"replicas": True}, 400)]
)
async def test_bad_scales_are_refused(client: Client, spec: Any, code: int) -> None:
    await client.post(f"{APPS}/deployments", workload())
    assert (await client.ask("PATCH", SCALE, {"spec": spec}, MERGE)).status == code


async def test_daemon_sets_have_no_scale(client: Client) -> None:
    await client.post(f"{APPS}/daemonsets", workload())
    assert (await client.ask("GET", f"{APPS}/daemonsets/web/scale")).status == 404
