"""The request log: what write budgets are asserted with."""

from __future__ import annotations

from tests.oomsight_sandbox.apiserver.conftest import PODS, Client, make_pod

from oomsight_sandbox.apiserver import ApiServer, RequestLog


async def test_requests_are_counted_by_verb_and_resource(server: ApiServer, client: Client) -> None:
    server.requests.reset()
    await client.post(PODS, make_pod())
    await client.merge(f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}})
    await client.merge(f"{PODS}/web/status", {"status": {"phase": "Running"}})
    await client.get(PODS)
    await client.watch(PODS)
    await client.ask("GET", f"{PODS}/missing")
    await client.get("/version")
    assert server.requests.counts() == {
        ("create", "pods"): 1,
        ("patch", "pods"): 1,
        ("patch", "pods/status"): 1,
        ("list", "pods"): 1,
        ("watch", "pods"): 1,
        ("get", "pods"): 1,
    }
    assert server.requests.writes() == 3
    assert server.requests.writes("pods") == 2
    assert server.requests.count("patch") == 2
    patch = next(record for record in server.requests.records if record.verb == "patch")
    assert (patch.namespace, patch.name, patch.status, patch.content_type) == (
        "default",
        "web",
        200,
        "application/merge-patch+json",
    )
    assert [record.status for record in server.requests.records if record.name == "missing"] == [404]


async def test_the_log_is_bounded_and_the_counts_go_on(server: ApiServer, client: Client) -> None:
    log = RequestLog(limit=2)
    await client.get(PODS)
    record = server.requests.records[-1]
    for _ in range(5):
        log.add(record)
    assert len(log.records) == 2
    assert log.count("list", "pods") == 5
