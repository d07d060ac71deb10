"""A pod as the API sends it, projected to what judgement needs. Pure.

Decoded by msgspec into the few fields that are kept; the rest of a pod (6 KiB and more) is skipped, not built. Strings that many
pods share are interned.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sys import intern
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from oomsight_api.names import CONFIG_HASH_ANNOTATION, PREFIX, RISK_LABEL
from oomsight_api.quantity import QuantityError, parse_bytes, parse_millicores
from oomsight_api.times import TimeError, parse_time
from oomsight_operator.inventory.owners import OwnerReference, controller_of
from oomsight_operator.inventory.starts import RawStart, Starts
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, ContainerStatus, Pod, Termination
from oomsight_operator.judgement.runtime.setting import HeapSetting
from oomsight_operator.kube.objects import NamespacedMeta, decode_object

log = logging.getLogger(__name__)

_CONTAINER_ID = re.compile(r"(?:[A-Za-z0-9.-]{1,32}://)?([0-9a-f]{64})")
_CONFIG_HASH = re.compile(r"[0-9a-f]{32}")
"""md5 in hex, as the kubelet names static pods (pkg/kubelet/config/common.go). No API pod's uid looks so: it cannot be claimed."""
MAX_TOLD = 1000
MAX_SHARED = 20_000
_NOTHING: Mapping[str, str] = MappingProxyType({})
_MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


class _Meta(NamespacedMeta, rename="camel"):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    deletion_timestamp: str | None = None


class _Resources(msgspec.Struct):
    requests: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None


class _Container(RawStart, rename="camel"):
    resources: _Resources | None = None
    restart_policy: str | None = None


class _AffinityTerm(msgspec.Struct, rename="camel"):
    namespaces: list[str] | None = None
    namespace_selector: dict[str, Any] | None = None


class _WeightedTerm(msgspec.Struct, rename="camel"):
    pod_affinity_term: _AffinityTerm | None = None


class _PodAffinity(msgspec.Struct, rename="camel"):
    required: list[_AffinityTerm] | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[_WeightedTerm] | None = msgspec.field(default=None, name="preferredDuringSchedulingIgnoredDuringExecution")


class _Affinity(msgspec.Struct, rename="camel"):
    pod_affinity: _PodAffinity | None = None
    pod_anti_affinity: _PodAffinity | None = None


class _Spec(msgspec.Struct, rename="camel"):
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None
    ephemeral_containers: list[_Container] | None = None
    node_name: str | None = None
    resources: _Resources | None = None
    overhead: dict[str, Any] | None = None
    priority: int | None = None
    priority_class_name: str | None = None
    active_deadline_seconds: int | None = None
    affinity: _Affinity | None = None


class _Terminated(msgspec.Struct, rename="camel"):
    container_id: str | None = msgspec.field(default=None, name="containerID")
    reason: str | None = None
    exit_code: int | None = None
    started_at: str | None = None
    finished_at: str | None = None


class _Running(msgspec.Struct, rename="camel"):
    started_at: str | None = None


class _State(msgspec.Struct):
    running: _Running | None = None
    terminated: _Terminated | None = None
    waiting: dict[str, Any] | None = None


class _Status(msgspec.Struct, rename="camel"):
    name: str
    container_id: str | None = msgspec.field(default=None, name="containerID")
    restart_count: int = 0
    state: _State | None = None
    last_state: _State | None = None


class _PodStatus(msgspec.Struct, rename="camel"):
    phase: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    qos_class: str | None = None
    container_statuses: list[_Status] | None = None
    init_container_statuses: list[_Status] | None = None
    ephemeral_container_statuses: list[_Status] | None = None


class _Pod(msgspec.Struct):
    metadata: _Meta
    spec: _Spec | None = None
    status: _PodStatus | None = None


_decoder = msgspec.json.Decoder(_Pod)


@dataclass(frozen=True, slots=True)
class ProjectedPod:
    """A pod and what in it made no sense and is therefore None: sentences that name field, found and expected."""

    pod: Pod
    notes: tuple[str, ...] = ()


class Shared:
    """Values that the pods of a workload have in common, kept once: that halves what 150,000 pods cost."""

    def __init__(self) -> None:
        self._labels: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self._containers: dict[tuple[ContainerSpec, ...], tuple[ContainerSpec, ...]] = {}

    def labels(self, labels: dict[str, str]) -> dict[str, str]:
        if len(self._labels) >= MAX_SHARED:
            self._labels.clear()
        return self._labels.setdefault(tuple(labels.items()), labels)

    def containers(self, containers: tuple[ContainerSpec, ...]) -> tuple[ContainerSpec, ...]:
        if len(self._containers) >= MAX_SHARED:
            self._containers.clear()
        return self._containers.setdefault(containers, containers)


