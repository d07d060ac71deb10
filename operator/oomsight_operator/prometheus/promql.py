"""What Prometheus is asked, in its own language. Pure. Names come from tenants, so all are quoted and escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

UNRECLAIMABLE: Final = ("oomsight_container_memory_unreclaimable_bytes",)
"""Our agent's alone: nothing that cAdvisor exports is the same. `container_memory_rss` leaves out shared and kernel memory."""
WORKING_SET: Final = ("oomsight_container_memory_working_set_bytes", "container_memory_working_set_bytes")
USAGE: Final = ("oomsight_container_memory_peak_bytes", "container_memory_usage_bytes")
MEMORY: Final = (*UNRECLAIMABLE, *WORKING_SET, *USAGE)

KILLS_BY_SCOPE: Final = "oomsight_container_oom_kills_by_scope_total"
OOM_EVENTS: Final = "container_oom_events_total"
LAST_TERMINATED: Final = "kube_pod_container_status_last_terminated_reason"
RESTARTS: Final = "kube_pod_container_status_restarts_total"
LIMITS: Final = ("oomsight_container_memory_limit_bytes", "container_spec_memory_limit_bytes", "kube_pod_container_resource_limits")
"""Of a container, in the order in which they are believed; cAdvisor's is 0 where there is none."""
POD_LIMIT: Final = "oomsight_pod_memory_limit_bytes"

OWNERS: Final[Mapping[str, tuple[str, str]]] = {
    "kube_pod_owner": ("Pod", "pod"),
    "kube_replicaset_owner": ("ReplicaSet", "replicaset"),
    "kube_job_owner": ("Job", "job_name"),
    "kube_replicationcontroller_owner": ("ReplicationController", "replicationcontroller"),
}
"""Of kube-state-metrics: each tells the controllers of one kind, whose names are in that label."""

KNOWN: Final = (*MEMORY, KILLS_BY_SCOPE, OOM_EVENTS, LAST_TERMINATED, RESTARTS, *LIMITS, POD_LIMIT, *OWNERS)
"""All that is ever asked for."""

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_NO_TEXT = re.compile("[\ud800-\udfff\ufffd]")
"""Half characters, which no text can hold, and the one that Go takes for the sign of such."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which series are ours: one namespace, and what tells this cluster from others in the same Prometheus."""

    namespace: str
    matchers: Mapping[str, str] = field(default_factory=dict)
    """Of every query, such as `cluster="prod-1"`."""


def quoted(value: str) -> str:
    """A string literal (Go's rules): backslash, quote and line break escaped; what no text can hold becomes `_`, which is in no
    name of Kubernetes and no sign of a pattern."""
    text = _NO_TEXT.sub("_", value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def escaped(value: str) -> str:
    """A pattern (RE2) that matches this text and nothing else."""
    return _SPECIAL.sub(lambda found: "\\" + found.group(), value)


def selector(metrics: Iterable[str], scope: Scope, **matchers: str) -> str:
    """Series of any of these metrics. `matchers` are whole ones by label, such as `pod='=~"web-.*"'`.

    What a scrape without honorLabels renamed (`exported_pod`) is of another pod than its label `pod` says, and left out.
    """
    names = list(metrics)
    parts = [f"{label}={quoted(value)}" for label, value in scope.matchers.items()]
    parts += [f"namespace={quoted(scope.namespace)}", 'exported_pod=""']
    parts += [f"{label}{matcher}" for label, matcher in matchers.items()]
    if len(names) == 1:
        return names[0] + "{" + ",".join(parts) + "}"
    return "{" + ",".join((f"__name__=~{quoted('|'.join(names))}", *parts)) + "}"


def prefixed(prefix: str) -> str:
    """A matcher of names that begin so."""
    return f"=~{quoted(escaped(prefix) + '.*')}"


def any_of(patterns: Iterable[str]) -> str:
    """A matcher of any of these patterns."""
    return f"=~{quoted('|'.join(patterns))}"


def _containers(metric: str, scope: Scope, pods: str, **more: str) -> str:
    return selector((metric,), scope, pod=pods, container='!~"|POD"', **more)


def memory(metric: str, scope: Scope, pods: str) -> str:
    """The hourly peak of each container, of the worst replica."""
    return f"max by (container) (max_over_time({_containers(metric, scope, pods)}[1h]))"


def kills_by_scope(scope: Scope, pods: str) -> str:
    """Our agent's counter: it begins with a container's first kill, so its hourly value is asked for and not its increase."""
    return f"max by (pod, container, scope) (max_over_time({_containers(KILLS_BY_SCOPE, scope, pods)}[1h]))"


def oom_events(scope: Scope, pods: str) -> str:
    """Kills an hour by cAdvisor's counter."""
    return f"max by (pod, container) (increase({_containers(OOM_EVENTS, scope, pods)}[1h])) > 0"


def oom_restarts(scope: Scope, pods: str) -> str:
    """Hours in which a container was started again after it ended OOMKilled, by kube-state-metrics."""
    ended = _containers(LAST_TERMINATED, scope, pods, reason='="OOMKilled"')
    restarts = _containers(RESTARTS, scope, pods)
    return (
        f"(max by (pod, container) (max_over_time({ended}[1h])) > 0)"
        f" * on (pod, container) (max by (pod, container) (increase({restarts}[1h])) > 0)"
    )


def limit(metric: str, scope: Scope, pods: str) -> str:
    """The limit of each container (of each pod: POD_LIMIT) in force at the end of each hour or, where it ended, when last seen."""
    if metric == POD_LIMIT:
        return f"max by (pod) (last_over_time({selector((metric,), scope, pod=pods)}[1h])) > 0"
    more = {"resource": '="memory"'} if metric == "kube_pod_container_resource_limits" else {}
    return f"max by (pod, container) (last_over_time({_containers(metric, scope, pods, **more)}[1h])) > 0"
