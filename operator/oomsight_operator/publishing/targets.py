"""Whom a MemoryRecommendation is for, and the names it goes by. Pure."""

from __future__ import annotations

import re

from oomsight_operator.judgement.model import Owner, Pod
from oomsight_operator.judgement.words import short_hash

_BUILT_IN = frozenset({"v1", "apps/v1", "batch/v1"})


def target_of(pod: Pod, workload: Owner | None) -> Owner:
    """Whom the recommendation is for and owned by: the workload, or the pod itself when nobody controls it."""
    return workload if workload is not None else Owner("v1", "Pod", pod.name, pod.uid)


def workload_key(namespace: str, target: Owner) -> str:
    """By which a workload is remembered. The uid alone will not do: a tenant can write an owner reference with the uid of another
    namespace's workload, and shall teach it nothing (the garbage collector deletes such a pod, but only after a while)."""
    return f"{namespace}/{target.uid}"


def object_name(target: Owner) -> str:
    """`deployment-web`; always a DNS subdomain of at most 253 characters, different for different workloads.

    A hash follows where the plain name would be too long, no DNS subdomain, or shared with a kind of another API group.
    """
    plain = f"{target.kind.lower()}-{target.name}"
    safe = re.sub(r"[^a-z0-9.-]+", "-", plain.lower())
    safe = re.sub(r"\.[.-]+|-+\.[.-]*", ".", safe).strip(".-")
    if safe == plain and len(safe) <= 253 and target.api_version in _BUILT_IN:
        return plain
    digest = short_hash(target.api_version, target.kind, target.name)
    return f"{safe[: 253 - len(digest) - 1].rstrip('.-') or 'workload'}-{digest}"
