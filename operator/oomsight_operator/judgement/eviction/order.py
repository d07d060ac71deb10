"""All that is to be said of evictions on one node: how far off, in which order, who is exempt, where the kernel differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oomsight_api.report import Cgroup, NodeMemory
from oomsight_operator.judgement.eviction.differences import KernelVictim, explain_differences
from oomsight_operator.judgement.eviction.ranking import Place, eviction_order
from oomsight_operator.judgement.eviction.settings import EvictionSettings
from oomsight_operator.judgement.eviction.signals import SignalState, memory_signals
from oomsight_operator.judgement.eviction.working_set import PodUse
from oomsight_operator.judgement.lifecycle import has_ended, has_started
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.oom_score_adj import is_critical


@dataclass(frozen=True, slots=True)
class EvictionOrder:
    """One node's."""

    settings: EvictionSettings
    memory_available: SignalState
    allocatable: SignalState
    places: tuple[Place, ...]
    """First first."""
    unplaced: tuple[Pod, ...] = ()
    """Pods that run and of which the agent tells nothing: their place is unknown, since the kubelet has statistics of them."""
    never: tuple[Pod, ...] = ()
    """Critical pods, by namespace and name."""
    differences: tuple[str, ...] = ()

    @property
    def signals(self) -> tuple[SignalState, SignalState]:
        return (self.memory_available, self.allocatable)


def assess_eviction(
    uses: Iterable[PodUse],
    node_memory: NodeMemory,
    cgroups: Iterable[Cgroup],
    settings: EvictionSettings,
    victims: Sequence[KernelVictim] | None = None,
) -> EvictionOrder:
    """From the node's pods and what its agent tells. `victims`: the head of the kernel's order, None where that is not known."""
    active = [use for use in uses if not has_ended(use.pod)]
    known = [use for use in active if use.working_set_bytes is not None or not has_started(use.pod)]
    unknown = [use.pod for use in active if use.working_set_bytes is None and has_started(use.pod)]
    places = eviction_order(known)
    memory_available, allocatable = memory_signals(node_memory, cgroups, settings)
    return EvictionOrder(
        settings=settings,
        memory_available=memory_available,
        allocatable=allocatable,
        places=places,
        unplaced=_by_name(pod for pod in unknown if not is_critical(pod)),
        never=_by_name(use.pod for use in active if is_critical(use.pod)),
        differences=explain_differences(places, victims),
    )


def _by_name(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    return tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name, pod.uid)))
