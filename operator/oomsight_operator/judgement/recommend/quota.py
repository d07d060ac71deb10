"""Which pods a ResourceQuota counts, and whether what it leaves is enough for a change of a workload.

Source: Kubernetes pkg/quota/v1/evaluator/core/pods.go (podMatchesScopeFunc, PodUsageFunc, Constraints) and generic.Matches: a quota
counts a pod that is in all of its scopes. A recommendation can move a pod from one quota to another: a BestEffort pod that gets a
request leaves those of scope BestEffort and enters those of scope NotBestEffort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from oomsight_api.names import QosClass
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, Pod
from oomsight_operator.judgement.pod_amounts import charged_limit, charged_request
from oomsight_operator.judgement.qos import qos_class
from oomsight_operator.judgement.recommend.surroundings import QuotaRule, QuotaScope, Rollout
from oomsight_operator.judgement.words import printable

LIMITS: Final = "limits.memory"
REQUESTS: Final = "requests.memory"

_MISSING: Final[dict[str, Callable[[ContainerSpec], bool]]] = {
    LIMITS: lambda spec: spec.memory_limit_bytes is None,
    REQUESTS: lambda spec: spec.memory_request_bytes is None and spec.memory_limit_bytes is None,
    "limits.cpu": lambda spec: spec.cpu_limit_millicores is None,
    "requests.cpu": lambda spec: spec.cpu_request_millicores is None and spec.cpu_limit_millicores is None,
}
"""Whether a container lacks what a quota demands; a limit stands for the request as well, since the API server copies it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A pod as it is, as it would be, and how many of them there are."""

    before: Pod
    after: Pod
    rollout: Rollout


def counts(rule: QuotaRule, pod: Pod) -> bool | None:
    """Whether the quota counts the pod; None where one of its scopes, or its operator, is not known here and the others match."""
    matched = [_matches(scope, pod) for scope in rule.scopes]
    if False in matched:
        return False
    return None if None in matched else True


def shortages(quotas: Iterable[QuotaRule], change: Change, resource: str) -> Iterator[str]:
    """A sentence for every quota that leaves less of the resource than the change needs, or may leave less."""
    charged = charged_limit if resource == LIMITS else charged_request
    before, after = charged(change.before), charged(change.after)
    for rule in quotas:
        left = rule.limits_left_bytes if resource == LIMITS else rule.requests_left_bytes
        if left is None:
            continue
        counted, will_count = counts(rule, change.before), counts(rule, change.after)
        leaves = f"ResourceQuota {printable(rule.name)} leaves {human_bytes(max(0, left))} of {resource}"
        if counted is None or will_count is None:
            if left < change.rollout.replicas * (after - before):
                yield f"{leaves}, perhaps too little: whether it counts the pod is not known ({_unknown(rule, change.before)})"
            continue
        held, wanted = before if counted else 0, after if will_count else 0
        sentence = _shortage(left, held, wanted, change.rollout)
        if sentence:
            enters = ", and counts the pod once it is no longer BestEffort" if will_count and not counted else ""
            yield f"{leaves}{enters}{sentence}"


def demands(quotas: Iterable[QuotaRule], change: Change) -> Iterator[str]:
    """A sentence for every quota that the pod enters and that demands what its containers do not set: it would be refused."""
    for rule in quotas:
        if not counts(rule, change.after) or counts(rule, change.before):
            continue
        lacking = []
        for resource in rule.demands:
            lacks = _MISSING.get(resource)
            names = [
                printable(spec.name)
                for spec in change.after.containers
                if lacks is not None and spec.kind is not ContainerKind.EPHEMERAL and lacks(spec)
            ]
            lacking += [f"{resource} of {', '.join(names)}"] if names else []
        if lacking:
            yield (
                f"ResourceQuota {printable(rule.name)} counts the pod once it is no longer BestEffort, and demands"
                f" {'; '.join(lacking)}: set that as well, or new pods are refused"
            )


def _shortage(left: int, held: int, wanted: int, rollout: Rollout) -> str:
    """At its worst a rolling update has every new pod and still `surge` old ones."""
    more = wanted - held
    if more <= 0:
        return ""
    replicas, total = rollout.replicas, rollout.replicas * more
    beside = rollout.surge * held
    each = f"each of {replicas} replicas needs {human_bytes(more)} more, {human_bytes(total)} in all"
    if replicas == 1:
        each = f"the pod needs {human_bytes(more)} more"
    if left < total:
        return f", and {each}: raise the quota first, or new pods are refused"
    if left < total + beside:
        pods = "one old pod" if rollout.surge == 1 else f"{rollout.surge} old pods"
        return (
            f": {each}, and during a rolling update {human_bytes(beside)} for {pods} beside them (maxSurge 25 % assumed):"
            " raise the quota first, or the update stands still"
        )
    return ""


def _matches(scope: QuotaScope, pod: Pod) -> bool | None:
    if scope.name == "PriorityClass":
        return _of_priority_class(scope, pod.priority_class_name)
    return {
        "Terminating": pod.has_deadline,
        "NotTerminating": not pod.has_deadline,
        "BestEffort": qos_class(pod) is QosClass.BEST_EFFORT,
        "NotBestEffort": qos_class(pod) is not QosClass.BEST_EFFORT,
        "CrossNamespacePodAffinity": pod.crosses_namespaces,
    }.get(scope.name)


def _of_priority_class(scope: QuotaScope, name: str | None) -> bool | None:
    """As a label selector over one label; NotIn matches a pod without a priority class."""
    match scope.operator:
        case "Exists":
            return bool(name)
        case "DoesNotExist":
            return not name
        case "In":
            return bool(name) and name in scope.values
        case "NotIn":
            return not name or name not in scope.values
        case _:
            return None


def _unknown(rule: QuotaRule, pod: Pod) -> str:
    """The scopes that nobody here knows."""
    strange = (scope for scope in rule.scopes if _matches(scope, pod) is None)
    return ", ".join(f"scope {printable(scope.name, 63)} with operator {printable(scope.operator, 63)}" for scope in strange)
