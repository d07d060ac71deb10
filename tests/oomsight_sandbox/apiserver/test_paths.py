"""What URL paths mean."""

from __future__ import annotations

import pytest

from oomsight_sandbox.apiserver.paths import ResourcePath, parse_resource_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ResourcePath("", "v1", "pods")),
        ("/api/v1/nodes/a/status", ResourcePath("", "v1", "nodes", "", "a", "status")),
        ("/api/v1/nodes/a/proxy/configz", ResourcePath("", "v1", "nodes", "", "a", "proxy", "configz")),
        ("/api/v1/nodes/a/proxy/logs/x/y", ResourcePath("", "v1", "nodes", "", "a", "proxy", "logs/x/y")),
        ("/api/v1/namespaces", ResourcePath("", "v1", "namespaces")),
        ("/api/v1/namespaces/shop", ResourcePath("", "v1", "namespaces", "", "shop")),
        ("/api/v1/namespaces/shop/status", ResourcePath("", "v1", "namespaces", "", "shop", "status")),
        ("/api/v1/namespaces/shop/pods", ResourcePath("", "v1", "pods", "shop")),
        ("/api/v1/namespaces/shop/pods/web/log", ResourcePath("", "v1", "pods", "shop", "web", "log")),
        ("/apis/apps/v1/namespaces/shop/deployments/web/", ResourcePath("apps", "v1", "deployments", "shop", "web")),
    ],
)
def test_resource_paths_are_taken_apart(path: str, expected: ResourcePath) -> None:
    assert parse_resource_path(path) == expected


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/version", "/api/v1//pods", "/api/v1/a/b/c/d", "/openapi/v3/api/v1"],
)
def test_other_paths_are_none_of_a_resource(path: str) -> None:
    assert parse_resource_path(path) is None
