"""The programs that the scenarios run in pods: the sandbox's own, brought along in a ConfigMap, on the project's image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import oomsight_sandbox.workloads
from oomsight_cluster.cluster import Cluster

NAMESPACE = "oomsight-e2e"
PROGRAMS = "programs"

Object = dict[str, Any]


def namespace_objects() -> tuple[Object, ...]:
    source = Path(oomsight_sandbox.workloads.__file__).read_text()
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": PROGRAMS, "namespace": NAMESPACE},
            "data": {"workloads.py": source},
        },
    )


def program(*words: str) -> list[str]:
    """The command of one of the sandbox's programs."""
    return ["python3", "-I", "-S", "/programs/workloads.py", *words]


def container(
    cluster: Cluster,
    command: Sequence[str],
    *,
    name: str = "app",
    request: str | None = None,
    limit: str | None = None,
    cpu: str | None = None,
) -> Object:
    """A container with a memory request and limit; `cpu` sets both of the CPU's, as a Guaranteed pod needs."""
    requests = {key: value for key, value in (("memory", request), ("cpu", cpu)) if value}
    limits = {key: value for key, value in (("memory", limit), ("cpu", cpu)) if value}
    image = (
        f"{cluster.image_repository}@{cluster.image_digest}"
        if cluster.image_digest
        else f"{cluster.image_repository}:{cluster.image_tag}"
    )
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": cluster.pull_policy,
        "command": list(command),
        "resources": {key: value for key, value in (("requests", requests), ("limits", limits)) if value},
        "volumeMounts": [{"name": PROGRAMS, "mountPath": "/programs"}],
    }


def pod_spec(*containers: Object, memory_volume: str | None = None, disk_volume: str | None = None, **more: Any) -> Object:
    """A pod's spec; a volume is mounted into every container at the path given."""
    volumes: list[Object] = [{"name": PROGRAMS, "configMap": {"name": PROGRAMS}}]
    mounts = []
    for name, path, source in (("memory", memory_volume, {"medium": "Memory"}), ("disk", disk_volume, {})):
        if path is not None:
            volumes.append({"name": name, "emptyDir": source})
            mounts.append({"name": name, "mountPath": path})
    with_mounts = [{**each, "volumeMounts": [*each["volumeMounts"], *mounts]} for each in containers]
    return {"containers": with_mounts, "volumes": volumes, "terminationGracePeriodSeconds": 1, **more}


def pod(name: str, spec: Object, **labels: str) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": name, **labels}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(name: str, spec: Object) -> Object:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def all_workloads(cluster: Cluster) -> tuple[Object, ...]:
    """What every scenario of kills and order looks at."""
    burst = container(cluster, program("burst", "--mib=44"), request="32Mi", limit="40Mi")
    parent = container(cluster, program("parent", "--mib=64", "--every-seconds=5"), request="24Mi", limit="40Mi")
    search = container(cluster, program("page-cache", "--mib=96", "--directory=/index"), request="48Mi", limit="48Mi")
    migration = container(cluster, program("burst", "--mib=48"), name="migrate", request="16Mi", limit="32Mi")
    steady = program("steady", "--mib=8")
    # Each run leaves 30 MiB in the pod's memory-backed volume: the second run ends at the pod's limit, far below its own.
    spool = ["sh", "-c", "exec dd if=/dev/zero of=/spool/$(date +%s) bs=1M count=30"]
    return (
        deployment("model", pod_spec(burst)),
        pod("thumbnails", pod_spec(parent)),
        pod("search", pod_spec(search, disk_volume="/index")),
        pod("spool", pod_spec(container(cluster, spool, request="16Mi", limit="48Mi"), memory_volume="/spool")),
        pod("migration", pod_spec(container(cluster, steady, limit="32Mi"), initContainers=[migration], restartPolicy="Never")),
        pod("guaranteed", pod_spec(container(cluster, steady, request="32Mi", limit="32Mi", cpu="20m"))),
        pod("burstable", pod_spec(container(cluster, steady, request="64Mi", limit="128Mi"))),
        pod("best-effort", pod_spec(container(cluster, steady))),
        pod("again", pod_spec(container(cluster, program("burst", "--mib=48"), request="16Mi", limit="32Mi"))),
    )
