"""A pod of the API and the rows of its node's agent, made one. Pure.

The join is by two keys that the kubelet wrote and no tenant can: the uid that names the pod's cgroup and the container id of the
pod's status. A row that carries another pod's uid is not believed, whatever id it has.
"""

from __future__ import annotations

from oomsight_api.report import Container
from oomsight_operator.judgement.model import LastRow, Pod, Telemetry
from oomsight_operator.polling.telemetry import NodeTelemetry


def join(pod: Pod, node: NodeTelemetry | None) -> Telemetry | None:
    """What the agent of the pod's node told about the pod; None when that agent is silent or there is no node yet.

    Containers without a believable row are left out: they are unknown. A static pod is found by its config hash, which stands in an
    annotation; so its pod row and its incidents count only beside a container that its status confirms.
    """
    if node is None or pod.node_name != node.node_name:
        return None
    rows: dict[str, Container] = {}
    taken: set[str] = set()
    for name, status in pod.statuses.items():
        container_id = status.container_id
        if container_id is None or container_id in taken:
            continue
        row = node.containers.get(container_id)
        if row is not None and row.pod_uid == pod.cgroup_uid:
            rows[name] = row
            taken.add(container_id)
    pod_row = node.pods.get(pod.cgroup_uid) if rows or pod.config_hash is None else None
    incidents = node.incidents.of_pod(pod.cgroup_uid)
    if not rows and pod.config_hash is not None and incidents:
        own = _runs(pod)
        incidents = tuple(told for told in incidents if any(victim.container_id in own for victim in told.victims))
    return Telemetry(
        report_time_seconds=node.time_seconds,
        interval_seconds=node.interval_seconds,
        rows=rows,
        ended=_ended(pod, node),
        pod_row=pod_row,
        incidents=incidents,
        heard_since_seconds=node.since_seconds,
        kernel_log_following=node.kernel_log.following if node.kernel_log is not None else None,
    )


def _ended(pod: Pod, node: NodeTelemetry) -> dict[str, tuple[LastRow, ...]]:
    """The last rows of runs that the pod's status knows to be its own, older run first."""
    if not node.ended:
        return {}
    found: dict[str, tuple[LastRow, ...]] = {}
    for name, status in pod.statuses.items():
        ends = (end.container_id for end in (status.last_terminated, status.terminated) if end is not None)
        ids = dict.fromkeys((*ends, status.container_id))
        last = (node.ended.get(run) for run in ids if run is not None)
        own = tuple(each for each in last if each is not None and each.row.pod_uid == pod.cgroup_uid)
        if own:
            found[name] = own
    return found


def _runs(pod: Pod) -> set[str | None]:
    """Ids of the runs that the pod's status knows."""
    ends = (end for status in pod.statuses.values() for end in (status.terminated, status.last_terminated) if end is not None)
    ids = {status.container_id for status in pod.statuses.values()} | {end.container_id for end in ends}
    return ids - {None}