def project_pod(raw: bytes | msgspec.Raw, shared: Shared | None = None) -> ProjectedPod:
    """A pod from its JSON. Raises MalformedObjectError when it is no pod; a field that makes no sense becomes None and a note."""
    pod = decode_object(_decoder, raw, "pod")
    notes: list[str] = []
    return ProjectedPod(_pod(pod, shared or Shared(), notes), tuple(notes))


class PodProjector:
    """`project_pod` for an informer: what made no sense is logged once a pod, and counted."""

    def __init__(self, on_note: Callable[[], None] = lambda: None) -> None:
        self._on_note = on_note
        self._told: set[str] = set()
        self._shared = Shared()

    def __call__(self, raw: bytes | msgspec.Raw) -> Pod:
        projected = project_pod(raw, self._shared)
        pod = projected.pod
        if projected.notes and pod.uid not in self._told:
            if len(self._told) >= MAX_TOLD:
                self._told.clear()
            self._told.add(pod.uid)
            self._on_note()
            log.warning(
                "fields of a pod make no sense and are left out",
                extra={"namespace": pod.namespace, "pod": pod.name, "fields": "; ".join(projected.notes)[:1000]},
            )
        return pod


def _pod(pod: _Pod, shared: Shared, notes: list[str]) -> Pod:
    meta, spec, status = pod.metadata, pod.spec or _Spec(), pod.status or _PodStatus()
    labels = shared.labels({intern(key): intern(value) for key, value in (meta.labels or {}).items()})
    annotations = meta.annotations or {}
    pod_resources = _amounts(spec.resources, "spec.resources", notes)
    return Pod(
        uid=meta.uid,
        namespace=intern(meta.namespace),
        name=meta.name,
        node_name=_shared(spec.node_name),
        phase=intern(status.phase or "Unknown"),
        containers=shared.containers(_containers(spec, notes)),
        statuses=_statuses(status, meta.uid, notes),
        labels=labels,
        own_annotations={intern(key): value for key, value in annotations.items() if key.startswith(PREFIX)} or _NOTHING,
        own_label=labels.get(RISK_LABEL),
        pod_memory_request_bytes=pod_resources[0],
        pod_memory_limit_bytes=pod_resources[1],
        pod_cpu_request_millicores=pod_resources[2],
        pod_cpu_limit_millicores=pod_resources[3],
        overhead_bytes=_amount(parse_bytes, (spec.overhead or {}).get("memory"), "spec.overhead.memory", notes),
        priority=spec.priority,
        priority_class_name=_shared(spec.priority_class_name),
        has_deadline=spec.active_deadline_seconds is not None and spec.active_deadline_seconds >= 0,
        crosses_namespaces=_crosses_namespaces(spec.affinity),
        status_qos_class=_shared(status.qos_class),
        config_hash=_config_hash(annotations),
        owner=controller_of(meta.owner_references),
        pod_ip=status.pod_ip or None,
        deletion_timestamp=meta.deletion_timestamp,
        resource_version=meta.resource_version,
    )


def _crosses_namespaces(affinity: _Affinity | None) -> bool:
    """usesCrossNamespacePodAffinity of the quota evaluator; an empty selector, which means all namespaces, counts."""
    both = (affinity.pod_affinity, affinity.pod_anti_affinity) if affinity is not None else ()
    terms = [term for each in both if each is not None for term in each.required or ()]
    terms += [
        weighted.pod_affinity_term
        for each in both
        if each is not None
        for weighted in each.preferred or ()
        if weighted.pod_affinity_term is not None
    ]
    return any(term.namespaces or term.namespace_selector is not None for term in terms)


def _containers(spec: _Spec, notes: list[str]) -> tuple[ContainerSpec, ...]:
    found: dict[str, ContainerSpec] = {}
    starts = Starts()
    for where, kind, containers in (
        ("initContainers", ContainerKind.INIT, spec.init_containers),
        ("containers", ContainerKind.APP, spec.containers),
        ("ephemeralContainers", ContainerKind.EPHEMERAL, spec.ephemeral_containers),
    ):
        for container in containers or ():
            sidecar = kind is ContainerKind.INIT and container.restart_policy == "Always"
            amounts = _amounts(container.resources, f"spec.{where}[{_printable(container.name)}].resources", notes)
            if container.name in found:
                notes.append(f"spec.{where}: name {container.name[:63]!a} found twice, expected once")
                continue
            name, role = intern(container.name), ContainerKind.SIDECAR if sidecar else kind
            found[name] = ContainerSpec(
                name, role, amounts[0], amounts[1], amounts[2], amounts[3], _heap(starts, container, amounts[1], where, notes)
            )
    return tuple(found.values())


