from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from oomsight_api.kinds import MEMORY_POLICY
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.policy_watch import PolicyWatch, list_objects


class Api:
    def __init__(self) -> None:
        self.error: ApiError | None = None
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.asked = 0

    async def request(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        pages = self.pages.get(path.rpartition("/")[2], [])
        number = int((params or {}).get("continue", "0"))
        return pages[number] if pages else {"items": [], "metadata": {}}


def policy(name: str) -> dict[str, Any]:
    """As it stands in a list: without apiVersion and kind."""
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": {}}


async def test_all_pages_are_read_and_items_get_their_kind() -> None:
    api = Api()
    api.pages["memorypolicies"] = [
        {"items": [policy("a")], "metadata": {"continue": "1"}},
        {"items": [policy("b"), "garbage"], "metadata": {}},
    ]
    found = await list_objects(api, MEMORY_POLICY)
    assert [each["metadata"]["name"] for each in found] == ["a", "b"]
    assert {each["kind"] for each in found} == {"MemoryPolicy"}
    assert {each["apiVersion"] for each in found} == {"oomsight.dev/v1alpha1"}


async def test_missing_crds_are_waited_for_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    api, store = Api(), PolicyStore()
    api.error = ApiError(404, "NotFound", "the server could not find the requested resource")
    waiting = asyncio.create_task(PolicyWatch(api, store).first())
    async with asyncio.timeout(10):
        while api.asked < 2:  # noqa: ASYNC110 - a count
            await asyncio.sleep(0.01)
    api.error = None
    api.pages["memorypolicies"] = [{"items": [policy("a")], "metadata": {}}]
    async with asyncio.timeout(10):
        await waiting
    assert [str(each.ref) for each in store.known()] == ["MemoryPolicy shop/a"]
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "CustomResourceDefinitions" in vars(warnings[0])["error"]


async def test_policies_stay_known_while_the_api_is_away() -> None:
    api, store = Api(), PolicyStore()
    api.pages["memorypolicies"] = [{"items": [policy("a")], "metadata": {}}]
    watch = PolicyWatch(api, store, resync_seconds=0.01)
    await watch.first()
    api.error = ApiError(0, "ConnectionError", "away")
    task = asyncio.create_task(watch.run())
    asked = api.asked
    async with asyncio.timeout(10):
        while api.asked < asked + 3:  # noqa: ASYNC110 - a count
            await asyncio.sleep(0.01)
    task.cancel()
    assert len(list(store.known())) == 1
