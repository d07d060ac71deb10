"""What bounds the memory of a namespace's pods: LimitRanges, ResourceQuotas, and autoscalers that go by memory.

Autoscalers are read as autoscaling/v1, which every Kubernetes serves; there the metrics other than CPU stand in an annotation,
which the API server writes whichever version an autoscaler was made in (pkg/apis/autoscaling/v1/conversion.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, Generic, TypeVar

import msgspec

from oomsight_api.quantity import QuantityError, parse_bytes, parse_millicores
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.model import Owner
from oomsight_operator.judgement.recommend.surroundings import LimitRule, QuotaRule, QuotaScope, ScaledBy
from oomsight_operator.kube.objects import NamespacedMeta, decode_object

METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/metrics"
_DEMANDED = ("limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
_SHORT = {"cpu": "requests.cpu", "memory": "requests.memory"}
"""Other names of the same (validationSet in pkg/quota/v1/evaluator/core/pods.go)."""
_MAX_METRICS_LENGTH = 65_536


@dataclass(frozen=True, slots=True)
class LimitRange:
    """One LimitRange, as far as it is about the memory of containers."""

    uid: str
    namespace: str
    rules: tuple[LimitRule, ...] = ()
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class ResourceQuota:
    """One ResourceQuota; no rule where it does not bound memory."""

    uid: str
    namespace: str
    rule: QuotaRule | None = None
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """One HorizontalPodAutoscaler."""

    uid: str
    namespace: str
    name: str
    target_kind: str
    target_name: str
    of_containers: tuple[str | None, ...]
    """Whose use of memory relative to the request it goes by: one container's (its name), or that of all together (None); empty
    where it goes by something else."""
    resource_version: str = ""


class _AnnotatedMeta(NamespacedMeta, rename="camel"):
    annotations: dict[str, str] | None = None


class _LimitItem(msgspec.Struct, rename="camel"):
    type: str = ""
    min: dict[str, Any] | None = None
    max: dict[str, Any] | None = None
    max_limit_request_ratio: dict[str, Any] | None = None


class _LimitSpec(msgspec.Struct):
    limits: list[_LimitItem] | None = None


class _LimitRange(msgspec.Struct):
    metadata: NamespacedMeta
    spec: _LimitSpec | None = None


class _ScopeRequirement(msgspec.Struct, rename="camel"):
    scope_name: str = ""
    operator: str = ""
    values: list[str] | None = None


class _ScopeSelector(msgspec.Struct, rename="camel"):
    match_expressions: list[_ScopeRequirement] | None = None


class _QuotaSpec(msgspec.Struct, rename="camel"):
    scopes: list[str] | None = None
    scope_selector: _ScopeSelector | None = None


class _QuotaStatus(msgspec.Struct):
    hard: dict[str, Any] | None = None
    used: dict[str, Any] | None = None


class _Quota(msgspec.Struct):
    metadata: NamespacedMeta
    spec: _QuotaSpec | None = None
    status: _QuotaStatus | None = None


class _Target(msgspec.Struct):
    kind: str = ""
    name: str = ""


class _ScalerSpec(msgspec.Struct, rename="camel"):
    scale_target_ref: _Target


class _Scaler(msgspec.Struct):
    metadata: _AnnotatedMeta
    spec: _ScalerSpec


class _Resource(msgspec.Struct, rename="camel"):
    name: str = ""
    container: str | None = None
    target_average_utilization: int | None = None


class _Metric(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    container_resource: _Resource | None = None


_limit_range = msgspec.json.Decoder(_LimitRange)
_quota = msgspec.json.Decoder(_Quota)
_scaler = msgspec.json.Decoder(_Scaler)
_metrics = msgspec.json.Decoder(list[_Metric])


def project_limit_range(raw: bytes | msgspec.Raw) -> LimitRange:
    """A LimitRange from its JSON. Raises MalformedObjectError; an amount that makes no sense is None."""
    found = decode_object(_limit_range, raw, "LimitRange")
    items = (item for item in (found.spec.limits if found.spec is not None else None) or () if item.type in ("Container", "Pod"))
    rules = (
        LimitRule(
            found.metadata.name,
            min_bytes=_memory(item.min),
            max_bytes=_memory(item.max),
            max_ratio=_ratio(item.max_limit_request_ratio),
            of_pod=item.type == "Pod",
        )
        for item in items
    )
    kept = tuple(rule for rule in rules if (rule.min_bytes, rule.max_bytes, rule.max_ratio) != (None, None, None))
    return LimitRange(found.metadata.uid, intern(found.metadata.namespace), kept, found.metadata.resource_version)


def project_resource_quota(raw: bytes | msgspec.Raw) -> ResourceQuota:
    """A ResourceQuota from its JSON. Raises MalformedObjectError."""
    found = decode_object(_quota, raw, "ResourceQuota")
    status = found.status or _QuotaStatus()
    hard, used = status.hard or {}, status.used or {}
    limits = _left(hard, used, ("limits.memory",))
    requests = _left(hard, used, ("requests.memory", "memory"))
    named = {_SHORT.get(name, name) for name in hard}
    rule = QuotaRule(
        found.metadata.name,
        limits_left_bytes=limits,
        requests_left_bytes=requests,
        scopes=_scopes(found.spec or _QuotaSpec()),
        demands=tuple(name for name in _DEMANDED if name in named),
    )
    bounds = limits is not None or requests is not None or bool(rule.demands)
    return ResourceQuota(
        found.metadata.uid, intern(found.metadata.namespace), rule if bounds else None, found.metadata.resource_version
    )


def project_autoscaler(raw: bytes | msgspec.Raw) -> Autoscaler:
    """A HorizontalPodAutoscaler (autoscaling/v1) from its JSON. Raises MalformedObjectError."""
    found = decode_object(_scaler, raw, "HorizontalPodAutoscaler")
    target = found.spec.scale_target_ref
    return Autoscaler(
        uid=found.metadata.uid,
        namespace=intern(found.metadata.namespace),
        name=found.metadata.name,
        target_kind=intern(target.kind),
        target_name=target.name,
        of_containers=_containers_scaled_by((found.metadata.annotations or {}).get(METRICS_ANNOTATION, "")),
        resource_version=found.metadata.resource_version,
    )


def _containers_scaled_by(text: str) -> tuple[str | None, ...]:
    """Those whose memory relative to the request is a metric: an average value does not move with the request."""
    if not text or len(text) > _MAX_METRICS_LENGTH:
        return ()
    try:
        metrics = _metrics.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ()
    resources = (each.resource or each.container_resource for each in metrics)
    scaling = (
        each for each in resources if each is not None and each.name == "memory" and each.target_average_utilization is not None
    )
    return tuple(dict.fromkeys(each.container for each in scaling))


def _scopes(spec: _QuotaSpec) -> tuple[QuotaScope, ...]:
    """getScopeSelectorsFromQuota: both ways to say it, of which all must hold."""
    plain = (QuotaScope(name) for name in spec.scopes or ())
    selecting = (spec.scope_selector.match_expressions if spec.scope_selector is not None else None) or ()
    return (*plain, *(QuotaScope(each.scope_name, each.operator, tuple(each.values or ())) for each in selecting))


def _memory(amounts: Mapping[str, Any] | None, resource: str = "memory") -> int | None:
    try:
        return parse_bytes((amounts or {})[resource])
    except (KeyError, QuantityError):
        return None


def _ratio(amounts: Mapping[str, Any] | None) -> float | None:
    """A plain number such as `2` or `1500m`."""
    try:
        return parse_millicores((amounts or {})["memory"]) / 1000
    except (KeyError, QuantityError):
        return None


def _left(hard: Mapping[str, Any], used: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The least that any of these bounds leaves; None where none is set, or what is used is not known."""
    left = ((_memory(hard, name), _memory(used, name)) for name in names)
    return min((most - taken for most, taken in left if most is not None and taken is not None), default=None)


