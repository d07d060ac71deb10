"""Under which names a container's series stand in Prometheus: namespace, pod and container, never a process, pid or path.

A container whose link in /var/log/containers is not there (yet) has no names; it gets its pod's uid and its own id, which are
as bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from oomsight_agent.kernel.problem import printable_text
from oomsight_api.report import Container, NodeReport

SANDBOX_CONTAINER = "POD"
"""What cAdvisor, and so every dashboard, calls a pod's sandbox."""

SANDBOX_OOM_SCORE_ADJ = -998
SANDBOX_PROCESS = "pause"
"""The kubelet's value for sandboxes alone (pkg/kubelet/qos/policy.go): by it an unnamed container is known as one."""


class Series(NamedTuple):
    """A container's labels; a field that does not apply is empty, which Prometheus takes as absent."""

    namespace: str = ""
    pod: str = ""
    container: str = ""
    pod_uid: str = ""
    container_id: str = ""


class PodName(NamedTuple):
    namespace: str
    pod: str


def is_sandbox(row: Container) -> bool:
    """True for the pod's sandbox: no log link names it, and the kubelet gave it its score, or its only process is `pause`."""
    if row.container_name is not None:
        return False
    if row.oom_score_adj_min == row.oom_score_adj_max == SANDBOX_OOM_SCORE_ADJ:
        return True
    return row.process_count == 1 and [process.name for process in row.processes] == [SANDBOX_PROCESS]


def pod_names(report: NodeReport) -> dict[str, PodName]:
    """Names of pods by uid, as far as any of their containers is named."""
    return {
        row.pod_uid: PodName(row.namespace, row.pod_name)
        for row in report.containers
        if row.namespace is not None and row.pod_name is not None
    }


def container_series(row: Container, names: Mapping[str, PodName]) -> Series:
    """The labels of one container. Two containers may share them for a moment, while an old one is being removed."""
    name = names.get(row.pod_uid)
    if name is None:
        return Series(pod_uid=row.pod_uid, container_id=row.container_id)
    if row.container_name is not None:
        return Series(*name, row.container_name)
    if is_sandbox(row):
        return Series(*name, SANDBOX_CONTAINER)
    return Series(*name, container_id=row.container_id)


def pod_series(pod_uid: str, names: Mapping[str, PodName]) -> Series:
    """The labels of a pod's own cgroup."""
    name = names.get(pod_uid)
    return Series(pod_uid=pod_uid) if name is None else Series(*name)


def label_pairs(node: str, series: Series) -> str:
    """`node="…",namespace="…",…` without braces, empty labels left out."""
    pairs = [f'node="{escape_label(node)}"']
    pairs += [f'{name}="{escape_label(value)}"' for name, value in zip(Series._fields, series, strict=True) if value]
    return ",".join(pairs)


def escape_label(value: str) -> str:
    """A label's value in the text format: backslash, quote and line break escaped; what is not printable ASCII as `\\xNN` first."""
    if not (value.isascii() and value.isprintable()):
        value = printable_text(value)
    return value.replace("\\", "\\\\").replace('"', '\\"')
