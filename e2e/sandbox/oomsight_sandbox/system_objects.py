"""oomsight itself as the sandbox installs it: a namespace, the agent's DaemonSet and the operator's Deployment. Pure.

The chart installs the same on a cluster, with images and rights; here the commands run as programs of this machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SYSTEM_NAMESPACE = "oomsight-system"


@dataclass(frozen=True, slots=True)
class Roots:
    """What the agent reads: this machine's own trees, or recorded ones."""

    cgroup_root: str
    proc_root: str
    container_log_directory: str

    @property
    def agent_flags(self) -> list[str]:
        """The flags that make `oomsight-agent` read them."""
        return [
            f"--cgroup-root={self.cgroup_root}",
            f"--proc-root={self.proc_root}",
            f"--container-log-dir={self.container_log_directory}",
        ]


def system_objects(
    *, node_name: str, roots: Roots, agent_port: int, kubeconfig: str, ports_file: str, agent_flags: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """In the order in which they are to be applied. The operator takes free ports, told in `ports_file`."""
    agent_words = ["run", f"--node-name={node_name}", f"--listen=127.0.0.1:{agent_port}", *roots.agent_flags, *agent_flags]
    agent = {
        "name": "agent",
        "image": "oomsight",
        "command": ["oomsight-agent", *agent_words],
        "ports": [{"name": "report", "containerPort": agent_port}],
        "resources": {"requests": {"memory": "40Mi"}, "limits": {"memory": "128Mi"}},
    }
    operator = {
        "name": "operator",
        "image": "oomsight",
        "command": [
            "oomsight-operator", "run", f"--kubeconfig={kubeconfig}", f"--namespace={SYSTEM_NAMESPACE}",
            "--metrics-listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--api-listen=127.0.0.1:0",
            f"--ports-file={ports_file}",
        ],
        "resources": {"requests": {"memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    }  # fmt: skip
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}},
        _workload("DaemonSet", "oomsight-agent", agent, {}),
        _workload("Deployment", "oomsight-operator", operator, {"replicas": 1}),
    ]


def _workload(kind: str, name: str, container: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": labels},
        "spec": {**spec, "selector": {"matchLabels": labels}, "template": template},
    }
