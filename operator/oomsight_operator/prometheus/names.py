"""Which pods of the past belonged to a workload. Pure. They no longer exist, so it is known from three witnesses, best first:

1. the API, for pods that still live;
2. kube-state-metrics (`kube_pod_owner`, `kube_replicaset_owner` and their like), where Prometheus has it;
3. how controllers name pods: a suffix from an alphabet without vowels (k8s.io/apimachinery/pkg/util/rand).

A name that could be of two workloads of the namespace belongs to none: rather no history than another's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from oomsight_operator.prometheus.promql import OWNERS, escaped

_RANDOM: Final = "[bcdfghjklmnpqrstvwxz2456789]"
_SUFFIX: Final = f"-{_RANDOM}{{5}}"
_HASH: Final = f"-{_RANDOM}{{6,10}}"
"""A ReplicaSet's hash: a 32-bit number in decimal, each digit a letter (SafeEncodeString). Fewer than 6 digits have 2 in 100,000 of
them, and words like `db` or `cp` are shorter."""
_VERSION: Final = "-[0-9]{1,6}"
"""A DeploymentConfig's ReplicationControllers are numbered."""
_MINUTE: Final = "-[0-9]{8,10}"
"""A CronJob's Jobs have the minute, once the second."""
_RULES: Final[Mapping[str, str]] = {
    "Deployment": _HASH + _SUFFIX,
    "ReplicaSet": _SUFFIX,
    "ReplicationController": _SUFFIX,
    "DeploymentConfig": _VERSION + _SUFFIX,
    "DaemonSet": _SUFFIX,
    "StatefulSet": "-(0|[1-9][0-9]{0,5})",
    "Job": "(-[0-9]{1,6})?" + _SUFFIX,
    "CronJob": _MINUTE + "(-[0-9]{1,6})?" + _SUFFIX,
    "Pod": "",
}
"""What follows the workload's name. Pods of an indexed Job have their index."""
_MAKERS: Final[Mapping[str, tuple[str, str]]] = {
    "ReplicaSet": ("Deployment", _HASH),
    "Job": ("CronJob", _MINUTE),
    "ReplicationController": ("DeploymentConfig", _VERSION),
}
"""Who usually makes controllers of a kind, and what follows its name in theirs."""
UNCUT: Final = 46
"""Names up to this length stand uncut in those of their pods: names with a random end are cut to 63 characters
(k8s.io/apiserver/pkg/storage/names), of which hash, index and suffix take 17 at most."""
_NEVER_CUT: Final = frozenset({"Pod", "StatefulSet"})


@dataclass(frozen=True, slots=True)
class Workload:
    """By kind and name, within one namespace."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Owners:
    """What kube-state-metrics says: the controller of each pod by its name, and of each controller."""

    pods: Mapping[str, Workload] = field(default_factory=dict)
    above: Mapping[Workload, Workload] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Living:
    """The namespace as the API shows it now."""

    pods: Mapping[str, Workload] = field(default_factory=dict)
    """The workload of each pod by its name; a pod without a controller is its own."""

    @property
    def workloads(self) -> frozenset[Workload]:
        return frozenset(self.pods.values())


def common_prefix(workload: Workload) -> str:
    """How all names of its pods begin."""
    return workload.name[:UNCUT]


def pattern_of(workload: Workload) -> str | None:
    """A pattern (RE2) of its pods' names; None where names tell nothing: of other kinds, or because they are cut."""
    rule = _RULES.get(workload.kind)
    if rule is None or (len(workload.name) > UNCUT and workload.kind not in _NEVER_CUT):
        return None
    return escaped(workload.name) + rule


def is_named_after(workload: Workload, pod_name: str) -> bool:
    """Whether the name is as the workload's controller would give it."""
    pattern = pattern_of(workload)
    return pattern is not None and re.fullmatch(pattern, pod_name) is not None


def owners_of(label_sets: Iterable[Mapping[str, str]]) -> Owners:
    """What kube-state-metrics says. Names with two controllers are left out; a static pod, whose owner is its node, is its own
    workload."""
    told: dict[Workload, Workload | None] = {}
    for labels in label_sets:
        kind, label = OWNERS.get(labels.get("__name__", ""), ("", ""))
        one, owner = Workload(kind, labels.get(label, "")), _owner(labels)
        if not (kind and one.name) or labels.get("owner_is_controller") == "false":
            continue
        if kind == "Pod" and (owner is None or owner.kind == "Node"):
            owner = one
        if owner is not None:
            told[one] = owner if told.get(one, owner) == owner else None
    known = {one: owner for one, owner in told.items() if owner is not None}
    pods = {one.name: owner for one, owner in known.items() if one.kind == "Pod"}
    return Owners(pods, {one: owner for one, owner in known.items() if one.kind != "Pod"})


def _owner(labels: Mapping[str, str]) -> Workload | None:
    kind, name = labels.get("owner_kind", ""), labels.get("owner_name", "")
    return Workload(kind, name) if kind and name and not kind.startswith("<") else None


def pods_of(workload: Workload, candidates: Iterable[str], living: Living, owners: Owners) -> tuple[str, ...]:
    """Those of the candidates that are or were pods of the workload, sorted."""
    rivals = [other for other in living.workloads if other != workload and pattern_of(other) is not None]
    return tuple(sorted({name for name in candidates if _belongs(workload, name, living, owners, rivals)}))


def _belongs(workload: Workload, name: str, living: Living, owners: Owners, rivals: Iterable[Workload]) -> bool:
    alive = living.pods.get(name)
    if alive is not None:
        return alive == workload
    told = owners.pods.get(name)
    if told is not None:
        return _controls(workload, told, owners)
    return is_named_after(workload, name) and not any(is_named_after(other, name) for other in rivals)


def _controls(workload: Workload, controller: Workload, owners: Owners) -> bool:
    """Whether the pod's controller is the workload, or is controlled by it; by its name where nobody says."""
    if controller == workload:
        return True
    above = owners.above.get(controller)
    if above is not None:
        return above == workload
    kind, rule = _MAKERS.get(controller.kind, ("", ""))
    return workload.kind == kind and re.fullmatch(escaped(workload.name) + rule, controller.name) is not None
