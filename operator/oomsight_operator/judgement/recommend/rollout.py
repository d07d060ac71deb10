"""How many pods a change of a workload's template replaces, and how many stand beside them meanwhile."""

from __future__ import annotations

import math
from typing import Final

from oomsight_operator.judgement.model import Owner
from oomsight_operator.judgement.recommend.surroundings import Rollout

SURGE_RATIO: Final = 0.25
"""Default of maxSurge, rounded up (apps/v1 RollingUpdateDeployment; Rollout and DeploymentConfig have the same)."""
_SURGING: Final = frozenset({"Deployment", "Rollout", "DeploymentConfig"})
"""Kinds that start new pods before they end old ones (the last two are Argo's and OpenShift's). A StatefulSet never does, a
DaemonSet only where it is told to."""


def rollout_of(workload: Owner | None, living: int) -> Rollout:
    """`living` pods are known. Strategies are not read: that would take a watch on whole Deployments for one sentence."""
    replicas = max(1, living)
    surges = workload is not None and workload.kind in _SURGING
    return Rollout(replicas, math.ceil(replicas * SURGE_RATIO) if surges else 0)
