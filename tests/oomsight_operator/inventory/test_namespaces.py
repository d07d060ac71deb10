from __future__ import annotations

import json

import pytest

from oomsight_operator.inventory.namespaces import Namespace, project_namespace
from oomsight_operator.kube.errors import MalformedObjectError


def test_a_namespace_is_its_name_and_labels() -> None:
    metadata = {"uid": "n1", "name": "shop", "labels": {"team": "web"}, "resourceVersion": "3"}
    found = project_namespace(json.dumps({"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}}).encode())
    assert found == Namespace("n1", "shop", {"team": "web"}, "3")


@pytest.mark.parametrize("data", [b"{}", b"null", b'{"metadata":{"uid":"n1","name":"","labels":{}}}', b'{"metadata":{"labels":3}}'])
def test_what_is_no_namespace_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedObjectError):
        project_namespace(data)
