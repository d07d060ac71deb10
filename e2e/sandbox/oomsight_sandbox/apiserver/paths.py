"""What a URL path of the API means. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """A path below a group and version: a collection (no name), an object, or one of its subresources."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    proxied: str = ""
    """What stands behind the subresource `proxy`, without its slash."""


def parse_resource_path(path: str) -> ResourcePath | None:
    """None if the path is none of a resource (discovery and the like, or nothing at all)."""
    parts = path.strip("/").split("/")
    if any(not part for part in parts):
        return None
    if parts[0] == "api":
        group, version, rest = "", parts[1] if len(parts) > 1 else "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 2:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and not (not group and len(rest) == 3 and rest[2] in _NAMESPACE_SUBRESOURCES):
        namespace, rest = rest[1], rest[2:]
    proxied = "/".join(rest[3:]) if rest[2:3] == ["proxy"] else ""
    if not rest or (len(rest) > 3 and not proxied):
        return None
    plural, name, subresource = (*rest, "", "")[:3]
    return ResourcePath(group, version, plural, namespace, name, subresource, proxied)
