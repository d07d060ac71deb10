"""Garbage: whatever is sent, the answer is a Status with the right code, and the server lives on."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oomsight_sandbox.apiserver.conftest import CRDS, MERGE, PODS, WIDGETS, Client, make_definition, make_pod, make_widget

from oomsight_sandbox.apiserver import ApiServer
from oomsight_sandbox.apiserver.cel import compile_rule

compile_rule("true")  # its library raises Python's recursion limit when first used, which hypothesis minds in the middle of a test


@pytest.mark.parametrize(
    ("method", "path", "data", "content_type", "code"),
    [
        ("POST", PODS, b"{", "application/json", 400),
        ("POST", PODS, b"\xff\xfe", "application/json", 400),
        ("POST", PODS, b"[]", "application/json", 400),
        ("POST", PODS, b"null", "application/json", 400),
        ("POST", PODS, b"", "application/json", 400),
        ("POST", PODS, b"[" * 100_000, "application/json", 400),
        ("POST", PODS, b'{"a":' * 500 + b"1" + b"}" * 500, "application/json", 400),
        ("POST", PODS, b'{"metadata":{"name":"\\ud800"}}', "application/json", 400),
        ("POST", PODS, b"a: &a [1]\nb: [*a, *a]", "application/yaml", 400),
        ("POST", PODS, b"{}", "application/vnd.kubernetes.protobuf", 415),
        ("POST", PODS, b"{}", "text/plain", 415),
        ("PATCH", f"{PODS}/web", b"{}", "application/json", 415),
        ("PATCH", f"{PODS}/web", b"[]", MERGE, 400),
        ("PATCH", f"{PODS}/web", b"{}", "application/json-patch+json", 400),
        ("DELETE", f"{PODS}/web", b'{"gracePeriodSeconds":"soon"}', "application/json", 400),
        ("DELETE", f"{PODS}/web", b'{"propagationPolicy":"Now"}', "application/json", 400),
        ("POST", PODS, b"x" * (3 * 1024 * 1024 + 1), "application/json", 413),
        ("PUT", PODS, b"{}", "application/json", 405),
        ("POST", f"{PODS}/web", b"{}", "application/json", 405),
        ("PATCH", PODS, b"{}", MERGE, 405),
        ("DELETE", f"{PODS}/web/status", b"", "application/json", 405),
        ("POST", "/version", b"{}", "application/json", 405),
        ("GET", "/api/v1/unicorns", None, "application/json", 404),
        ("GET", "/api/v1/pods/web", None, "application/json", 404),
        ("GET", "/api/v1/namespaces/default/nodes", None, "application/json", 404),
        ("GET", f"{PODS}/web/exec", None, "application/json", 404),
        ("GET", f"{PODS}/web/log", None, "application/json", 501),
        ("GET", f"{PODS}/web/status/more", None, "application/json", 404),
        ("GET", "/apis/nothing.dev/v1", None, "application/json", 404),
        ("GET", "/apis//v1/pods", None, "application/json", 404),
        ("GET", "/favicon.ico", None, "application/json", 404),
    ],
)
async def test_bad_requests_get_the_right_status(
    client: Client, method: str, path: str, data: bytes | None, content_type: str, code: int
) -> None:
    await client.post(PODS, make_pod())
    answer = await client.ask(method, path, content_type=content_type, data=data)
    assert answer.status == code, answer.body
    assert (answer.body["kind"], answer.body["status"], answer.body["code"]) == ("Status", "Failure", code)


async def test_a_client_that_takes_no_json_is_told(client: Client) -> None:
    answer = await client.ask("GET", PODS, headers={"Accept": "application/vnd.kubernetes.protobuf"})
    assert answer.status == 406
    both = {"Accept": "application/vnd.kubernetes.protobuf,application/json"}
    assert (await client.ask("GET", PODS, headers=both)).status == 200


async def test_raw_bytes_on_the_socket_do_no_harm(server: ApiServer, client: Client) -> None:
    for garbage in (
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ):
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(garbage)
        writer.write_eof()
        await reader.read()
        writer.close()
    assert (await client.ask("GET", "/readyz")).body == b"ok"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=8), child, max_size=3),
    max_leaves=8,
)
KEYS = [
    "metadata",
    "name",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "spec",
    "status",
    "containers",
    "initContainers",
    "resources",
    "limits",
    "memory",
    "ports",
    "env",
    "volumes",
    "conditions",
    "type",
    "containerStatuses",
    "versions",
    "names",
    "group",
    "schema",
    "openAPIV3Schema",
    "properties",
    "x-kubernetes-validations",
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "size",
    "managedFields",
    "fieldsV1",
    "template",
    "selector",
    "data",
    "stringData",
    "series",
    "involvedObject",
    "tolerations",
    "items",
]
SHAPED = st.recursive(
    JSON, lambda child: st.dictionaries(st.sampled_from(KEYS), child, max_size=4) | st.lists(child, max_size=2), max_leaves=12
)
PATHS = [
    *(PODS + rest for rest in ("", "/web", "/web/status", "/web/binding", "/web/resize")),
    *(WIDGETS + rest for rest in ("", "/one", "/one/status")),
    *(f"/api/v1/namespaces/default{rest}" for rest in ("", "/events", "/secrets", "/services", "/configmaps/c")),
    "/apis/apps/v1/namespaces/default/deployments",
    "/apis/apps/v1/namespaces/default/deployments/x/scale",
    "/apis/batch/v1/namespaces/default/jobs",
    "/apis/coordination.k8s.io/v1/namespaces/default/leases",
    "/apis/events.k8s.io/v1/namespaces/default/events",
    "/api/v1/nodes",
    CRDS,
    f"{CRDS}/widgets.example.dev",
]
TYPES = [
    "application/json",
    MERGE,
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/yaml",
]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
OPTIONS = {"fieldManager": st.just("m"), "force": st.just("true"), "dryRun": JSON.map(str)}
QUERIES = ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "includeObject"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_no_request_of_any_shape_is_an_internal_error(data: st.DataObject) -> None:
    async with ApiServer() as server, Client(server, aiohttp.ClientSession()) as client:
        await client.post(PODS, make_pod())
        await client.post(CRDS, make_definition())
        await client.post(WIDGETS, make_widget())
        for _ in range(3):
            method = data.draw(st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]))
            path, content_type = data.draw(st.sampled_from(PATHS)), data.draw(st.sampled_from(TYPES))
            body: Any = data.draw(SHAPED)
            if isinstance(body, dict) and data.draw(st.booleans()):
                metadata = body.get("metadata")
                body["metadata"] = {"name": "x", **(metadata if isinstance(metadata, dict) else {})}
            params = data.draw(st.fixed_dictionaries({}, optional=OPTIONS))
            answer = await client.ask(method, path, content_type=content_type, data=msgspec.json.encode(body), params=params)
            assert answer.status < 500, (method, path, body, answer.body)
            listed = await client.ask("GET", path, headers={"Accept": TABLE})
            assert listed.status < 500 or "/log" in path, (path, listed.body)
        assert not server.api.internal_errors


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["GET", "PUT", "OPTIONS", "HEAD", "BREW"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40),
    st.dictionaries(
        st.sampled_from(QUERIES),
        st.text(max_size=20),
    ),
)
async def test_no_path_or_query_is_an_internal_error(method: str, path: str, params: dict[str, str]) -> None:
    async with ApiServer() as server, Client(server, aiohttp.ClientSession()) as client:
        for start in ("/", "/api/v1/pods/", "/api/v1/pods?", "/apis/apps/v1/namespaces/", "/openapi/v3/"):
            answer = await client.ask(method, start + path.replace("#", ""), params=params)
            assert answer.status < 500
        assert not server.api.internal_errors
