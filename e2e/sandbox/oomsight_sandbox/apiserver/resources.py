"""The resources this server knows: the built-in ones, and the registry in which custom ones join them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .scale import SCALABLE
from .store import ResourceId

if TYPE_CHECKING:
    from .crd import CustomVersion

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as one version of one group serves it.

    `storage` is where its objects lie: shared by all versions, and by the two groups that serve events. `selectable_fields` are the
    field selectors understood beside metadata.name and metadata.namespace. `unconditional_update`: PUT without a resourceVersion
    is allowed.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    storage: ResourceId
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    generation: bool = False
    unconditional_update: bool = True
    selectable_fields: tuple[str, ...] = ()
    custom: CustomVersion | None = field(default=None, compare=False)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        return self.custom.list_kind if self.custom else f"{self.kind}List"

    @property
    def prefix(self) -> bytes:
        """The start of an encoded object: `kind` and `apiVersion`, to which the stored body is joined."""
        return f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()

    @property
    def subresources(self) -> tuple[str, ...]:
        extra: tuple[str, ...] = ("binding", "log", "resize") if self.plural == "pods" and not self.group else ()
        if self.plural == "nodes" and not self.group:
            extra = ("proxy",)
        if self.custom is None and self.plural in SCALABLE:
            extra = ("scale",)
        return (("status",) if self.has_status else ()) + extra


def _built_in(
    group: str,
    version: str,
    kind: str,
    plural: str = "",
    *,
    cluster: bool = False,
    short: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    status: bool = False,
    generation: bool = False,
    unconditional: bool = True,
    fields: tuple[str, ...] = (),
    storage: ResourceId | None = None,
) -> Resource:
    plural = plural or f"{kind.lower()}s"
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=not cluster,
        storage=storage or ResourceId(group, plural),
        short_names=short,
        categories=categories,
        has_status=status,
        generation=generation,
        unconditional_update=unconditional,
        selectable_fields=fields,
    )


_POD_FIELDS = (
    "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
    "status.phase", "status.podIP", "status.nominatedNodeName",
)  # fmt: skip
_REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_CORE_EVENT_FIELDS = (*(f"involvedObject.{name}" for name in _REFERENCE_FIELDS), "reason", "reportingComponent", "source", "type")
_EVENT_FIELDS = (*(f"regarding.{name}" for name in _REFERENCE_FIELDS), "reason", "reportingController", "type")
_ALL = ("all",)
CRD_GROUP = "apiextensions.k8s.io"
CRDS = ResourceId(CRD_GROUP, "customresourcedefinitions")
EVENTS = ResourceId("", "events")

BUILT_IN: tuple[Resource, ...] = (
    _built_in("", "v1", "Namespace", cluster=True, short=("ns",), status=True, fields=("status.phase",)),
    _built_in("", "v1", "Pod", short=("po",), categories=_ALL, status=True, generation=True, fields=_POD_FIELDS),
    _built_in("", "v1", "Node", cluster=True, short=("no",), status=True, fields=("spec.unschedulable",)),
    _built_in("", "v1", "Event", short=("ev",), fields=_CORE_EVENT_FIELDS),
    _built_in("", "v1", "ConfigMap", short=("cm",)),
    _built_in("", "v1", "Secret", fields=("type",)),
    _built_in("", "v1", "Service", short=("svc",), categories=_ALL, status=True),
    _built_in("", "v1", "Endpoints", "endpoints", short=("ep",)),
    _built_in("", "v1", "ServiceAccount", short=("sa",)),
    _built_in("", "v1", "LimitRange", short=("limits",)),
    _built_in("", "v1", "ResourceQuota", short=("quota",), status=True),
    _built_in("", "v1", "ReplicationController", short=("rc",), categories=_ALL, status=True, generation=True),
    _built_in("", "v1", "PersistentVolumeClaim", short=("pvc",), status=True),
    _built_in("apps", "v1", "Deployment", short=("deploy",), categories=_ALL, status=True, generation=True),
    _built_in("apps", "v1", "ReplicaSet", short=("rs",), categories=_ALL, status=True, generation=True),
    _built_in("apps", "v1", "StatefulSet", short=("sts",), categories=_ALL, status=True, generation=True),
    _built_in("apps", "v1", "DaemonSet", short=("ds",), categories=_ALL, status=True, generation=True),
    _built_in("batch", "v1", "Job", categories=_ALL, status=True, generation=True, fields=("status.successful",)),
    _built_in("batch", "v1", "CronJob", short=("cj",), categories=_ALL, status=True, generation=True),
    _built_in("autoscaling", "v1", "HorizontalPodAutoscaler", short=("hpa",), categories=_ALL, status=True),
    _built_in("coordination.k8s.io", "v1", "Lease", unconditional=False),
    _built_in("events.k8s.io", "v1", "Event", short=("ev",), fields=_EVENT_FIELDS, storage=EVENTS),
    _built_in("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", cluster=True, short=("pc",)),
    _built_in("policy", "v1", "PodDisruptionBudget", short=("pdb",), status=True, generation=True),
    _built_in(
        CRD_GROUP, "v1", "CustomResourceDefinition", cluster=True, short=("crd", "crds"), status=True, generation=True,
        unconditional=False, categories=("api-extensions",),
    ),
)  # fmt: skip


class Registry:
    """Which resources are served now. Custom ones come and go with their definitions."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Resource] = {}
        self.generation = 0
        """Grows with each change, so that what is derived (discovery, OpenAPI) can be kept until then."""
        for resource in BUILT_IN:
            self._served[resource.group, resource.version, resource.plural] = resource

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._served.get((group, version, plural))

    def groups(self) -> list[str]:
        """Names of all groups but the core one, in order of first appearance."""
        return list(dict.fromkeys(group for group, _, _ in self._served if group))

    def versions(self, group: str) -> list[str]:
        return list(dict.fromkeys(version for known, version, _ in self._served if known == group))

    def of(self, group: str, version: str) -> list[Resource]:
        return [
            found
            for (known_group, known_version, _), found in self._served.items()
            if (known_group, known_version) == (group, version)
        ]

    def has_custom(self, storage: ResourceId) -> bool:
        return any(resource.custom is not None and resource.storage == storage for resource in self._served.values())

    def storing(self, storage: ResourceId) -> Resource | None:
        """One resource that serves what lies at `storage`."""
        return next((resource for resource in self if resource.storage == storage), None)

    def replace_custom(self, storage: ResourceId, resources: tuple[Resource, ...]) -> None:
        """Serve these versions of a custom resource and no others; none stops serving it."""
        self._served = {key: found for key, found in self._served.items() if found.custom is None or found.storage != storage}
        for resource in resources:
            self._served[resource.group, resource.version, resource.plural] = resource
        self.generation += 1

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._served.values()))
