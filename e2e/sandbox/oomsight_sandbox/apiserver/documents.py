"""The paths that are no resources: discovery, OpenAPI, health, version. Answers are bytes and a content type."""

from __future__ import annotations

from . import discovery, openapi
from .resources import Registry
from .values import encode

JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_ROOTS = ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]


class Documents:
    """Documents of one registry; OpenAPI documents are kept until the registry changes."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._openapi: dict[tuple[str, str], bytes] = {}
        self._generation = -1

    def find(self, path: str, accept: str, address: str) -> tuple[bytes, str] | None:
        """The document at a path, None if there is none. `address`: host and port of the server."""
        fixed = self._fixed(path)
        if fixed is not None:
            return fixed
        parts = path.strip("/").split("/")
        if path in ("/api", "/apis"):
            return self._groups(accept, address, core=path == "/api")
        body = self._openapi_document(parts[2:]) if parts[:2] == ["openapi", "v3"] else self._discovery(parts)
        return None if body is None else (body, JSON)

    @staticmethod
    def _fixed(path: str) -> tuple[bytes, str] | None:
        if path in ("/healthz", "/livez", "/readyz"):
            return b"ok", _TEXT
        if path == "/version":
            return encode(discovery.VERSION), JSON
        return (encode({"paths": _ROOTS}), JSON) if path == "/" else None

    def _groups(self, accept: str, address: str, *, core: bool) -> tuple[bytes, str]:
        if discovery.wants_aggregated(accept):
            return encode(discovery.aggregated(self._registry, core=core)), discovery.AGGREGATED_CONTENT_TYPE
        return encode(discovery.api_versions(address) if core else discovery.group_list(self._registry)), JSON

    def _discovery(self, parts: list[str]) -> bytes | None:
        registry = self._registry
        if parts[0] == "apis" and len(parts) == 2 and parts[1] in registry.groups():
            return encode(discovery.group(registry, parts[1]))
        named = _group_and_version(parts)
        if named is None or not registry.of(*named):
            return None
        return encode(discovery.resource_list(registry, *named))

    def _openapi_document(self, parts: list[str]) -> bytes | None:
        if not parts:
            return encode(openapi.index(self._registry))
        named = _group_and_version(parts)
        if named is None:
            return None
        if self._generation != self._registry.generation:
            self._openapi.clear()
            self._generation = self._registry.generation
        if named not in self._openapi:
            document = openapi.document(self._registry, *named)
            if document is None:
                return None
            self._openapi[named] = encode(document)
        return self._openapi[named]


def _group_and_version(parts: list[str]) -> tuple[str, str] | None:
    if parts[0] == "api" and len(parts) == 2:
        return "", parts[1]
    return (parts[1], parts[2]) if parts[0] == "apis" and len(parts) == 3 else None