N = TypeVar("N", LimitRange, ResourceQuota, Autoscaler)


class _ByNamespace(Generic[N]):
    """The objects of a Store by namespace, in the order of their uids."""

    def __init__(self, store: Store[N]) -> None:
        self._found: dict[str, dict[str, N]] = {}
        for each in store:
            self._change(None, each)
        store.listen(self._change)

    def get(self, namespace: str) -> tuple[N, ...]:
        return tuple(self._found.get(namespace, {}).values())

    def _change(self, old: N | None, new: N | None) -> None:
        if old is not None and old.namespace in self._found:
            self._found[old.namespace].pop(old.uid, None)
            if not self._found[old.namespace]:
                del self._found[old.namespace]
        if new is not None:
            self._found.setdefault(new.namespace, {})[new.uid] = new


class Constraints:
    """What bounds a workload, by its namespace. Follows three Stores."""

    def __init__(
        self,
        limit_ranges: Store[LimitRange] | None = None,
        quotas: Store[ResourceQuota] | None = None,
        autoscalers: Store[Autoscaler] | None = None,
    ) -> None:
        self._limit_ranges = _ByNamespace(limit_ranges if limit_ranges is not None else Store())
        self._quotas = _ByNamespace(quotas if quotas is not None else Store())
        self._autoscalers = _ByNamespace(autoscalers if autoscalers is not None else Store())

    def limit_rules(self, namespace: str) -> tuple[LimitRule, ...]:
        return tuple(rule for each in self._limit_ranges.get(namespace) for rule in each.rules)

    def quotas(self, namespace: str) -> tuple[QuotaRule, ...]:
        return tuple(each.rule for each in self._quotas.get(namespace) if each.rule is not None)

    def autoscalers(self, namespace: str, workload: Owner | None) -> tuple[ScaledBy, ...]:
        """Those that scale the workload by memory."""
        if workload is None:
            return ()
        wanted = (workload.kind, workload.name)
        scalers = (each for each in self._autoscalers.get(namespace) if (each.target_kind, each.target_name) == wanted)
        return tuple(ScaledBy(each.name, container) for each in scalers for container in each.of_containers)
