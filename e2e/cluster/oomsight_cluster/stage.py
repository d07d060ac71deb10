"""What a scenario does and sees in the cluster, in a user's words: kubectl and the API alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from oomsight_api.names import PREFIX, Annotation
from oomsight_api.quantity import parse_bytes
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.release import Release
from oomsight_cluster.workloads import NAMESPACE, all_workloads

Object = dict[str, Any]
PATIENCE_SECONDS = 180.0
"""A slow machine takes its time; what comes, comes long before."""


@dataclass
class Stage:
    """The scenarios' namespace."""

    kubectl: Kubectl
    cluster: Cluster
    release: Release
    namespace: str = NAMESPACE

    def start_all(self) -> None:
        self.kubectl.apply(*all_workloads(self.cluster))

    def pod(self, app: str) -> Object | None:
        """The newest pod with the label `app` that is not being deleted."""
        pods = self.kubectl.list("pods", self.namespace, "-l", f"app={app}")
        living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return max(living, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)

    def pod_when(self, app: str, holds: Callable[[Object], Any], what: str, timeout: float = PATIENCE_SECONDS) -> Object:
        """The pod once something holds of it."""

        def look() -> Object | None:
            pod = self.pod(app)
            return pod if pod is not None and holds(pod) else None

        return eventually(look, f"pod {app}: {what}", timeout, lambda: describe(self.pod(app)))

    def annotated(self, app: str, key: Annotation, pattern: str = ".", timeout: float = PATIENCE_SECONDS) -> str:
        """The pod's annotation once it matches the pattern."""
        pod = self.pod_when(app, lambda pod: re.search(pattern, annotation(pod, key)), f"{key.value} matches {pattern!r}", timeout)
        return annotation(pod, key)

    def events(self, pod: Object, reason: str) -> list[Object]:
        """Events of oomsight on this very pod with that reason."""
        words = f"involvedObject.uid={pod['metadata']['uid']},reason={reason}"
        return self.kubectl.list("events", self.namespace, "--field-selector", words)

    def event(self, pod: Object, reason: str, timeout: float = PATIENCE_SECONDS) -> Object:
        """The newest of them, once there is one."""
        found = eventually(lambda: self.events(pod, reason), f"Event {reason} on {pod['metadata']['name']}", timeout)
        return found[-1]

    def recommendation(self, name: str, timeout: float = PATIENCE_SECONDS) -> Object:
        """A MemoryRecommendation's status once it has a summary."""

        def look() -> Object | None:
            found = self.kubectl.get("memoryrecommendation", name, self.namespace)
            status: Object = (found or {}).get("status") or {}
            return status if status.get("summary") else None

        return eventually(look, f"MemoryRecommendation {name}", timeout)

    def kills_told(self, name: str) -> int:
        """Kills that a MemoryRecommendation counts; 0 where there is none."""
        found = self.kubectl.get("memoryrecommendation", name, self.namespace) or {}
        return sum(int(each.get("oomKills", 0)) for each in (found.get("status") or {}).get("containers", ()))

    def logs(self, app: str, *words: str) -> str:
        return self.kubectl.run("logs", f"--selector=app={app}", "--namespace", self.namespace, "--tail=-1", *words)

    def run_in(self, pod: str, *command: str) -> str:
        return self.kubectl.run("exec", pod, "--namespace", self.namespace, "--", *command).strip()


def annotation(pod: Object, key: Annotation) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(key.value, ""))


def marks(pod: Object) -> set[str]:
    """Every annotation and label of ours that the pod carries."""
    metadata = pod["metadata"]
    keys = {*(metadata.get("annotations") or {}), *(metadata.get("labels") or {})}
    return {key for key in keys if key.startswith(PREFIX)}


def statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def terminations(pod: Object) -> Iterable[Object]:
    """How its containers ended, as the kubelet tells."""
    for status in statuses(pod):
        for state in (status.get("state") or {}, status.get("lastState") or {}):
            if "terminated" in state:
                yield state["terminated"]


def oom_killed(pod: Object) -> bool:
    return any(each.get("reason") == "OOMKilled" for each in terminations(pod))


def restarts(pod: Object) -> int:
    return sum(int(status.get("restartCount", 0)) for status in statuses(pod))


def amount_of(text: str, container: str = "app") -> int:
    """Bytes of one container in `app=96Mi sidecar=32Mi`."""
    amounts = dict(part.split("=", 1) for part in text.split())
    return parse_bytes(amounts[container])


def describe(pod: Object | None) -> str:
    """What a failed scenario shows of a pod."""
    if pod is None:
        return "no such pod"
    ours = {
        key.removeprefix(PREFIX): value
        for key, value in (pod["metadata"].get("annotations") or {}).items()
        if key.startswith(PREFIX)
    }
    ours.pop("report", None)
    states = [{status["name"]: status.get("state"), "last": status.get("lastState")} for status in statuses(pod)]
    return f"annotations {ours}, containers {states}"
