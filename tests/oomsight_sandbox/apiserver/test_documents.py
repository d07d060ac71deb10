"""Discovery and OpenAPI, as clients ask for them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_sandbox.apiserver.conftest import CRDS, Client, make_definition

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
FALLBACKS = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"


async def test_plain_and_aggregated_discovery_tell_the_same(client: Client) -> None:
    await client.post(CRDS, make_definition())
    plain = set()
    for path in [
        "/api/v1",
        *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in (await client.get("/apis"))["groups"]),
    ]:
        found = await client.get(path)
        plain |= {(found["groupVersion"], entry["name"], entry["kind"]) for entry in found["resources"] if "/" not in entry["name"]}
    aggregated = set()
    for path in ("/api", "/apis"):
        answer = await client.ask("GET", path, headers={"Accept": f"{AGGREGATED},{FALLBACKS}"})
        assert answer.headers["Content-Type"] == AGGREGATED
        for item in answer.body["items"]:
            for version in item["versions"]:
                group_version = "/".join(part for part in (item["metadata"].get("name"), version["version"]) if part)
                aggregated |= {(group_version, entry["resource"], entry["responseKind"]["kind"]) for entry in version["resources"]}
    assert aggregated == plain
    assert ("example.dev/v1", "widgets", "Widget") in plain


async def test_clients_of_older_aggregated_discovery_get_the_plain_one(client: Client) -> None:
    answer = await client.ask("GET", "/apis", headers={"Accept": FALLBACKS})
    assert answer.body["kind"] == "APIGroupList"


async def test_openapi_follows_the_definitions(client: Client) -> None:
    assert "apis/example.dev/v1" not in (await client.get("/openapi/v3"))["paths"]
    await client.post(CRDS, make_definition())
    first = (await client.get("/openapi/v3"))["paths"]["apis/example.dev/v1"]["serverRelativeURL"]
    document = await client.get(first)
    schema = document["components"]["schemas"]["dev.example.v1.Widget"]
    assert schema["x-kubernetes-group-version-kind"] == [{"group": "example.dev", "version": "v1", "kind": "Widget"}]
    assert schema["properties"]["spec"]["properties"]["mode"]["enum"] == ["On", "Off"]
    await client.merge(f"{CRDS}/widgets.example.dev", {"spec": make_definition(additionalPrinterColumns=[])["spec"]})
    definition = make_definition()
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "changed"
    await client.merge(f"{CRDS}/widgets.example.dev", {"spec": definition["spec"]})
    assert (await client.get("/openapi/v3"))["paths"]["apis/example.dev/v1"]["serverRelativeURL"] != first


async def test_every_reference_in_openapi_leads_somewhere(client: Client) -> None:
    await client.post(CRDS, make_definition())
    for path in (await client.get("/openapi/v3"))["paths"]:
        document = await client.get(f"/openapi/v3/{path}")
        schemas = document["components"]["schemas"]
        for reference in _references(document):
            assert reference.removeprefix("#/components/schemas/") in schemas, (path, reference)


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(_references(child) for child in value.values()))
    return set().union(*(_references(child) for child in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("path", ["/openapi/v3/api/v9", "/openapi/v3/apis/none/v1", "/openapi/v2", "/apis/none", "/apis/apps/v9"])
async def test_documents_that_are_not_there(client: Client, path: str) -> None:
    assert (await client.ask("GET", path)).status == 404
