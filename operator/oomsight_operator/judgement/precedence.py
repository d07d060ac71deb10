"""Which policy decides for a pod, after Gateway API GEP-713 (https://gateway-api.sigs.k8s.io/geps/gep-713/).

A MemoryPolicy of the pod's own namespace beats the `defaults` of every ClusterMemoryPolicy; `overrides` beat both. Among equals the
older creationTimestamp wins, then the first `{namespace}/{name}` by alphabet. Specs are atomic: the winner decides everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from oomsight_api.parse import Identity, ParsedPolicy
from oomsight_api.policy import ClusterMemoryPolicySpec, MemoryPolicySpec
from oomsight_api.selectors import CompiledSelector
from oomsight_operator.judgement.model import EffectivePolicy, PolicyRef

_OVERRIDES, _NAMESPACED, _DEFAULTS = range(3)
_MAX_CACHED_NAMESPACES = 20_000
_MAX_CACHED_DECISIONS = 4_096
"""Per namespace; pods of one workload share a decision."""


def policy_ref(identity: Identity) -> PolicyRef:
    """How a policy is named to others, also one whose spec is invalid."""
    kind: Literal["MemoryPolicy", "ClusterMemoryPolicy"] = "MemoryPolicy" if identity.kind.namespaced else "ClusterMemoryPolicy"
    return PolicyRef(kind, identity.name, identity.namespace)


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A policy that was accepted, with what precedence needs to know of its object."""

    ref: PolicyRef
    spec: MemoryPolicySpec | ClusterMemoryPolicySpec
    uid: str
    created_at_seconds: float
    generation: int

    @classmethod
    def of(cls, parsed: ParsedPolicy) -> PolicyRecord:
        """From what the parser gave."""
        identity = parsed.identity
        ref = policy_ref(identity)
        return cls(ref, parsed.spec, identity.uid, identity.created_at_seconds, identity.generation)

    @property
    def rank(self) -> tuple[int, float, str]:
        """Sorts policies by precedence: the least decides."""
        tier = _NAMESPACED
        if isinstance(self.spec, ClusterMemoryPolicySpec):
            tier = _DEFAULTS if self.spec.overrides is None else _OVERRIDES
        return (tier, self.created_at_seconds, f"{self.ref.namespace or ''}/{self.ref.name}")


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides for a pod, and who would have."""

    effective: EffectivePolicy | None
    """None when no policy selects the pod: then nothing is written about it."""
    losers: tuple[PolicyRef, ...] = ()
    """The other policies that select the pod, by precedence; each lost to the effective one."""


NO_POLICY = Decision(None)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A policy, compiled for matching."""

    ref: PolicyRef
    effective: EffectivePolicy
    pods: CompiledSelector
    namespaces: CompiledSelector | None
    """None for a MemoryPolicy, which selects its own namespace only."""

    @classmethod
    def of(cls, record: PolicyRecord) -> _Candidate:
        spec = record.spec
        pods = CompiledSelector.of(spec.pod_selector)
        if isinstance(spec, MemoryPolicySpec):
            return cls(record.ref, EffectivePolicy(record.ref, spec), pods, None)
        effective = EffectivePolicy(record.ref, spec.rules, overrides=spec.overrides is not None)
        return cls(record.ref, effective, pods, CompiledSelector.of(spec.namespace_selector))

    def concerns(self, namespace: str, namespace_labels: Mapping[str, str]) -> bool:
        if self.namespaces is None:
            return self.ref.namespace == namespace
        return self.namespaces.matches(namespace_labels)


@dataclass(slots=True)
class _Namespace:
    """The candidates for the pods of one namespace, by precedence, and the decisions already made."""

    labels: dict[str, str]
    candidates: tuple[_Candidate, ...]
    keys: tuple[str, ...]
    """Labels of a pod that the decision depends on."""
    by_label: dict[tuple[str, str], list[int]]
    """Positions of the candidates that ask for this label with this value; each stands under one of its labels."""
    always: list[int]
    """Positions of those that ask for no value: compared with every pod."""
    decisions: dict[tuple[str | None, ...], Decision] = field(default_factory=dict)

    @classmethod
    def of(cls, labels: Mapping[str, str], candidates: tuple[_Candidate, ...]) -> _Namespace:
        by_label: dict[tuple[str, str], list[int]] = {}
        always: list[int] = []
        for position, candidate in enumerate(candidates):
            equal = candidate.pods.equal
            (by_label.setdefault(equal[0], []) if equal else always).append(position)
        keys = tuple(sorted({key for candidate in candidates for key in candidate.pods.keys}))
        return cls(dict(labels), candidates, keys, by_label, always)

    def decide(self, pod_labels: Mapping[str, str]) -> Decision:
        """The decision for a pod with these labels, without looking at earlier ones."""
        positions = self.always + [each for key in self.keys for each in self.by_label.get((key, pod_labels.get(key, "")), ())]
        selecting = [self.candidates[each] for each in sorted(positions) if self.candidates[each].pods.matches(pod_labels)]
        return Decision(selecting[0].effective, tuple(loser.ref for loser in selecting[1:])) if selecting else NO_POLICY


class PolicySet:
    """All policies, sorted and compiled once. Make a new one when a policy changes; new labels of a namespace are noticed.

    `decide` always gives the same answer for the same arguments; what it remembers only saves time (about a microsecond a pod).
    """

    def __init__(self, policies: Iterable[PolicyRecord] = ()) -> None:
        self.records: tuple[PolicyRecord, ...] = tuple(sorted(policies, key=lambda record: record.rank))
        self._by_namespace: dict[str, list[tuple[int, _Candidate]]] = {}
        self._cluster_wide: list[tuple[int, _Candidate]] = []
        for order, record in enumerate(self.records):
            candidate = _Candidate.of(record)
            if candidate.namespaces is None:
                self._by_namespace.setdefault(record.ref.namespace or "", []).append((order, candidate))
            else:
                self._cluster_wide.append((order, candidate))
        self._namespaces: dict[str, _Namespace] = {}

    def decide(self, namespace: str, pod_labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> Decision:
        """Who decides for a pod with these labels, in a namespace with these labels."""
        known = self._namespaces.get(namespace)
        if known is None or known.labels != namespace_labels:
            known = self._compile(namespace, namespace_labels)
        if not known.candidates:
            return NO_POLICY
        relevant = tuple([pod_labels.get(key) for key in known.keys])
        decision = known.decisions.get(relevant)
        if decision is None:
            if len(known.decisions) >= _MAX_CACHED_DECISIONS:
                known.decisions.clear()
            decision = known.decisions[relevant] = known.decide(pod_labels)
        return decision

    def _compile(self, namespace: str, namespace_labels: Mapping[str, str]) -> _Namespace:
        ordered = sorted((*self._cluster_wide, *self._by_namespace.get(namespace, ())), key=lambda pair: pair[0])
        candidates = tuple(candidate for _, candidate in ordered if candidate.concerns(namespace, namespace_labels))
        if len(self._namespaces) >= _MAX_CACHED_NAMESPACES:
            self._namespaces.clear()
        known = self._namespaces[namespace] = _Namespace.of(namespace_labels, candidates)
        return known


def decide(
    pod_namespace: str, pod_labels: Mapping[str, str], namespace_labels: Mapping[str, str], policies: Iterable[PolicyRecord]
) -> Decision:
    """Who decides for one pod. For many pods, make a PolicySet once."""
    return PolicySet(policies).decide(pod_namespace, pod_labels, namespace_labels)
