"""ChildProcess: one process inside the container grew beyond the rest, was killed alone, and the container went on.

Condition: the container went on; the killed process is not the container's init; and it was the one that grew: the biggest of
the kernel's task table, with at least half of the charge as its own anonymous memory. Threshold: half, so that no other process
can be bigger (a choice). Otherwise a child's kill has the container's reasons, and the rules below say which. Needs the
kernel's log: a counter does not tell sizes.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Cause
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import charge_at_kill, is_containers_own, limit_at_kill, victim, went_on
from oomsight_operator.judgement.kills.model import Kill


def child_process(kill: Kill, context: KillContext) -> str | None:
    """A child that grew."""
    died = victim(kill, context)
    tasks = context.incident.tasks if context.incident is not None else ()
    if died is None or died.pid is None or not tasks or not went_on(kill, context) or not is_containers_own(kill, context):
        return None
    if tasks[0].pid != died.pid or context.incident is None or context.incident.oom_group:
        return None
    charge = charge_at_kill(kill)
    whole = charge.usage_bytes if charge is not None and charge.usage_bytes else limit_at_kill(kill, context)
    held = died.anon_rss_bytes if died.anon_rss_bytes is not None else tasks[0].rss_bytes
    if not whole or held is None or held * 2 < whole:
        return None
    return f"that one process held {human_bytes(held)}, the most of all in it, and the container went on without it"


RULE: Final = CauseRule(
    Cause.CHILD_PROCESS,
    child_process,
    when=(
        "the container went on, and the killed process was the biggest in it, with at least half of the charge as its own anonymous"
        " memory (kernel log). Any other kill of a child has the container's causes."
    ),
    meaning=(
        "A child process held most of the memory and was killed alone. Kubernetes shows nothing: the container keeps"
        " running, with a worker, a build step or a shell command missing."
    ),
    todo=(
        "Look at what the named process does: a worker that leaks or took too big a task, a compiler, a sort, an exec'd"
        " command. Bound it (fewer or smaller workers, a maximum of requests per worker, its own memory option), run it in"
        " a container of its own, or raise the limit by what it needs. memory.oom.group makes the container die whole"
        " instead of going on broken."
    ),
)
