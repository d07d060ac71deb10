"""What containers and pods are called, also those that are gone: a kill often ends the container whose name it needs."""

from __future__ import annotations

from typing import Final, NamedTuple

from oomsight_api.report import Container, NodeReport

MAX_NAMES: Final = 4096
"""Containers remembered; about 1 MiB."""


class Name(NamedTuple):
    """As /var/log/containers told it."""

    pod_uid: str
    pod_name: str | None
    namespace: str | None
    container_name: str | None


class Names:
    """By container id and by pod uid; those seen longest ago are forgotten first."""

    def __init__(self) -> None:
        self._containers: dict[str, Name] = {}
        self._pods: dict[str, Name] = {}

    def remember(self, report: NodeReport) -> None:
        """Take the names of a full report's containers."""
        for row in report.containers:
            known = self._containers.get(row.container_id)
            if known is None or (row.pod_name is not None and known[1:] != (row.pod_name, row.namespace, row.container_name)):
                self._take(row)
        for table in (self._containers, self._pods):
            while len(table) > MAX_NAMES:
                del table[next(iter(table))]

    def _take(self, row: Container) -> None:
        name = Name(row.pod_uid, row.pod_name, row.namespace, row.container_name)
        self._containers.pop(row.container_id, None)
        self._containers[row.container_id] = name
        if row.pod_name is not None:
            self._pods.pop(row.pod_uid, None)
            self._pods[row.pod_uid] = name

    def container(self, container_id: str | None) -> Name | None:
        return self._containers.get(container_id) if container_id is not None else None

    def pod(self, pod_uid: str | None) -> tuple[str | None, str | None]:
        """Name and namespace."""
        name = self._pods.get(pod_uid) if pod_uid is not None else None
        return (None, None) if name is None else (name.pod_name, name.namespace)
