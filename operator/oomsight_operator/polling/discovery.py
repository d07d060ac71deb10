"""Which pods are our agents: those that the operator's own DaemonSet controls. Pure.

A tenant can label a pod as it likes, and write any owner reference in its own namespace; it cannot make pods in the operator's,
and the reference must carry the uid that the DaemonSet has now.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from oomsight_operator.kube.objects import ObjectMeta, decode_object

REPORT_PORT_NAME = "report"
DEFAULT_REPORT_PORT = 9754


@dataclass(frozen=True, slots=True)
class AgentPod:
    """A pod of the operator's namespace, projected to what finding the agents needs."""

    uid: str
    name: str
    node_name: str | None
    pod_ip: str | None
    port: int
    phase: str
    ready: bool
    deleting: bool
    created: str
    """creationTimestamp as it stands: RFC 3339 in UTC sorts as text."""
    daemonset_uid: str | None
    """Of the DaemonSet that controls it."""
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class AgentTarget:
    """Where to poll the agent of a node."""

    node_name: str
    pod_uid: str
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1/report"


class _Owner(msgspec.Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class _Meta(ObjectMeta, rename="camel"):
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    owner_references: list[_Owner] | None = None


class _Port(msgspec.Struct, rename="camel"):
    container_port: int
    name: str | None = None


class _Container(msgspec.Struct):
    ports: list[_Port] | None = None


class _Spec(msgspec.Struct, rename="camel"):
    node_name: str | None = None
    containers: list[_Container] | None = None


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, rename="camel"):
    phase: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    conditions: list[_Condition] | None = None


class _Pod(msgspec.Struct):
    metadata: _Meta
    spec: _Spec | None = None
    status: _Status | None = None


_pod = msgspec.json.Decoder(_Pod)


def project_agent_pod(raw: bytes | msgspec.Raw) -> AgentPod:
    """A pod of the operator's namespace from its JSON. Raises MalformedObjectError."""
    pod = decode_object(_pod, raw, "pod")
    meta, spec, status = pod.metadata, pod.spec or _Spec(), pod.status or _Status()
    owner = next((owner for owner in meta.owner_references or () if owner.controller), None)
    ours = owner is not None and owner.kind == "DaemonSet" and owner.api_version.startswith("apps/")
    ports = [port for container in spec.containers or () for port in container.ports or ()]
    port = next((port.container_port for port in ports if port.name == REPORT_PORT_NAME), DEFAULT_REPORT_PORT)
    return AgentPod(
        uid=meta.uid,
        name=meta.name,
        node_name=spec.node_name or None,
        pod_ip=status.pod_ip or None,
        port=port,
        phase=status.phase or "Unknown",
        ready=any(condition.type == "Ready" and condition.status == "True" for condition in status.conditions or ()),
        deleting=meta.deletion_timestamp is not None,
        created=meta.creation_timestamp or "",
        daemonset_uid=owner.uid if owner is not None and ours else None,
        resource_version=meta.resource_version,
    )


def find_targets(pods: Iterable[AgentPod], daemonset_uid: str | None) -> dict[str, AgentTarget]:
    """The agents to poll, by node name. While a node has two (a rolling update), the ready, newest one that stays."""
    if not daemonset_uid:
        return {}
    best: dict[str, tuple[tuple[bool, bool, str, str], AgentTarget]] = {}
    for pod in pods:
        if pod.daemonset_uid != daemonset_uid or pod.phase != "Running" or not pod.node_name or not pod.pod_ip:
            continue
        if not _is_address(pod.pod_ip) or not 0 < pod.port < 65536:
            continue
        rank = (not pod.deleting, pod.ready, pod.created, pod.uid)
        if pod.node_name not in best or rank > best[pod.node_name][0]:
            best[pod.node_name] = (rank, AgentTarget(pod.node_name, pod.uid, pod.pod_ip, pod.port))
    return {node_name: target for node_name, (_, target) in best.items()}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
