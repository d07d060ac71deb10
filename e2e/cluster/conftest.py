"""A cluster with the chart installed, and the workloads of all scenarios started at once: they die while others are looked at."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from oomsight_cluster.cache import evidence_directory
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.evidence import collect
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.release import Release
from oomsight_cluster.stage import Stage
from oomsight_cluster.workloads import NAMESPACE, namespace_objects

# A slow machine tells the most first; what takes the installation apart comes last.
ORDER = (
    "test_install",
    "test_image",
    "test_kills",
    "test_order",
    "test_policies",
    "test_rights",
    "test_restarts",
    "test_upgrade",
    "test_uninstall",
)
EVIDENCE_OF_TESTS = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.stem in ORDER else len(ORDER))


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Iterator[Kubectl]:
    with tempfile.TemporaryDirectory(prefix="oomsight-kubectl-") as directory:
        yield Kubectl(cluster.kubeconfig, directory)


@pytest.fixture(scope="session")
def release(kubectl: Kubectl, cluster: Cluster) -> Iterator[Release]:
    """The chart as a user installs it, its pods ready. It is uninstalled at the end, whatever the tests did to it."""
    with tempfile.TemporaryDirectory(prefix="oomsight-chart-") as directory:
        made = Release(kubectl, cluster, Path(directory))
        try:
            made.install(made.values())
            yield made
        finally:
            made.uninstall()


@pytest.fixture(scope="session")
def stage(kubectl: Kubectl, release: Release, cluster: Cluster) -> Iterator[Stage]:
    """The namespace of the scenarios with all their workloads."""
    kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true", timeout=180)
    made = Stage(kubectl, cluster, release)
    kubectl.apply(*namespace_objects())
    eventually(lambda: kubectl.get("serviceaccount", "default", NAMESPACE), "the namespace's service account", 60)
    made.start_all()
    try:
        yield made
    finally:
        kubectl.try_run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true", timeout=180)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    kubectl, cluster = item.funcargs.get("kubectl"), item.funcargs.get("cluster")
    if report.failed and isinstance(kubectl, Kubectl) and isinstance(cluster, Cluster):
        _collect(item, kubectl, cluster)
    return report


_EVIDENCE: list[Path] = []


def _collect(item: pytest.Item, kubectl: Kubectl, cluster: Cluster) -> None:
    if len(_EVIDENCE) >= EVIDENCE_OF_TESTS:
        return
    if not _EVIDENCE:
        _EVIDENCE.append(evidence_directory())
    directory = _EVIDENCE[0] / item.name
    _EVIDENCE.append(directory)
    collect(kubectl, cluster, directory)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _EVIDENCE:
        terminalreporter.write_line(f"logs, objects and kernel log of what failed: {_EVIDENCE[0]}")
