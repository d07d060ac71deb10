"""The kinds of the API group: how they are called and under which path they are found. Stands on names alone."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from oomsight_api.names import API_VERSION, GROUP


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the group."""

    kind: str
    plural: str
    short_name: str
    namespaced: bool

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def crd_name(self) -> str:
        """Name of the CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The API path of one object, of a namespace's list, or of the list of all namespaces."""
        parts = [f"/apis/{API_VERSION}"]
        if namespace is not None and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(part, safe="") for part in (name, subresource) if part is not None]
        return "/".join(parts)


MEMORY_POLICY = Kind("MemoryPolicy", "memorypolicies", "mempol", namespaced=True)
CLUSTER_MEMORY_POLICY = Kind("ClusterMemoryPolicy", "clustermemorypolicies", "cmempol", namespaced=False)
MEMORY_RECOMMENDATION = Kind("MemoryRecommendation", "memoryrecommendations", "memrec", namespaced=True)
KINDS = (MEMORY_POLICY, CLUSTER_MEMORY_POLICY, MEMORY_RECOMMENDATION)
