"""Policies as an admin meets them: applied with real kubectl, accepted or told why not, and gone without a trace."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cluster import BIN, ROOT, Cluster, until

from oomsight_sandbox.node_tree import MI, Flavour

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))


async def kubectl(one: Cluster, *arguments: str, document: dict[str, Any] | None = None) -> tuple[int, str]:
    """Exit code and everything that it printed."""
    process = await asyncio.create_subprocess_exec(
        BIN / "kubectl", f"--kubeconfig={one.directory / 'kubeconfig'}", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate(json.dumps(document).encode() if document is not None else None)
    assert process.returncode is not None
    return process.returncode, output.decode()


def conditions(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in policy.get("status", {}).get("conditions", ())}


def policies(one: Cluster) -> list[dict[str, Any]]:
    return one.objects("oomsight.dev", "memorypolicies") + one.objects("oomsight.dev", "clustermemorypolicies")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
async def test_every_example_is_applied_by_kubectl_and_accepted(one: Cluster, example: Path) -> None:
    one.server.ensure_namespace("team-a")
    code, printed = await kubectl(one, "apply", "-f", str(example))
    assert code == 0, printed
    assert "created" in printed

    await until(
        lambda: {conditions(policy).get("Accepted", {}).get("status") for policy in policies(one)} == {"True"},
        "all policies of the example are accepted",
    )
    assert one.operator.running is not None
    assert one.operator.running.returncode is None


async def test_a_policy_outside_the_schema_is_refused_and_the_field_is_named(one: Cluster) -> None:
    spec = {"defaults": {"risk": {"nearLimit": {"lowPercent": 95, "highPercent": 80}}}}
    code, printed = await kubectl(one, "apply", "-f", "-", document=_cluster_policy("disordered", spec))
    assert code != 0
    assert "spec.defaults.risk.nearLimit" in printed


async def test_a_policy_that_contradicts_itself_is_told_so_and_others_go_on(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    spec = {"overrides": {"recommendation": {"minLimit": "2Gi", "maxLimit": "1Gi"}}}
    code, printed = await kubectl(one, "apply", "-f", "-", document=_cluster_policy("contradiction", spec))
    assert code == 0, printed
    one.apply_policy("sound")
    pod = one.start_pod(node, "full", anon_bytes=118 * MI)

    said = await one.until_risk(pod, "high", "critical")
    assert said["policy"] == "ClusterMemoryPolicy sound"

    def refused() -> dict[str, Any] | None:
        for policy in one.objects("oomsight.dev", "clustermemorypolicies"):
            accepted = conditions(policy).get("Accepted")
            if policy["metadata"]["name"] == "contradiction" and accepted is not None:
                return accepted
        return None

    accepted = await until(refused, "the contradiction is told")
    assert accepted["status"] == "False"
    assert "minLimit" in accepted["message"]
    assert "2Gi" in accepted["message"]


async def test_the_more_specific_policy_decides_and_the_other_says_so(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy("floor")
    pod = one.start_pod(node, "web", namespace="team-a", anon_bytes=20 * MI)
    assert (await one.until_risk(pod, "none"))["policy"] == "ClusterMemoryPolicy floor"

    own = {
        "apiVersion": "oomsight.dev/v1alpha1",
        "kind": "MemoryPolicy",
        "metadata": {"name": "own", "namespace": "team-a"},
        "spec": {},
    }
    code, printed = await kubectl(one, "apply", "-f", "-", document=own)
    assert code == 0, printed

    await until(lambda: one.annotations(pod).get("policy") == "MemoryPolicy team-a/own", "the namespace's own policy decides")

    def beaten() -> dict[str, Any]:
        (floor,) = one.objects("oomsight.dev", "clustermemorypolicies")
        return conditions(floor).get("PartiallyEnforced", {})

    await until(lambda: beaten().get("status") == "True", "the cluster's policy is enforced in part")
    assert "team-a/own" in beaten()["message"]


async def test_cleanup_leaves_no_annotation_and_no_recommendation(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy(publish={"riskLabel": "Enabled"})
    pod = one.oom_kill(one.start_pod(node, "tight", anon_bytes=100 * MI))
    await one.until_risk(pod, "high", "critical")
    await until(lambda: one.objects("oomsight.dev", "memoryrecommendations"), "a MemoryRecommendation")

    assert await one.operator.stop() == 0
    process = await asyncio.create_subprocess_exec(
        BIN / "oomsight-operator", "cleanup", f"--kubeconfig={one.directory / 'kubeconfig'}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()

    assert process.returncode == 0, printed.decode()
    assert one.objects("oomsight.dev", "memoryrecommendations") == []
    assert not any("oomsight.dev/" in json.dumps(each["metadata"]) for each in one.objects("", "pods"))


def _cluster_policy(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "oomsight.dev/v1alpha1", "kind": "ClusterMemoryPolicy", "metadata": {"name": name}, "spec": spec}
