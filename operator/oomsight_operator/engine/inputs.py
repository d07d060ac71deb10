"""What a judgement is made of beside the pod itself and its node: the policy that decides, and what is known around the pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oomsight_operator.engine.learned import Learned
from oomsight_operator.engine.neighbourhoods import Neighbourhoods
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.replicas import Replicas
from oomsight_operator.inventory.workloads import workload_of
from oomsight_operator.judgement.model import Owner, Pod
from oomsight_operator.judgement.precedence import Decision
from oomsight_operator.judgement.recommend.rollout import rollout_of
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.publishing.targets import target_of, workload_key


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose pod it is."""

    workload: Owner | None
    """What a person would name for it; None for a bare pod."""
    target: Owner
    """Whom a recommendation is for: the workload, or the bare pod itself."""
    key: str
    """By which what is learned of it is remembered."""


class Inputs:
    """Gathers them from the cluster as it is now, and from what was learned. Follows the cluster's namespaces."""

    def __init__(self, cluster: Cluster, learned: Learned, neighbourhoods: Neighbourhoods) -> None:
        self._cluster = cluster
        self._learned = learned
        self._neighbourhoods = neighbourhoods
        self._replicas = Replicas(cluster.pods, cluster.intermediates)
        self._namespace_labels: dict[str, Mapping[str, str]] = {each.name: each.labels for each in cluster.namespaces}
        cluster.namespaces.listen(self._namespace_changed)

    def decision(self, pod: Pod) -> Decision | None:
        """Which policy decides. None while the pod's namespace is not known: until then nobody can say."""
        labels = self._namespace_labels.get(pod.namespace)
        return self._cluster.policies.policies.decide(pod.namespace, pod.labels, labels) if labels is not None else None

    def belonging(self, pod: Pod) -> Belonging:
        """Through ReplicaSets and Jobs, as far as they are known."""
        workload = workload_of(pod, self._cluster.intermediates.get)
        target = target_of(pod, workload)
        return Belonging(workload, target, workload_key(pod.namespace, target))

    def surroundings(self, pod: Pod, whose: Belonging) -> Surroundings:
        """What a recommendation goes on from, and has to fit into."""
        constraints, workload = self._cluster.constraints, whose.workload
        return Surroundings(
            learned=self._learned.get(whose.key),
            neighbours=self._neighbourhoods.of(pod.namespace, whose.key),
            largest_node_bytes=self._cluster.nodes.largest_allocatable_bytes,
            limit_rules=constraints.limit_rules(pod.namespace),
            quotas=constraints.quotas(pod.namespace),
            autoscalers=constraints.autoscalers(pod.namespace, workload),
            rollout=rollout_of(workload, self._replicas.living(pod.namespace, workload) if workload is not None else 1),
        )

    def _namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new is not None:
            self._namespace_labels[new.name] = new.labels
        elif old is not None:
            self._namespace_labels.pop(old.name, None)
            self._neighbourhoods.forget(old.name)
