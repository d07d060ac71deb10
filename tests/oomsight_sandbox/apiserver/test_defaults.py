"""Built-in kinds beside pods, over HTTP: what is filled in and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_sandbox.apiserver.conftest import MERGE, Client

APPS = "/apis/apps/v1/namespaces/default"
TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}


def workload(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE, **spec}}


async def test_a_deployment_gets_its_defaults_and_counts_generations(client: Client) -> None:
    made = await client.post(f"{APPS}/deployments", workload())
    assert made["spec"]["replicas"] == 1
    assert made["spec"]["strategy"]["type"] == "RollingUpdate"
    assert made["spec"]["template"]["spec"]["restartPolicy"] == "Always"
    await client.merge(f"{APPS}/deployments/web/status", {"status": {"readyReplicas": 1}})
    scaled = await client.merge(f"{APPS}/deployments/web", {"spec": {"replicas": 2}})
    assert (scaled["metadata"]["generation"], scaled["status"]["readyReplicas"]) == (2, 1)


@pytest.mark.parametrize("kind", ["deployments", "replicasets", "statefulsets", "daemonsets"])
async def test_workloads_whose_selector_does_not_fit_are_refused(client: Client, kind: str) -> None:
    answer = await client.ask("POST", f"{APPS}/{kind}", workload(selector={"matchLabels": {"app": "other"}}))
    assert answer.status == 422
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["spec.template.metadata.labels"]
    await client.post(f"{APPS}/{kind}", workload())
    answer = await client.ask("PATCH", f"{APPS}/{kind}/web", {"spec": {"selector": {"matchLabels": {"x": "y"}}}}, MERGE)
    assert "spec.selector" in [cause["field"] for cause in answer.body["details"]["causes"]]


async def test_a_job_restarts_on_failure_or_never(client: Client) -> None:
    path = "/apis/batch/v1/namespaces/default/jobs"
    job: dict[str, Any] = {"metadata": {"name": "j"}, "spec": {"template": TEMPLATE}}
    answer = await client.ask("POST", path, job)
    assert answer.body["details"]["causes"][0]["field"] == "spec.template.spec.restartPolicy"
    job["spec"] = {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}
    assert (await client.post(path, job))["spec"]["backoffLimit"] == 6


async def test_a_namespace_is_active_and_carries_its_name_as_a_label(client: Client) -> None:
    made = await client.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}
    assert made["status"] == {"phase": "Active"}


async def test_secrets_keep_plain_values_encoded(client: Client) -> None:
    path = "/api/v1/namespaces/default/secrets"
    made = await client.post(path, {"metadata": {"name": "s"}, "stringData": {"a": "ä"}, "immutable": True})
    assert (made["type"], made["data"]) == ("Opaque", {"a": "w6Q="})
    assert "stringData" not in made
    answer = await client.ask("PATCH", f"{path}/s", {"data": {"a": "eA=="}}, MERGE)
    assert answer.status == 422


async def test_a_service_has_ports_and_no_address(client: Client) -> None:
    made = await client.post("/api/v1/namespaces/default/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert made["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("spec", [{"leaseDurationSeconds": 0}, {"leaseTransitions": -1}, {"renewTime": "now"}])
async def test_bad_leases_are_refused(client: Client, spec: dict[str, Any]) -> None:
    answer = await client.ask(
        "POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", {"metadata": {"name": "l"}, "spec": spec}
    )
    assert answer.status in (400, 422)
    assert next(iter(spec)) in answer.body["message"]
