"""The chart rendered by Helm itself, and a release of it: installed, upgraded and uninstalled with kubectl as helm would."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import helm_python
import yaml
from helm_python import _native

from oomsight_cluster.cache import CHECKOUT
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.kubectl import Kubectl

CHART = CHECKOUT / "helm" / "oomsight"
KEEP = "helm.sh/resource-policy"
# helm's own order of kinds where one needs another (helm pkg/release/util/kind_sorter.go).
FIRST = ("Namespace", "ServiceAccount", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
IMPATIENT = ("--pod-interval-seconds=10", "--recommendation-interval-seconds=10", "--policy-status-interval-seconds=2")
"""A user waits minutes for what has no urgency; the scenarios do not."""
OLDEST_RENDERED_FOR = "v1.25.0"
"""The oldest version that the chart claims; an older server is told what this one would be."""


def render(values: Mapping[str, Any], name: str, namespace: str, kube_version: str) -> list[dict[str, Any]]:
    """All objects that `helm template` gives."""
    options = {"name": name, "namespace": namespace, "api_versions": [], "kube_version": kube_version}
    with helm_python.Chart.load(str(CHART)) as chart:
        rendered = json.loads(_native.call_string("helm_render", chart._raw(), json.dumps(values), json.dumps(options)))  # noqa: SLF001
    documents = [
        document
        for template, text in sorted(rendered.items())
        if not template.endswith("NOTES.txt")
        for document in yaml.safe_load_all(text)
        if document
    ]
    return sorted(documents, key=lambda document: FIRST.index(document["kind"]) if document["kind"] in FIRST else len(FIRST))


def identity(document: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind with group, namespace and name, as kubectl takes them."""
    group = document["apiVersion"].rpartition("/")[0]
    kind = f"{document['kind']}.{group}" if group else document["kind"]
    return kind, document["metadata"].get("namespace", ""), document["metadata"]["name"]


@dataclass
class Release:
    """What is installed under one name in one namespace."""

    kubectl: Kubectl
    cluster: Cluster
    namespace: str = "oomsight-system"
    name: str = "oomsight"
    objects: list[dict[str, Any]] = field(default_factory=list)

    def values(self, **more: Any) -> dict[str, Any]:
        """Values for this cluster's image and for eyes that wait, with `more` on top."""
        cluster = self.cluster
        image = {"repository": cluster.image_repository, "tag": cluster.image_tag, "digest": cluster.image_digest}
        return {"image": {**image, "pullPolicy": cluster.pull_policy}, "operator": {"extraArgs": list(IMPATIENT)}, **more}

    def install(self, values: Mapping[str, Any]) -> None:
        """Install or upgrade: apply what is rendered, in helm's order, and delete what was and is no more."""
        version = str(json.loads(self.kubectl.raw("/version"))["gitVersion"])
        objects = render(values, self.name, self.namespace, at_least(version))
        definitions = [item for item in objects if item["kind"] == "CustomResourceDefinition"]
        others = [item for item in objects if item["kind"] not in ("CustomResourceDefinition", "ClusterMemoryPolicy")]
        if self.kubectl.get("namespace", self.namespace) is None:
            self.kubectl.apply(namespace(self.namespace))
        if definitions:
            # Before 1.25 there are no CEL rules in a definition, and kubectl refuses to send what such a server would drop.
            self.kubectl.apply(*definitions, validate=minor(version) >= minor(OLDEST_RENDERED_FOR))
            names = [f"crd/{item['metadata']['name']}" for item in definitions]
            self.kubectl.run("wait", "--for=condition=Established", "--timeout=60s", *names)
        self.kubectl.apply(*others)
        if policies := [item for item in objects if item["kind"] == "ClusterMemoryPolicy"]:
            self.kubectl.apply(*policies)
        wanted = {identity(item) for item in objects}
        self._delete([item for item in self.objects if identity(item) not in wanted])
        self.objects = objects

    def uninstall(self) -> None:
        """Delete all but what the chart says to keep."""
        self._delete(self.objects)
        self.objects = []

    def _delete(self, objects: list[dict[str, Any]]) -> None:
        for item in reversed(objects):
            if (item["metadata"].get("annotations") or {}).get(KEEP) == "keep":
                continue
            kind, where, name = identity(item)
            place = ["--namespace", where] if where else []
            self.kubectl.run("delete", kind, name, *place, "--ignore-not-found", "--wait=true", timeout=180)


def namespace(name: str) -> dict[str, Any]:
    """A namespace whose pods may mount folders of their node, which the agent does (README, Install)."""
    level = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": level}}


def at_least(version: str, oldest: str = OLDEST_RENDERED_FOR) -> str:
    """The server's version, or the oldest that the chart renders for."""
    return version.partition("+")[0] if minor(version) >= minor(oldest) else oldest


def minor(version: str) -> int:
    """25 of `v1.25.3+k3s1`."""
    return int("".join(itertools.takewhile(str.isdigit, version.split(".")[1])))
