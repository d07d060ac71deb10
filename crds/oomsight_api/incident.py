"""An incident: one OOM as the node's kernel tells of it, and how complete what it tells is.

Part of the node report; the same rules hold (bytes, seconds, None is unknown). An incident is told as soon as anything is known of
it, and told again under the same id when more is: a consumer keeps the newest telling of each id.

A kill has two names. The incident's id is stable over restarts of the agent for as long as the kernel's log holds its lines.
Beyond that `(container_id, ordinal)` of its victim names it: which kill of that container's counter it is. Two incidents that
share one are the same kill.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from oomsight_api.bounds import CgroupPath, Count, OomScoreAdj, Row, Text, UnixTime

MAX_VICTIMS = 64
"""More of one incident (a group of 1,000 processes) are counted, not listed."""
MAX_TASKS = 10
MAX_ID_LENGTH = 256
"""As long as a MemoryRecommendation remembers it: a kill must be known by it after a restart of the operator."""


class OomScope(StrEnum):
    """Whose memory ran out."""

    CONTAINER = "container"
    """The container's own limit."""
    POD = "pod"
    """The pod's limit."""
    NODE = "node"
    """The node's memory (`global_oom`)."""
    CGROUP = "cgroup"
    """The limit of some other cgroup: a QoS slice, kubepods, a system slice, or one nested inside a container."""


class Evidence(StrEnum):
    """What proves an incident."""

    KERNEL_LOG = "kernel-log"
    COUNTER = "counter"
    BOTH = "both"


class Attribution(StrEnum):
    """How it is known whose process a victim was."""

    KERNEL_LOG = "kernel-log"
    """`task_memcg` of the log."""
    PID_CACHE = "pid-cache"
    """The log names the pid alone (rate limit); the agent had seen it in that container. Or the log is silent, the counter names
    the container, and the process is the worst by badness of those that the agent had seen there and that are gone."""
    COUNTER = "counter"
    """The container's counter rose by as many as died without a name."""


class Victim(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One killed process, as far as it is known. The name is the tenant's: at most 15 arbitrary bytes, as printable ASCII."""

    pod_uid: Text | None = None
    container_id: Text | None = None
    """None: of no container (a system service), of the pod's own cgroup, or unknown (see `attributed_by`)."""
    pod_name: Text | None = None
    namespace: Text | None = None
    container_name: Text | None = None
    cgroup: CgroupPath | None = None
    attributed_by: Attribution | None = None
    """None: nobody knows whose it was."""
    ordinal: Count | None = None
    """Which kill of the container's counter (`Container.oom_kills`) this is, from 1; None while, or where, the counter has not
    shown it. Where `container_id` is None and `pod_uid` is not: of the pod's counter."""
    pid: Count | None = None
    """In the initial pid namespace."""
    name: Text | None = None
    is_container_init: bool | None = None
    """Whether it was PID 1 of its container, with which the container ends."""
    uid: Count | None = None
    oom_score_adj: OomScoreAdj | None = None
    total_vm_bytes: Count | None = None
    anon_rss_bytes: Count | None = None
    file_rss_bytes: Count | None = None
    shmem_rss_bytes: Count | None = None
    page_tables_bytes: Count | None = None


class Trigger(Row, frozen=True, kw_only=True, omit_defaults=True):
    """Whose allocation found no memory: not always the victim."""

    pid: Count | None = None
    name: Text | None = None
    pod_uid: Text | None = None
    container_id: Text | None = None
    container_name: Text | None = None


class Task(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One process of the kernel's task table at the kill."""

    pid: Count
    name: Text
    uid: Count | None = None
    oom_score_adj: OomScoreAdj | None = None
    rss_bytes: Count | None = None
    swap_bytes: Count | None = None
    page_tables_bytes: Count | None = None
    total_vm_bytes: Count | None = None


class KillMemory(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What the cgroup whose limit was hit was charged for (descendants included); node-wide: the node.

    From the kernel's log it is of the moment of the kill; without it, of the victim container's last sample, `age_seconds` before.
    """

    age_seconds: float | None = None
    """None: of the moment of the kill."""
    usage_bytes: Count | None = None
    limit_bytes: Count | None = None
    swap_bytes: Count | None = None
    anon_bytes: Count | None = None
    """Anonymous memory without shmem."""
    file_bytes: Count | None = None
    """Page cache, shmem included."""
    shmem_bytes: Count | None = None
    kernel_bytes: Count | None = None
    free_bytes: Count | None = None
    """Node-wide only."""


class LastSample(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent's last sample of the victim's container before the kill said: what a person saw beforehand."""

    age_seconds: float
    """Before the kill."""
    usage_bytes: Count | None = None
    working_set_bytes: Count | None = None
    """What `kubectl top` shows."""
    unreclaimable_bytes: Count | None = None
    limit_bytes: Count | None = None
    anon_bytes: Count | None = None
    file_bytes: Count | None = None
    shmem_bytes: Count | None = None
    kernel_bytes: Count | None = None
    refaults_per_second: float | None = None
    floor_slope_bytes_per_second: float | None = None


class Incident(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One OOM: one decision of the kernel, with all that died of it."""

    id: Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)]
    """`<boot>-<sequence number of its first Killed line>`, or `<boot>-<container>-<ordinal>` where the log does not tell of it."""
    time_seconds: UnixTime
    """When it happened; where only a counter tells, when the agent saw that."""
    not_before_seconds: UnixTime | None = None
    """Set where only a counter tells: it happened between this and `time_seconds`."""
    evidence: Evidence
    scope: OomScope | None = None
    limit_cgroup: CgroupPath | None = None
    """Whose limit was hit; None node-wide, or unknown."""
    limit_pod_uid: Text | None = None
    limit_container_id: Text | None = None
    trigger: Trigger | None = None
    oom_group: bool | None = None
    """Whether memory.oom.group made all of a cgroup die together."""
    victims: Annotated[tuple[Victim, ...], msgspec.Meta(max_length=MAX_VICTIMS)] = ()
    """Each killed process once; none where the kernel found nobody to kill."""
    victim_count: Count = 0
    """With those that are not listed."""
    memory: KillMemory | None = None
    tasks: Annotated[tuple[Task, ...], msgspec.Meta(max_length=MAX_TASKS)] = ()
    """The biggest of the kernel's task table, by resident and swapped memory."""
    before: LastSample | None = None
    container_survived: bool | None = None
    """Whether the first victim's container still had processes a moment after the kill; None: not known (yet)."""


class KernelLog(Row, frozen=True, kw_only=True, omit_defaults=True):
    """How the reading of /dev/kmsg goes."""

    following: bool
    """Whether it is open and read."""
    records_lost: Count = 0
    """Records that the kernel overwrote before the agent read them, since the agent started."""
    problem: Text | None = None
    """Why it is not followed."""
