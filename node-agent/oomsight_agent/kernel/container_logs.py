"""`/var/log/containers`: the names of a node's containers, without asking the API.

A link `<pod>_<namespace>_<container>-<64 hex>.log` for each container, pointing to
`/var/log/pods/<namespace>_<pod>_<uid>/<container>/0.log`. The kubelet cuts names at 255 bytes, which may take the id; the target
still tells the names and the uid. With only this directory mounted every link dangles, which is normal, and no log leaks.
A sandbox has no link. Source: kubelet pkg/kubelet/kuberuntime/legacy.go (legacyLogSymlink, logSymlink).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from oomsight_agent.kernel.files import note_os_error
from oomsight_agent.kernel.problem import Problem, problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

MAX_LINKS: Final = 20_000
_MAX_NAME_BYTES: Final = 255
_DNS: Final = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_LINK: Final = re.compile(rf"(?P<pod>{_DNS})_(?P<namespace>{_DNS})_(?P<container>{_DNS})-(?P<id>[0-9a-f]{{64}})\.log", re.ASCII)
_TARGET: Final = re.compile(
    rf"(?:.*/)?(?P<namespace>{_DNS})_(?P<pod>{_DNS})_(?P<uid>[0-9a-f-]{{32,36}})/(?P<container>{_DNS})/[0-9]+\.log", re.ASCII
)
_PARTIAL_ID: Final = re.compile(r"-([0-9a-f]{8,63})\.log\Z")


@dataclass(frozen=True, slots=True)
class ContainerName:
    """Names as the API has them: DNS labels and subdomains, so printable ASCII."""

    pod_name: str
    namespace: str
    container_name: str


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """What the target of a link tells; `id_prefix` is what the cut left of the container's id, at least 8 digits, or empty."""

    pod_uid: str
    name: ContainerName
    id_prefix: str = ""


@dataclass(frozen=True, slots=True)
class ContainerNames:
    """The names of a node's containers."""

    by_container_id: Mapping[str, ContainerName] = field(default_factory=lambda: MappingProxyType({}))
    cut: tuple[LinkTarget, ...] = ()
    """Of links whose name lost the id."""

    def find(self, pod_uid: str, container_id: str) -> ContainerName | None:
        """The container's names; None where no link tells them beyond doubt."""
        name = self.by_container_id.get(container_id)
        if name is not None:
            return name
        found = {
            target.name
            for target in self.cut
            if target.pod_uid == pod_uid and target.id_prefix and container_id.startswith(target.id_prefix)
        }
        return found.pop() if len(found) == 1 else None


def parse_link_name(name: str) -> tuple[str, ContainerName] | None:
    """Container id and names of a link that was not cut; None for any other name."""
    match = _LINK.fullmatch(name)
    return (match["id"], ContainerName(match["pod"], match["namespace"], match["container"])) if match else None


def parse_link_target(name: str, target: str) -> LinkTarget | Problem:
    """What a cut link's target tells."""
    match = _TARGET.fullmatch(target)
    if match is None:
        expected = "a target such as '/var/log/pods/<namespace>_<pod>_<uid>/<container>/0.log'"
        return problem(expected, target.encode("utf-8", "surrogateescape"))
    partial = _PARTIAL_ID.search(name)
    container_name = ContainerName(match["pod"], match["namespace"], match["container"])
    return LinkTarget(match["uid"], container_name, partial[1] if partial else "")


def directory_signature(container_log_dir: str) -> tuple[int, int] | None:
    """Changes when a link comes or goes; None without the directory."""
    try:
        status = os.stat(container_log_dir)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def read_container_names(container_log_dir: str, errors: ReadErrors) -> ContainerNames:
    """Every name in the directory; empty where there is none, as on a machine without Kubernetes."""
    by_id: dict[str, ContainerName] = {}
    cut: list[LinkTarget] = []
    try:
        names = os.listdir(container_log_dir)
    except OSError as error:
        note_os_error(errors, FileKind.CONTAINER_LOGS, container_log_dir, error)
        return ContainerNames()
    for name in names[:MAX_LINKS]:
        if not name.endswith(".log"):
            continue
        parsed = parse_link_name(name)
        if parsed is not None:
            by_id[parsed[0]] = parsed[1]
        elif len(os.fsencode(name)) >= _MAX_NAME_BYTES:
            target = _read_target(f"{container_log_dir}/{name}", name, errors)
            if target is not None:
                cut.append(target)
    return ContainerNames(MappingProxyType(by_id), tuple(cut))


def _read_target(path: str, name: str, errors: ReadErrors) -> LinkTarget | None:
    try:
        target = parse_link_target(name, os.readlink(path))
    except OSError as error:
        note_os_error(errors, FileKind.CONTAINER_LOGS, path, error)
        return None
    if isinstance(target, Problem):
        errors.record(FileKind.CONTAINER_LOGS, path, target)
        return None
    return target
