"""A release is applied in helm's order, for a version that the chart renders for."""

from __future__ import annotations

import pytest

from oomsight_cluster.chart import at_least, identity, render

VALUES = {"image": {"repository": "localhost/oomsight", "tag": "1"}}


@pytest.mark.parametrize(
    ("server", "rendered_for"),
    [("v1.20.2", "v1.25.0"), ("v1.37.1", "v1.37.1"), ("v1.31.0+k3s1", "v1.31.0"), ("v1.25.0-gke.5", "v1.25.0-gke.5")],
)
def test_an_old_server_gets_what_the_oldest_supported_one_would_get(server: str, rendered_for: str) -> None:
    assert at_least(server) == rendered_for


def test_what_others_need_comes_first() -> None:
    kinds = [item["kind"] for item in render(VALUES, "oomsight", "oomsight-system", "v1.34.0")]
    assert kinds.index("ServiceAccount") < kinds.index("CustomResourceDefinition") < kinds.index("ClusterRole")
    assert kinds.index("RoleBinding") < min(kinds.index("Deployment"), kinds.index("DaemonSet"), kinds.index("ClusterMemoryPolicy"))


def test_objects_are_named_as_kubectl_takes_them() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "b"}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "b"}}
    assert identity(deployment) == ("Deployment.apps", "b", "a")
    assert identity(account) == ("ServiceAccount", "b", "a")
