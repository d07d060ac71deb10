"""OpenAPI v3: what `kubectl explain`, `apply` and `diff` read. One document for each group and version.

Built-in kinds come from the official client's models, custom ones from their definitions. Operations carry what kubectl looks for:
the kind, and the parameters fieldValidation, dryRun and fieldManager. Strategic merge is served but not announced here, so that
kubectl uses the merge keys compiled into it.
"""

from __future__ import annotations

import hashlib

from . import builtin_schemas
from .builtin_schemas import COMPONENT
from .resources import Registry, Resource
from .values import JsonObject, encode

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]
_KIND = "x-kubernetes-group-version-kind"
_ACTIONS = {"get": "get", "post": "post", "put": "put", "patch": "patch", "delete": "delete"}


def index(registry: Registry) -> JsonObject:
    """GET /openapi/v3. The hash in each address changes when the document does: clients keep documents by it."""
    paths = {}
    for group in ["", *registry.groups()]:
        for version in registry.versions(group):
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            names = [[resource.kind, resource.custom.schema if resource.custom else {}] for resource in registry.of(group, version)]
            digest = hashlib.sha256(encode(names)).hexdigest()[:32]
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def document(registry: Registry, group: str, version: str) -> JsonObject | None:
    """GET /openapi/v3/apis/{group}/{version}; None if no such group and version is served."""
    resources = registry.of(group, version)
    if not resources:
        return None
    schemas: JsonObject = {}
    paths: JsonObject = {}
    for resource in resources:
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        if resource.custom is None:
            name = builtin_schemas.component_name(resource)
            for component, schema in builtin_schemas.components_of(resource).items():
                schemas.setdefault(component, schema)
            schemas[name] = {**schemas[name], _KIND: [kind]}
        else:
            name = ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])
            schemas[name] = {**_custom_schema(resource, schemas), _KIND: [kind]}
        paths |= _paths(resource, name, kind)
    return {
        "openapi": "3.0.0",
        "info": {"title": "oomsight sandbox", "version": "v1.34.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _custom_schema(resource: Resource, schemas: JsonObject) -> JsonObject:
    assert resource.custom is not None
    schema = dict(resource.custom.schema)
    _, meta = builtin_schemas.object_meta()
    for component, found in meta.items():
        schemas.setdefault(component, found)
    properties = dict(schema.get("properties") or {})
    properties["apiVersion"] = {"type": "string", **properties.get("apiVersion", {})}
    properties["kind"] = {"type": "string", **properties.get("kind", {})}
    properties["metadata"] = {
        "description": "Standard object's metadata.",
        "allOf": [{"$ref": COMPONENT + "io.k8s.v1.ObjectMeta"}],
    }
    schema["properties"] = properties
    return schema


def _paths(resource: Resource, component: str, kind: JsonObject) -> JsonObject:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    collection = f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"{root}/{resource.plural}"
    content = {"application/json": {"schema": {"$ref": COMPONENT + component}}}

    def operation(method: str) -> JsonObject:
        found: JsonObject = {
            "operationId": f"{method}{resource.group}{resource.version}{resource.kind}",
            "x-kubernetes-action": _ACTIONS[method],
            _KIND: kind,
            "responses": {"200": {"description": "OK", "content": content}},
        }
        if method in ("post", "put", "patch"):
            types = content if method != "patch" else {"application/merge-patch+json": {"schema": {"type": "object"}}}
            found["requestBody"] = {"content": types, "required": True}
            found["parameters"] = _PARAMETERS
        return found

    return {
        collection: {method: operation(method) for method in ("get", "post", "delete")},
        f"{collection}/{{name}}": {method: operation(method) for method in ("get", "put", "patch", "delete")},
    }
