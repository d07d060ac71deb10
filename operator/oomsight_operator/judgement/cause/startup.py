"""Startup: killed too soon after its start to say more.

Condition: killed at most `STARTUP_SECONDS` after the start of its run. Where it is not known whose memory ran out, an earlier
kill at the same limit within the window is needed as well, since a node short of memory kills new containers too.
Threshold: 60 s (a choice: runtimes load and warm up within it, and the agent has no trend before five minutes). A leak so fast that
it fills the limit within a minute looks the same: growth from the start on, and the same again in the next run. Only a higher limit
tells them apart, so the clause names both.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.account import span
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import earlier_at_this_limit, limit_at_kill, run_seconds
from oomsight_operator.judgement.cause.repeats import repeats
from oomsight_operator.judgement.kills.model import Kill

STARTUP_SECONDS = 60.0


def startup(kill: Kill, context: KillContext) -> str | None:
    """Soon after the start."""
    ran = run_seconds(kill, context)
    if ran is None or ran > STARTUP_SECONDS or limit_at_kill(kill, context) is None:
        return None
    if kill.scope not in {OomScope.CONTAINER, OomScope.POD} and not earlier_at_this_limit(kill, context):
        return None
    # The kubelet's times are whole seconds: less than one is not known.
    after = f"that was {span(max(1.0, ran))} after the container started"
    return f"{after}, too early to tell a leak from a start that needs more{repeats(kill, context)}"


RULE: Final = CauseRule(
    Cause.STARTUP,
    startup,
    when=(
        f"killed at most {STARTUP_SECONDS:.0f} s after the container started; where it is not known whose memory ran out, for the"
        " second time at the same limit."
    ),
    meaning=(
        "The container was killed within a minute of its start: loading, warming up or restoring needs more than the"
        " limit, or it leaks so fast that it gets no further. So short a run does not tell these apart. Where it repeats,"
        " the pod is in a crash loop that no waiting ends."
    ),
    todo=(
        "Raise the limit once: if it then settles, that was the start; if it only dies later, it leaks (see Leak). For"
        " a JVM or Node.js compare the heap option (-Xmx, MaxRAMPercentage, --max-old-space-size) with the limit. Load"
        " less at once: smaller batches, fewer workers, lazy caches."
    ),
)
