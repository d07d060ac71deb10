"""The node report: the one value that passes from agent to operator (`GET /v1/report`, JSON).

Stands on msgspec alone, so that the agent stays small. Every amount is in bytes, every duration in seconds; `time_seconds` is Unix
time. A value that a kernel or a privilege does not give is None and left out of the JSON: absent is not zero.

Field names are the wire format. New fields may be added with a default; a change of meaning raises `REPORT_VERSION`.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from oomsight_api.bounds import CgroupPath, Count, OomScoreAdj, Row, Signed, Text, UnixTime
from oomsight_api.incident import Incident, KernelLog

REPORT_VERSION = 1
MAX_REPORT_BYTES = 16 * 1024 * 1024
"""A node of 1,000 containers reports about 1.5 MiB; more than this is not a report."""

MAX_INCIDENTS = 2048
"""An answer holds the latest at most: a storm of a thousand kills between two polls is told whole."""
MAX_PROCESSES = 32
"""Sixteen are sent; what an agent makes the operator remember of a container has a bound."""
MAX_CGROUPS = 64
MAX_OOM_GROUPS = 256


class Pressure(Row, frozen=True, kw_only=True, omit_defaults=True):
    """Pressure stall information of memory, kernel 4.20 on, cgroup v2 or node. Source: Documentation/accounting/psi.rst.

    Averages are percent of wall time (0 to 100) in which some or all tasks stalled; totals are seconds since start.
    """

    some_avg10: float | None = None
    some_avg60: float | None = None
    some_avg300: float | None = None
    some_total_seconds: float | None = None
    full_avg10: float | None = None
    full_avg60: float | None = None
    full_avg300: float | None = None
    full_total_seconds: float | None = None


class Memory(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What one cgroup is charged for, the same for cgroup v1 and v2 (descendants included)."""

    usage_bytes: Count | None = None
    """Everything charged, page cache included: this is what counts against the limit."""
    limit_bytes: Count | None = None
    """The cgroup's own hard limit; None where there is none (see `unlimited`) or it could not be read."""
    unlimited: bool | None = None
    """True: the kernel says that there is no limit. None: it could not be read."""
    high_bytes: Count | None = None
    """v2 `memory.high`: throttled above this. None where unset."""
    peak_interval_bytes: Count | None = None
    """Highest usage since the last sample, true where the kernel's peak rose or was reset, else the highest sampled usage. In an
    answer of the agent: over all samples since the row was last told (at most ten minutes), so that no peak falls between two."""
    peak_lifetime_bytes: Count | None = None
    anon_bytes: Count | None = None
    """Anonymous memory without shmem."""
    file_bytes: Count | None = None
    """Page cache, shmem included (as both kernels count it)."""
    active_file_bytes: Count | None = None
    inactive_file_bytes: Count | None = None
    shmem_bytes: Count | None = None
    """tmpfs and shared memory: counted in `file_bytes`, but freed by nobody but its owner, or swap."""
    kernel_bytes: Count | None = None
    slab_reclaimable_bytes: Count | None = None
    slab_unreclaimable_bytes: Count | None = None
    page_tables_bytes: Count | None = None
    kernel_stack_bytes: Count | None = None
    sock_bytes: Count | None = None
    swap_bytes: Count | None = None
    swap_limit_bytes: Count | None = None
    """What the cgroup may swap at most; None where there is no bound (see `swap_unlimited`) or it is not known."""
    swap_unlimited: bool | None = None
    """True: the kernel says that nothing bounds what it may swap. None: it does not account swap, or it could not be read."""
    working_set_bytes: Count | None = None
    """What `kubectl top` shows: usage less inactive file pages, never below 0."""
    unreclaimable_bytes: Count | None = None
    """What the kernel could not free under pressure: anon + shmem + unreclaimable kernel memory, less what swap could take."""
    headroom_bytes: Signed | None = None
    """`limit_bytes - unreclaimable_bytes`, may be negative; None without a limit."""


