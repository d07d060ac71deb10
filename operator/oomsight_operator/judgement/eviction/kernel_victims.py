"""The head of the kernel's order for the whole node, as the eviction order is compared with it: each container once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from oomsight_operator.judgement.eviction.differences import MAX_VICTIMS, KernelVictim
from oomsight_operator.judgement.kill_order.model import Candidate, KillOrder
from oomsight_operator.judgement.model import Pod


@dataclass(frozen=True, slots=True)
class NamedVictim:
    """A victim by the API's names."""

    victim: KernelVictim
    pod: Pod | None
    """None: a process outside pods, or of a pod that the API does not tell of."""


def kernel_victims(order: KillOrder | None, page_size_bytes: int) -> tuple[KernelVictim, ...] | None:
    """The first three; None where the kernel's order is not known. Those who may each be first are all ambiguous at place 1."""
    if order is None:
        return None
    firsts = {victim_key(each) for each in order.first}
    found: dict[tuple[str, int], KernelVictim] = {}
    for each in order.ranked:
        key = victim_key(each.candidate)
        if key in found:
            continue
        may_be_first = key in firsts
        found[key] = KernelVictim(
            place=1 if may_be_first else len(found) + 1,
            oom_score_adj=each.candidate.oom_score_adj,
            adj_bytes=each.candidate.oom_score_adj * order.domain.pages_per_adj * page_size_bytes,
            rss_bytes=each.candidate.rss_bytes,
            pod_uid=each.candidate.pod_uid,
            container_id=each.candidate.container_id,
            container_name=each.candidate.container_name,
            ambiguous=may_be_first and len(firsts) > 1,
        )
        if len(found) == MAX_VICTIMS:
            break
    return tuple(found.values())


def named_victims(victims: Iterable[KernelVictim], pods: Sequence[Pod]) -> tuple[NamedVictim, ...]:
    """With the names that the API has for them: what an agent calls them is not asked."""
    return tuple(_named(victim, pods) for victim in victims)


def _named(victim: KernelVictim, pods: Sequence[Pod]) -> NamedVictim:
    pod = next((pod for pod in pods if victim.pod_uid is not None and pod.cgroup_uid == victim.pod_uid), None)
    statuses = pod.statuses.values() if pod is not None else ()
    name = next((each.name for each in statuses if each.container_id == victim.container_id), None)
    if pod is not None and pod.config_hash is not None and name is None:
        pod = None  # a static pod is known by an annotation, which anybody may write: only its status proves it
    return NamedVictim(replace(victim, container_name=name), pod)


def victim_key(candidate: Candidate) -> tuple[str, int]:
    """A container, or a process outside containers."""
    return (candidate.container_id, 0) if candidate.container_id is not None else ("", candidate.pid)
