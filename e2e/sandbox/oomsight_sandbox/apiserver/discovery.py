"""Discovery: which groups, versions, resources and verbs there are. Pure functions of the registry.

Plain documents (`APIGroupList`, `APIResourceList`) and, for clients that ask by Accept, the aggregated one of
apidiscovery.k8s.io/v2 (KEP-3352), which kubectl and client-go ask first.
"""

from __future__ import annotations

from .resources import VERBS, Registry, Resource
from .values import JsonObject

AGGREGATED_CONTENT_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

VERSION: JsonObject = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0-oomsight.sandbox",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}

_SUBRESOURCE_VERBS = {
    "status": ("get", "patch", "update"),
    "resize": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "binding": ("create",),
    "log": ("get",),
    "proxy": ("get",),
}
_SUBRESOURCE_KINDS = {
    "binding": ("", "v1", "Binding"),
    "proxy": ("", "v1", "NodeProxyOptions"),
    "scale": ("autoscaling", "v1", "Scale"),
}


def _subresource_kind(resource: Resource, name: str) -> JsonObject:
    group_name, version, kind = _SUBRESOURCE_KINDS.get(name, (resource.group, resource.version, resource.kind))
    return {"group": group_name, "version": version, "kind": kind}


def wants_aggregated(accept: str) -> bool:
    """Whether the first thing the client accepts, in its order, is aggregated discovery v2."""
    for part in accept.split(","):
        fields = dict(item.strip().partition("=")[::2] for item in part.split(";")[1:])
        if fields.get("g") == "apidiscovery.k8s.io":
            if fields.get("v") == "v2":
                return True
            continue
        return False
    return False


def api_versions(address: str) -> JsonObject:
    """GET /api"""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(registry: Registry) -> JsonObject:
    """GET /apis"""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(registry, name) for name in registry.groups()]}


def group(registry: Registry, name: str) -> JsonObject:
    """GET /apis/{group}"""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(registry, name)}


def _group(registry: Registry, name: str) -> JsonObject:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in registry.versions(name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def resource_list(registry: Registry, group_name: str, version: str) -> JsonObject:
    """GET /api/v1 and /apis/{group}/{version}"""
    entries: list[JsonObject] = []
    for resource in registry.of(group_name, version):
        entry: JsonObject = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(VERBS),
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        entries.append(entry)
        entries += [
            {
                "name": f"{resource.plural}/{name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                **_subresource_kind(resource, name),
                "verbs": list(_SUBRESOURCE_VERBS[name]),
            }
            for name in resource.subresources
        ]
    group_version = f"{group_name}/{version}" if group_name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def aggregated(registry: Registry, *, core: bool) -> JsonObject:
    """GET /api (core) or /apis for clients that take everything at once."""
    names = [""] if core else registry.groups()
    items = []
    for name in names:
        versions = [
            {
                "version": version,
                "freshness": "Current",
                "resources": [_aggregated_resource(found) for found in registry.of(name, version)],
            }
            for version in registry.versions(name)
        ]
        metadata: JsonObject = {"creationTimestamp": None}
        if name:
            metadata["name"] = name
        items.append({"metadata": metadata, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_resource(resource: Resource) -> JsonObject:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    entry: JsonObject = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(VERBS),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": _subresource_kind(resource, name),
                "verbs": list(_SUBRESOURCE_VERBS[name]),
            }
            for name in resource.subresources
        ]
    return entry