class Process(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A process that the OOM killer may choose. The name is a tenant's: at most 15 arbitrary bytes, escaped to printable ASCII."""

    pid: Count
    """In the initial pid namespace; 1 is the node's init, which is never chosen."""
    name: Text
    cgroup: CgroupPath | None = None
    """Its cgroup, where that lies deeper than its container's; of a process outside containers always (None: unknown)."""
    oom_score_adj: OomScoreAdj | None = None
    rss_bytes: Count | None = None
    """Resident memory as the OOM killer counts it: field 24 of /proc/PID/stat. Where that cannot be read: RssAnon + RssFile +
    RssShmem of status, which recent kernels count more exactly than the killer does."""
    file_bytes: Count | None = None
    """Of that, what it has mapped of files (RssFile of status). Such pages are reclaimed first: when the killer looks they may be
    gone."""
    swap_bytes: Count | None = None
    page_tables_bytes: Count | None = None
    badness_points: Signed | None = None
    """oom_badness in pages for a node-wide OOM: rss + swap + page tables + adj * (totalpages / 1000). See mm/oom_kill.c."""


class Container(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One container of a pod. `container_id` is 64 hex digits; the pod's uid is the API's, or a static pod's config hash."""

    pod_uid: Text
    container_id: Text
    cgroup: CgroupPath
    """Path of the cgroup below the root of the hierarchy, escaped to printable ASCII."""
    pod_name: Text | None = None
    namespace: Text | None = None
    container_name: Text | None = None
    """From /var/log/containers; None where the link is missing, and for the pod's sandbox always."""
    memory: Memory = Memory()
    pressure: Pressure | None = None
    refaults_per_second: float | None = None
    """Workingset refaults of file pages: cache that was thrown out and needed again."""
    anon_refaults_per_second: float | None = None
    """Workingset refaults of anonymous pages (kernel 5.9 on): memory that was swapped out and needed again."""
    major_faults_per_second: float | None = None
    limit_hits: Count | None = None
    """Times the limit was reached and reclaim had to run (v2 memory.events `max`, v1 failcnt), since the cgroup was made."""
    high_hits: Count | None = None
    oom_kills: Count | None = None
    """Processes killed by any OOM killer in this cgroup since it was made (v2: descendants included)."""
    limit_ooms: Count | None = None
    """Times that this cgroup's own limit led to an OOM (v2 memory.events.local `oom`, kernel 5.2 on), since it was made."""
    oom_group: bool | None = None
    """v2 memory.oom.group: all die together."""
    oom_score_adj_min: OomScoreAdj | None = None
    oom_score_adj_max: OomScoreAdj | None = None
    """Least and greatest live oom_score_adj over the container's processes."""
    process_count: Count | None = None
    processes: Annotated[tuple[Process, ...], msgspec.Meta(max_length=MAX_PROCESSES)] = ()
    """The biggest of each oom_score_adj (whoever dies first at any limit is among them), worst on the node first; at most 16."""
    floor_bytes: Count | None = None
    """Lowest unreclaimable memory since the last sample: what is left when garbage was collected. In an answer of the agent: over
    all samples since the row was last told (at most ten minutes), as `peak_interval_bytes` is for the highest usage."""
    floor_slope_bytes_per_second: float | None = None
    """Slope of the unreclaimable floor over the agent's window; None until the window is half full."""


class Pod(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A pod's own cgroup: its limit often fires first, and its v2 counters outlive restarts of its containers."""

    pod_uid: Text
    cgroup: CgroupPath
    memory: Memory = Memory()
    limit_hits: Count | None = None
    oom_kills: Count | None = None
    limit_ooms: Count | None = None
    """As of a container."""
    oom_group: bool | None = None
    """v2 memory.oom.group: all that run in the pod die together."""


class Cgroup(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A cgroup above the pods: the root (`/`), kubepods, a QoS class. Their limits, too, make the kernel kill."""

    cgroup: CgroupPath
    memory: Memory = Memory()
    """The v2 root has no memory.current: its `usage_bytes` is anon + file, as the kubelet counts it, without kernel memory."""
    oom_group: bool | None = None
    holds_pods: bool = False
    """The cgroup that all pods together are in (kubepods), whose limit is the node's allocatable memory."""


class NodeMemory(Row, frozen=True, kw_only=True, omit_defaults=True):
    """The node as /proc tells it."""

    total_bytes: Count | None = None
    available_bytes: Count | None = None
    """MemAvailable: what can be had without swapping. Not MemFree."""
    free_bytes: Count | None = None
    swap_total_bytes: Count | None = None
    swap_free_bytes: Count | None = None
    page_size_bytes: Count | None = None
    pressure: Pressure | None = None
    swap_in_pages: Count | None = None
    """vmstat pswpin, since boot."""
    swap_out_pages: Count | None = None
    swap_in_pages_per_second: float | None = None
    swap_out_pages_per_second: float | None = None
    """Rates over the agent's last ten seconds or more; None before there are two readings."""
    oom_kills: Count | None = None
    """vmstat oom_kill: processes killed on this node since boot, by any OOM."""
    major_faults: Count | None = None
    swappiness: Count | None = None
    overcommit_memory: Count | None = None
    overcommit_ratio: Count | None = None
    panic_on_oom: Count | None = None
    oom_kill_allocating_task: Count | None = None
    signed_badness: bool | None = None
    """Whether this kernel's oom_badness is signed (5.9 on, and where it was backported); False: what is not above 0 counts as 1, so
    that processes at -997 are alike. Found out by /proc/self/oom_score; None: not known."""


class NodeReport(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of an agent. With `full`, `containers` and `pods` are all there are; else only those that changed materially."""

    version: int = REPORT_VERSION
    node: Text
    instance: Text
    """Random, new with every start of the agent: a cursor of another instance means nothing."""
    cursor: Text
    """Opaque; send it back to get what came after."""
    full: bool
    time_seconds: UnixTime
    """When the last sample was taken."""
    interval_seconds: Annotated[float, msgspec.Meta(ge=0, le=86400)]
    """The sampling interval: peaks are over this."""
    boot_id: Text | None = None
    kernel_release: Text | None = None
    cgroup_version: int | None = None
    """1 or 2: the version that the memory controller is mounted as; None where none was found."""
    node_memory: NodeMemory = NodeMemory()
    containers: tuple[Container, ...] = ()
    pods: tuple[Pod, ...] = ()
    cgroups: Annotated[tuple[Cgroup, ...], msgspec.Meta(max_length=MAX_CGROUPS)] = ()
    """The root and what stands between it and the pods, outermost first; in every answer."""
    host_processes: Annotated[tuple[Process, ...], msgspec.Meta(max_length=MAX_PROCESSES)] | None = None
    """Processes in no container, chosen as a container's are; in every answer. None: not known."""
    oom_groups: Annotated[tuple[CgroupPath, ...], msgspec.Meta(max_length=MAX_OOM_GROUPS)] = ()
    """Cgroups with memory.oom.group = 1 that have no row here and hold a process listed here; in every answer."""
    removed_container_ids: tuple[str, ...] = ()
    """Containers gone since the cursor (never set on a full report)."""
    removed_pod_uids: tuple[str, ...] = ()
    incidents: Annotated[tuple[Incident, ...], msgspec.Meta(max_length=MAX_INCIDENTS)] = ()
    """OOMs that are new or became clearer since the cursor, oldest first; with `full` all that the agent remembers. The same id
    told again replaces what was told before."""
    kernel_log: KernelLog | None = None
    """Whether the agent reads the kernel's log; None: it was not told to."""
    unattributed_oom_kills: Count | None = None
    """Kills that the node counted (vmstat) since the agent started, beyond those in incidents; None where that is not known."""
    read_errors: Count = 0
    """Files that were there but could not be read or made no sense, since the agent started."""


class ReportError(ValueError):
    """The bytes are no report that this version understands; the message says which field and why."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(NodeReport)


def encode(report: NodeReport) -> bytes:
    """JSON of a report; `version` is always written."""
    document: dict[str, Any] = {"version": report.version, **msgspec.to_builtins(report)}
    return _encoder.encode(document)


def decode(data: bytes) -> NodeReport:
    """Parse and validate an agent's answer. Raises ReportError for anything that is not a report of a known version."""
    if len(data) > MAX_REPORT_BYTES:
        raise ReportError(f"report has {len(data)} bytes, expected at most {MAX_REPORT_BYTES}")
    try:
        report = _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ReportError(f"report does not parse: {error}") from error
    if report.version != REPORT_VERSION:
        raise ReportError(f"report has version {report.version}, expected {REPORT_VERSION}")
    return report
