"""Lists over HTTP: selectors, pages, versions."""

from __future__ import annotations

import pytest
from tests.oomsight_sandbox.apiserver.conftest import PODS, Client, make_pod

from oomsight_sandbox.apiserver import ApiServer


async def make_pods(client: Client, count: int) -> list[str]:
    names = [f"pod-{number:02d}" for number in range(count)]
    for number, name in enumerate(names):
        await client.post(PODS, make_pod(name, app="even" if number % 2 == 0 else "odd"))
    return names


async def test_pages_are_of_one_snapshot_whatever_happens_meanwhile(client: Client) -> None:
    names = await make_pods(client, 7)
    page = await client.get(PODS, limit="3")
    version = page["metadata"]["resourceVersion"]
    assert page["metadata"]["remainingItemCount"] == 4
    await client.ask("DELETE", f"{PODS}/{names[5]}")
    await client.post(PODS, make_pod("pod-03a"))
    found = [item["metadata"]["name"] for item in page["items"]]
    while token := page["metadata"].get("continue"):
        page = await client.get(PODS, **{"limit": "3", "continue": token})
        assert page["metadata"]["resourceVersion"] == version
        found += [item["metadata"]["name"] for item in page["items"]]
    assert found == names
    assert "remainingItemCount" not in page["metadata"]


async def test_an_expired_token_is_gone(server: ApiServer, client: Client) -> None:
    await make_pods(client, 4)
    token = (await client.get(PODS, limit="2"))["metadata"]["continue"]
    server.faults.expire_continue_tokens()
    answer = await client.ask("GET", PODS, params={"continue": token})
    assert (answer.status, answer.body["reason"]) == (410, "Expired")


async def test_open_pages_are_bounded(client: Client) -> None:
    await make_pods(client, 2)
    first = (await client.get(PODS, limit="1"))["metadata"]["continue"]
    for _ in range(20):
        await client.get(PODS, limit="1")
    assert (await client.ask("GET", PODS, params={"continue": first})).status == 410


async def test_selectors_choose_and_the_rest_is_not_counted(client: Client) -> None:
    await make_pods(client, 6)
    page = await client.get(PODS, labelSelector="app=even", limit="2")
    assert [item["metadata"]["name"] for item in page["items"]] == ["pod-00", "pod-02"]
    assert "remainingItemCount" not in page["metadata"]
    assert len((await client.get(PODS, fieldSelector="metadata.name!=pod-00"))["items"]) == 5
    assert (await client.get("/api/v1/namespaces/kube-system/pods"))["items"] == []


async def test_items_of_typed_lists_carry_no_kind(client: Client) -> None:
    await make_pods(client, 1)
    page = await client.get(PODS)
    assert page["kind"] == "PodList"
    assert "kind" not in page["items"][0]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"fieldSelector": "spec.color=red"}, 400),
        ({"labelSelector": "a b"}, 400),
        ({"limit": "many"}, 400),
        ({"limit": "-1"}, 400),
        ({"continue": "garbage"}, 400),
        ({"continue": "eyJzbmFwc2hvdCI6IngiLCJzdGFydCI6MX0"}, 400),
        ({"resourceVersion": "abc"}, 400),
        ({"resourceVersion": "999999"}, 504),
        ({"resourceVersion": "1", "resourceVersionMatch": "Exact"}, 410),
        ({"resourceVersion": "1", "resourceVersionMatch": "Newer"}, 400),
    ],
)
async def test_bad_queries_are_refused(client: Client, query: dict[str, str], code: int) -> None:
    answer = await client.ask("GET", PODS, params=query)
    assert (answer.status, answer.body["kind"]) == (code, "Status")


async def test_metadata_alone_is_served_to_those_who_ask_for_it(client: Client) -> None:
    await make_pods(client, 1)
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"}
    found = (await client.ask("GET", PODS, headers=accept)).body
    assert found["kind"] == "PartialObjectMetadataList"
    assert set(found["items"][0]) == {"kind", "apiVersion", "metadata"}
