"""Which workload a pod belongs to: pod → ReplicaSet → Deployment, pod → Job → CronJob, pod → ReplicationController →
DeploymentConfig (OpenShift), else the pod's own controller. Pure.

The workload is what holds the pods' template for good: ReplicaSets, Jobs and ReplicationControllers come and go with every change
and run, so their metadata is watched and they are skipped. What owns a StatefulSet or a Deployment, mostly an operator's custom
resource, is not looked for: it may own several with containers of one name and different needs (the master and the data nodes of a
database), and what was learned of one must not be recommended to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from sys import intern

import msgspec

from oomsight_operator.inventory.owners import OwnerReference, controller_of
from oomsight_operator.judgement.model import Owner, Pod
from oomsight_operator.kube.objects import NamespacedMeta, decode_object

INTERMEDIATE_KINDS = frozenset({("apps", "ReplicaSet"), ("batch", "Job"), ("", "ReplicationController")})
"""Kinds, by group, that are mostly made by another workload. The one in /api/v1 only by OpenShift's DeploymentConfig."""


@dataclass(frozen=True, slots=True)
class Intermediate:
    """What stands between pod and workload: who it is and who controls it."""

    uid: str
    namespace: str
    name: str
    owner: Owner | None
    resource_version: str = ""


class _Meta(NamespacedMeta, rename="camel"):
    owner_references: list[OwnerReference] | None = None


class _Object(msgspec.Struct):
    metadata: _Meta


_decoder = msgspec.json.Decoder(_Object)


def project_intermediate(raw: bytes | msgspec.Raw) -> Intermediate:
    """From its JSON (metadata is enough). Raises MalformedObjectError."""
    meta = decode_object(_decoder, raw, "object").metadata
    return Intermediate(
        intern(meta.uid), intern(meta.namespace), meta.name, controller_of(meta.owner_references), meta.resource_version
    )


def workload_of(pod: Pod, intermediate: Callable[[str], Intermediate | None]) -> Owner | None:
    """The workload that a person would name for the pod; None when nothing controls it.

    `intermediate` finds one by uid. One that is not known (deleted, or not seen yet) stands for itself. One in
    another namespace is not believed: owner references never cross namespaces, but a tenant can write one that does. A static
    pod's owner is its Node, which is no workload.
    """
    owner = pod.owner
    if owner is None or (owner.kind == "Node" and owner.api_version == "v1"):
        return None
    if (owner.api_version.rpartition("/")[0], owner.kind) in INTERMEDIATE_KINDS:
        found = intermediate(owner.uid)
        if found is not None and found.namespace == pod.namespace and found.name == owner.name and found.owner is not None:
            return found.owner
    return owner
