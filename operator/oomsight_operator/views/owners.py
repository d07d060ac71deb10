"""Whose a process is: the pod and container that the API names, joined by the keys that no tenant can write (polling/join.py)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from oomsight_operator.judgement.kill_order.model import Candidate
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.words import printable
from oomsight_operator.polling.join import join
from oomsight_operator.polling.telemetry import NodeTelemetry

MAX_PROCESS_NAME = 64


@dataclass(frozen=True, slots=True)
class Owner:
    """Names as they may be shown: printable ASCII."""

    namespace: str | None = None
    pod: str | None = None
    container: str | None = None
    """None within a known pod: its sandbox, or a container that its status does not name yet."""
    by_agent: bool = False
    """The API does not know the pod (any more): the names are the agent's word."""


NOBODY = Owner()


class Owners:
    """The owners of a node's processes."""

    def __init__(self, node: NodeTelemetry, pods: Iterable[Pod]) -> None:
        self._node = node
        self._by_container: dict[str, Owner] = {}
        self._by_pod: dict[str, Owner] = {}
        for pod in pods:
            telemetry = join(pod, node)
            if telemetry is None:
                continue
            namespace, name = printable(pod.namespace), printable(pod.name)
            for container, row in telemetry.rows.items():
                self._by_container[row.container_id] = Owner(namespace, name, printable(container))
            if telemetry.rows or pod.config_hash is None:  # a config hash stands in an annotation: not believed by itself
                self._by_pod[pod.cgroup_uid] = Owner(namespace, name)

    def of_container(self, container_id: str | None) -> Owner:
        """By the API, else by the agent."""
        row = self._node.containers.get(container_id) if container_id is not None else None
        if row is None:
            return NOBODY
        known = self._by_container.get(row.container_id) or self._by_pod.get(row.pod_uid)
        if known is not None:
            return known
        return Owner(_shown(row.namespace), _shown(row.pod_name), _shown(row.container_name), by_agent=True)

    def of_pod(self, pod_uid: str) -> Owner:
        """By the uid that names the pod's cgroup."""
        known = self._by_pod.get(pod_uid)
        if known is not None:
            return known
        row = next((each for each in self._node.containers.values() if each.pod_uid == pod_uid and each.pod_name), None)
        if row is None:
            return NOBODY
        return Owner(_shown(row.namespace), _shown(row.pod_name), by_agent=True)

    def label(self, candidate: Candidate) -> str:
        """For sentences: `team-a/web-1 container app`, `process sshd (pid 9) outside pods`."""
        process = self.process_label(candidate)
        if candidate.container_id is None:
            return f"{process} outside pods"
        owner = self.of_container(candidate.container_id)
        if owner.pod is None:
            return f"{process} of an unknown pod"
        pod = f"{owner.namespace or 'unknown'}/{owner.pod}"
        return f"{pod} container {owner.container}" if owner.container is not None else f"{pod} {process}"

    @staticmethod
    def process_label(candidate: Candidate) -> str:
        """Where all are of one container: `process nginx (pid 11)`."""
        return f"process {process_name(candidate)} (pid {candidate.pid})"

    def document(self, candidate: Candidate) -> dict[str, Any]:
        """For JSON."""
        document = self.owner_document(self.of_container(candidate.container_id))
        if candidate.container_id is not None:
            document["containerID"] = printable(candidate.container_id, 128)
            document["podUID"] = printable(candidate.pod_uid or "", 128)
        return {**document, "process": process_name(candidate), "pid": candidate.pid}

    @staticmethod
    def owner_document(owner: Owner) -> dict[str, Any]:
        """The names alone."""
        names = {"namespace": owner.namespace, "pod": owner.pod, "container": owner.container}
        document: dict[str, Any] = {key: name for key, name in names.items() if name is not None}
        return {**document, "namesBy": "agent"} if owner.by_agent else document


def _shown(name: str | None) -> str | None:
    return printable(name) if name else None


def process_name(candidate: Candidate) -> str:
    """A tenant's fifteen bytes, printable."""
    return printable(candidate.name, MAX_PROCESS_NAME)
