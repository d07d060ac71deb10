"""The grammar of cgroup paths: which pod and which container a cgroup belongs to.

- cgroupfs driver: `/kubepods/burstable/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/<64 hex>`
- systemd driver: `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice/`
  and in it `cri-containerd-<64 hex>.scope`
- where kubelet and runtime use different drivers: `/system.slice/containerd.service/` and in it
  `kubepods-burstable-pod<uid>.slice:cri-containerd:<64 hex>`

Prefixes vary (`kubelet.slice/kubelet-kubepods-…`, `lxc.payload.node/…`, `docker/<64 hex>/…` in kind), so the first `pod<uid>`
anywhere decides, and after it the first component that ends in 64 hex digits: what a container makes below itself, another
Kubernetes included, belongs to that container. CRI-O's `crio-conmon-…` watches a container and is none. A static pod carries its
32-hex config hash.
Sources: kubelet pkg/kubelet/cm/cgroup_manager_linux.go and pod_container_manager_linux.go, containerd, CRI-O and cri-dockerd.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_UID: Final = r"[0-9a-f]{8}(?P<dash>[-_])[0-9a-f]{4}(?P=dash)[0-9a-f]{4}(?P=dash)[0-9a-f]{4}(?P=dash)[0-9a-f]{12}|[0-9a-f]{32}"
_POD: Final = re.compile(rf"(?:.*-)?pod(?P<uid>{_UID})(?:\.slice)?(?::[^:/]*:(?P<container>[0-9a-f]{{64}}))?", re.DOTALL)
_CONTAINER: Final = re.compile(r"(?P<runtime>.*[-:])?(?P<id>[0-9a-f]{64})(?:\.scope)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CgroupIdentity:
    """Whose cgroup it is."""

    pod_uid: str
    """As the API spells it, with dashes, or a static pod's config hash."""
    container_id: str | None = None
    """64 hex digits; None for the pod's own cgroup and for what is in it but in no container."""
    nested: str = ""
    """What lies below the pod (without container) or below the container: `init.scope`, `docker/<64 hex>`; empty for itself."""


def parse_cgroup_path(path: str) -> CgroupIdentity | None:
    """Whose cgroup `path` is; None when it belongs to no pod. Takes any prefix, also `/../..` of a foreign cgroup namespace."""
    parts = [part for part in path.split("/") if part]
    for index, part in enumerate(parts):
        pod = _POD.fullmatch(part)
        if pod is None:
            continue
        uid = pod["uid"].replace("_", "-")
        if pod["container"] is not None:
            return CgroupIdentity(uid, pod["container"], "/".join(parts[index + 1 :]))
        return _below_pod(uid, parts[index + 1 :])
    return None


def _below_pod(uid: str, parts: list[str]) -> CgroupIdentity:
    for index, part in enumerate(parts):
        container = _CONTAINER.fullmatch(part)
        if container is None:
            continue
        if "conmon" in (container["runtime"] or ""):
            break
        return CgroupIdentity(uid, container["id"], "/".join(parts[index + 1 :]))
    return CgroupIdentity(uid, None, "/".join(parts))


def container_id_of_process(path: str) -> str | None:
    """The container of a process from its /proc/PID/cgroup path.

    Seen from another container of the same pod, in a cgroup namespace of its own, the path is `/../<64 hex>`: the pod is not in it.
    """
    identity = parse_cgroup_path(path)
    if identity is not None:
        return identity.container_id
    parts = path.split("/")
    if len(parts) < 3 or parts[1] != "..":
        return None
    return _below_pod("", [part for part in parts if part and part != ".."]).container_id
