"""AllocationsLimited: the kernel refuses memory that it has (vm.overcommit_memory = 2), so programs fail without any OOM kill.

Source: Documentation/mm/overcommit-accounting.rst: in mode 2 all private writable mappings together may have swap +
overcommit_ratio % of RAM (CommitLimit); whoever sets vm.overcommit_kbytes instead makes the ratio 0 (mm/util.c). Runtimes that
reserve far more than they touch (Go, Java, forks of big processes) meet it first. The kubelet sets 1 when it starts, and refuses to
start with something else under `protectKernelDefaults` (pkg/kubelet/cm, setupKernelTunables): another value was set since.
"""

from __future__ import annotations

from oomsight_api.quantity import human_bytes
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status, unknown
from oomsight_operator.judgement.node_health.facts import NodeFacts

_TYPE = ConditionType.ALLOCATIONS_LIMITED
_HEURISTIC, _ALWAYS, _STRICT = 0, 1, 2


def overcommit(facts: NodeFacts) -> NodeCondition:
    """vm.overcommit_memory."""
    mode = facts.memory.overcommit_memory
    if mode == _STRICT:
        message = (
            f"vm.overcommit_memory is 2{_commit_limit(facts.memory)}: allocations fail beyond it although memory is available, and"
            " nobody is killed; the kubelet sets 1, so find what sets it otherwise (sysctl.d, a tuning daemon)"
        )
        return NodeCondition(_TYPE, Status.TRUE, Reason.STRICT_OVERCOMMIT, message)
    if mode == _ALWAYS:
        message = (
            "vm.overcommit_memory is 1, as the kubelet sets it: nothing is refused, and the OOM killer decides when memory ends"
        )
        return NodeCondition(_TYPE, Status.FALSE, Reason.ALWAYS_OVERCOMMIT, message)
    if mode == _HEURISTIC:
        message = (
            "vm.overcommit_memory is 0: only single allocations larger than RAM and swap together are refused; the kubelet sets 1,"
            " so something set it back"
        )
        return NodeCondition(_TYPE, Status.FALSE, Reason.HEURISTIC_OVERCOMMIT, message)
    return unknown(_TYPE, "vm.overcommit_memory")


def _commit_limit(memory: NodeMemory) -> str:
    if memory.total_bytes is None or memory.swap_total_bytes is None or not memory.overcommit_ratio:
        return ""  # a ratio of 0: the limit is in vm.overcommit_kbytes, which no report has
    limit = memory.swap_total_bytes + memory.total_bytes * memory.overcommit_ratio // 100
    return f" with a commit limit of about {human_bytes(limit)} (swap + {memory.overcommit_ratio} % of RAM)"
