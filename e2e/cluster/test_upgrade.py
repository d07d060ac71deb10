"""An upgrade that asks for the kernel's log: the agent is replaced, and from then on a kill is told with whose limit it was."""

from __future__ import annotations

import pytest

from oomsight_api.names import Annotation, EventReason
from oomsight_cluster.chart import Release
from oomsight_cluster.kubectl import Kubectl
from oomsight_cluster.stage import Stage
from oomsight_cluster.workloads import container, pod, pod_spec

SPOOL = ["sh", "-c", "exec dd if=/dev/zero of=/spool/$(date +%s) bs=1M count=30"]


@pytest.fixture(scope="module")
def upgraded(kubectl: Kubectl, release: Release, stage: Stage) -> Release:
    before = stage.annotated("model", Annotation.POLICY)
    release.install(release.values(agent={"kernelLog": {"enabled": True}}))
    for workload in ("daemonset/oomsight-agent", "deployment/oomsight-operator"):
        kubectl.run("rollout", "status", workload, "--namespace", release.namespace, "--timeout=180s", timeout=190)
    assert stage.annotated("model", Annotation.POLICY) == before
    return release


def test_a_pods_own_limit_is_named_once_the_kernels_log_is_read(kubectl: Kubectl, stage: Stage, upgraded: Release) -> None:
    assert upgraded.objects
    kubectl.apply(
        pod("spool-again", pod_spec(container(stage.cluster, SPOOL, request="16Mi", limit="48Mi"), memory_volume="/spool"))
    )
    told = stage.annotated("spool-again", Annotation.LAST_OOM_KILL, "kernel-log")
    assert " app, pod limit 48Mi" in told, told
    assert "process dd (pid " in told, told
    killed = stage.pod("spool-again")
    assert killed is not None
    event = stage.event(killed, EventReason.OOM_KILLED)
    assert "limit 48Mi of its pod" in event["message"], event["message"]
