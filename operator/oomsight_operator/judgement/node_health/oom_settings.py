"""PanicOnOOM and OOMKillsAllocatingTask: settings under which the kernel does not choose by points when memory ends.

Source: mm/oom_kill.c, check_panic_on_oom() and out_of_memory(): `vm.panic_on_oom` 1 panics when the whole node is out of memory,
2 also when one cgroup is at its limit; `vm.oom_kill_allocating_task` kills whoever asked last, in an OOM of the node. The kubelet
sets panic_on_oom to 0 when it starts (pkg/kubelet/cm, setupKernelTunables).
"""

from __future__ import annotations

from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status, unknown
from oomsight_operator.judgement.node_health.facts import NodeFacts

_PANIC = ConditionType.PANIC_ON_OOM
_ALLOCATING = ConditionType.OOM_KILLS_ALLOCATING_TASK
_NODE, _ANY = 1, 2


def panic_on_oom(facts: NodeFacts) -> NodeCondition:
    """vm.panic_on_oom."""
    setting = facts.memory.panic_on_oom
    if setting is None:
        return unknown(_PANIC, "vm.panic_on_oom")
    if setting == 0:
        return NodeCondition(
            _PANIC, Status.FALSE, Reason.KILLS_INSTEAD, "vm.panic_on_oom is 0: a process is killed, the node lives"
        )
    to_do = "the kubelet sets 0, so find what sets it otherwise (sysctl.d, a tuning daemon)"
    if setting >= _ANY:
        message = f"vm.panic_on_oom is {setting}: one container at its limit takes the whole node down; {to_do}"
        return NodeCondition(_PANIC, Status.TRUE, Reason.PANICS_ON_ANY_OOM, message)
    message = f"vm.panic_on_oom is {_NODE}: the node goes down when its memory ends, and nobody is killed before; {to_do}"
    return NodeCondition(_PANIC, Status.TRUE, Reason.PANICS_ON_NODE_OOM, message)


def oom_kill_allocating_task(facts: NodeFacts) -> NodeCondition:
    """vm.oom_kill_allocating_task."""
    setting = facts.memory.oom_kill_allocating_task
    if setting is None:
        return unknown(_ALLOCATING, "vm.oom_kill_allocating_task")
    if setting:
        message = (
            f"vm.oom_kill_allocating_task is {setting}: when the node's memory ends, whoever asks next is killed, whatever its size"
            " and oom_score_adj, so no kill order holds; set it to 0 unless that is wanted"
        )
        return NodeCondition(_ALLOCATING, Status.TRUE, Reason.KILLS_WHOEVER_ALLOCATES, message)
    message = "vm.oom_kill_allocating_task is 0: the kernel chooses by points, as the kill order says"
    return NodeCondition(_ALLOCATING, Status.FALSE, Reason.KILLS_BY_POINTS, message)