def _heap(starts: Starts, container: _Container, limit_bytes: int | None, where: str, notes: list[str]) -> HeapSetting | None:
    """The note tells nothing of what was found, which may be secret."""
    try:
        return starts.heap(container, limit_bytes)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        field = f"spec.{where}[{_printable(container.name)}]"
        notes.append(f"{field}: found command, args or env that do not parse, expected lists of strings and of variables")
        return None


def _amounts(resources: _Resources | None, where: str, notes: list[str]) -> tuple[int | None, int | None, int | None, int | None]:
    """Memory request and limit in bytes, CPU request and limit in millicores. A memory limit of 0, which the API server takes, is
    none (CRI's api.proto: 0 is not specified)."""
    if resources is None:
        return (None, None, None, None)
    requests, limits = resources.requests or {}, resources.limits or {}
    return (
        _amount(parse_bytes, requests.get("memory"), f"{where}.requests.memory", notes),
        _amount(parse_bytes, limits.get("memory"), f"{where}.limits.memory", notes) or None,
        _amount(parse_millicores, requests.get("cpu"), f"{where}.requests.cpu", notes),
        _amount(parse_millicores, limits.get("cpu"), f"{where}.limits.cpu", notes),
    )


def _amount(parse: Callable[[Any], int], value: object, where: str, notes: list[str]) -> int | None:
    if value is None:
        return None
    try:
        return parse(value)
    except QuantityError as error:
        notes.append(f"{where}: {error}")
        return None


def _statuses(status: _PodStatus, pod_uid: str, notes: list[str]) -> dict[str, ContainerStatus]:
    found: dict[str, ContainerStatus] = {}
    for statuses in (status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses):
        for item in statuses or ():
            found.setdefault(intern(item.name), _container_status(item, pod_uid, notes))
    return found


def _container_status(status: _Status, pod_uid: str, notes: list[str]) -> ContainerStatus:
    state, last = status.state or _State(), status.last_state or _State()
    name: Literal["waiting", "running", "terminated", "unknown"] = "unknown"
    if state.running is not None:
        name = "running"
    elif state.terminated is not None:
        name = "terminated"
    elif state.waiting is not None:
        name = "waiting"
    where = f"status of container {status.name[:63]!a}"
    return ContainerStatus(
        name=intern(status.name),
        container_id=_container_id(status.container_id),
        restart_count=max(0, status.restart_count),
        state=name,
        started_at_seconds=_time(state.running.started_at, f"{where}: startedAt", notes) if state.running else None,
        terminated=_termination(state.terminated, f"{pod_uid}/{status.name}", where, notes),
        last_terminated=_termination(last.terminated, f"{pod_uid}/{status.name}", where, notes),
    )


def _termination(terminated: _Terminated | None, whose: str, where: str, notes: list[str]) -> Termination | None:
    if terminated is None:
        return None
    finished = _time(terminated.finished_at, f"{where}: finishedAt", notes)
    return Termination(
        # Some runtimes give no id, and replicas end in the same second.
        container_id=_container_id(terminated.container_id) or f"finished-{finished or 0:.0f}/{whose}",
        reason=_shared(terminated.reason),
        exit_code=terminated.exit_code,
        started_at_seconds=_time(terminated.started_at, f"{where}: startedAt", notes),
        finished_at_seconds=finished,
    )


def _time(text: str | None, where: str, notes: list[str]) -> float | None:
    if not text:
        return None
    try:
        return parse_time(text)
    except TimeError as error:
        notes.append(f"{where}: {error}")
        return None


def _container_id(text: str | None) -> str | None:
    """The bare 64 hex digits of `containerd://…`."""
    match = _CONTAINER_ID.fullmatch(text) if text else None
    return match[1] if match else None


def _config_hash(annotations: dict[str, str]) -> str | None:
    """Only a mirror pod's, and only what a kubelet would write: tenants can put annotations on their pods too."""
    value = annotations.get(CONFIG_HASH_ANNOTATION)
    return value if value and _MIRROR_ANNOTATION in annotations and _CONFIG_HASH.fullmatch(value) else None


def _printable(name: str) -> str:
    """A container's name in a sentence: the API checks it, but what came over the wire is not believed."""
    return ascii(name[:63])[1:-1]


def _shared(text: str | None) -> str | None:
    return intern(text) if text else None
