"""A release of the chart by Helm's own actions, as `helm install`, `upgrade`, `rollback` and `uninstall` do them; and the other way
that the README shows, rendered YAML and kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python

from oomsight_cluster.chart import CHART, Object, chart_for, objects_of, render
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.kubectl import Kubectl, bundle

IMPATIENT = ("--pod-interval-seconds=10", "--recommendation-interval-seconds=10", "--policy-status-interval-seconds=2")
"""A user waits minutes for what has no urgency; the scenarios do not."""
WAIT = "watcher"
"""`helm --wait`: until every object of the release is ready, or gone."""
SECONDS = 240


@dataclass
class Release:
    """What is installed under one name in one namespace."""

    kubectl: Kubectl
    cluster: Cluster
    directory: Path
    """For a copy of the chart where the server needs one."""
    namespace: str = "oomsight-system"
    name: str = "oomsight"
    chart: Path = CHART

    def __post_init__(self) -> None:
        self.chart = chart_for(self.version, self.directory)

    @property
    def version(self) -> str:
        """The server's, as `v1.25.3`."""
        return str(json.loads(self.kubectl.raw("/version"))["gitVersion"]).partition("+")[0]

    def values(self, **more: Any) -> dict[str, Any]:
        """Values for this cluster's image and for eyes that wait, with `more` on top."""
        cluster = self.cluster
        image = {"repository": cluster.image_repository, "tag": cluster.image_tag, "digest": cluster.image_digest}
        return {"image": {**image, "pullPolicy": cluster.pull_policy}, "operator": {"extraArgs": list(IMPATIENT)}, **more}

    def install(self, values: Mapping[str, Any]) -> Object:
        """`helm install --wait`, in a namespace whose pods may mount folders of their node. What Helm says of the release."""
        if self.kubectl.get("namespace", self.namespace) is None:
            self.kubectl.apply(namespace(self.namespace))
        with self._helm("install") as helm:
            return dict(helm.install(self.chart, self.name, dict(values), namespace=self.namespace, wait=WAIT, timeout=SECONDS))

    def upgrade(self, values: Mapping[str, Any], chart: Path | None = None) -> Object:
        """`helm upgrade --wait`."""
        with self._helm("upgrade") as helm:
            upgraded = helm.upgrade(
                chart or self.chart, self.name, dict(values), namespace=self.namespace, wait=WAIT, timeout=SECONDS
            )
            return dict(upgraded)

    def roll_back(self, revision: int) -> None:
        """`helm rollback --wait`."""
        with self._helm("rollback") as helm:
            helm.rollback(self.name, version=revision, wait=WAIT, timeout=SECONDS)

    def uninstall(self) -> str:
        """`helm uninstall --wait`; what Helm says that it kept. One that is not installed is left at that."""
        with self._helm("uninstall") as helm:
            return str(helm.uninstall(self.name, ignore_not_found=True, wait=WAIT, timeout=SECONDS).get("info") or "")

    def test(self) -> str:
        """`helm test --logs`: what its pods printed."""
        with self._helm("test") as helm:
            return str(helm.test(self.name, timeout=SECONDS, logs=True)["logs"])

    def history(self) -> list[Object]:
        """Its revisions, oldest first."""
        with self._helm("history") as helm:
            return list(helm.history(self.name))

    def given_values(self) -> Object:
        """`helm get values`."""
        with self._helm("get values") as helm:
            return dict(helm.get_values(self.name))

    @property
    def objects(self) -> list[Object]:
        """Of the newest revision, as `helm get manifest` has them: without hooks."""
        with self._helm("status") as helm:
            return objects_of(str(helm.status(self.name)["manifest"]))

    @contextmanager
    def _helm(self, action: str) -> Iterator[helm_python.Config]:
        """Raises ClusterError with what Helm says."""
        try:
            with helm_python.Config(kubeconfig_path=self.kubectl.kubeconfig, namespace=self.namespace) as helm:
                yield helm
        except helm_python.HelmError as error:
            raise ClusterError(f"helm {action} {self.name}: {error}") from error


@dataclass
class Rendered:
    """The chart as rendered YAML that is applied, and deleted, with kubectl."""

    release: Release

    def objects(self, values: Mapping[str, Any]) -> list[Object]:
        """`helm template --no-hooks`."""
        release = self.release
        return render(release.chart, values, release.name, release.namespace, release.version)

    def apply(self, values: Mapping[str, Any]) -> None:
        """`kubectl apply -f`, once."""
        kubectl = self.release.kubectl
        if kubectl.get("namespace", self.release.namespace) is None:
            kubectl.apply(namespace(self.release.namespace))
        kubectl.apply(*self.objects(values))

    def delete(self, values: Mapping[str, Any]) -> None:
        """`kubectl delete -f`."""
        words = ("delete", "-f", "-", "--ignore-not-found", "--wait=true")
        self.release.kubectl.run(*words, standard_input=bundle(self.objects(values)), timeout=SECONDS)


def namespace(name: str) -> Object:
    """A namespace whose pods may mount folders of their node, which the agent does (README, Install)."""
    level = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": level}}
