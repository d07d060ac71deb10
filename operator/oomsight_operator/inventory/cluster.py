"""What is known of the cluster through the API: the stores and indices that engine and node assessments share."""

from __future__ import annotations

from dataclasses import dataclass, field

from oomsight_operator.inventory.constraints import Constraints
from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.nodes import Nodes
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.inventory.store import Store
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.model import Pod


@dataclass(frozen=True, slots=True)
class Cluster:
    """Kept up to date by the informers and kopf; `nodes` may be empty where nobody watches them."""

    pods: Store[Pod]
    index: PodIndex
    namespaces: Store[Namespace]
    intermediates: Store[Intermediate]
    policies: PolicyStore
    nodes: Nodes = field(default_factory=Nodes)
    constraints: Constraints = field(default_factory=Constraints)
