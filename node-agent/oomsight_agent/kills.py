"""`oomsight-agent kills`: OOM kills that can still be seen, from the kernel's log where it can be read, and from counters.

Reads once and needs no cluster.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final, TextIO

from oomsight_agent.incidents.observation import Observation
from oomsight_agent.incidents.tracker import IncidentTracker
from oomsight_agent.kernel_log import open_log
from oomsight_agent.kills_rows import rows_of_counters, rows_of_incidents
from oomsight_agent.kills_view import Options, render_json, render_table
from oomsight_agent.sampler import Sampler
from oomsight_api.incident import Evidence, Incident

_A_MOMENT_LATER_SECONDS: Final = 60.0
"""By then the tracker waits for nothing any more."""


def run(sampler: Sampler, kernel_log_path: str, options: Options, out: TextIO) -> None:
    """Write the table once."""
    log, state = open_log(kernel_log_path, sampler.page_size_bytes)
    if log is not None:
        log.read()
    now, monotonic = time.time(), time.monotonic()
    report = sampler.sample(now, monotonic)
    seen = Observation(
        report=report,
        monotonic_seconds=monotonic,
        boot_time_seconds=now - monotonic,
        log=log.pending if log is not None else (),
        follows_log=log is not None,
    )
    incidents = _incidents(IncidentTracker(sampler.boot_id), seen)
    if log is not None:
        state = log.state
        log.close()
    rows = [*rows_of_counters(report, incidents), *rows_of_incidents(incidents)]
    is_json = options.output == "json"
    out.write(render_json(rows, incidents, report, state) if is_json else render_table(rows, report, state, options))


def _incidents(tracker: IncidentTracker, seen: Observation) -> list[Incident]:
    """All that the log tells, at once: nothing else will come that a kill without owner could wait for.

    Kills that counters alone tell of stay with them (`rows_of_counters`), where there is a log.
    """
    found = {incident.id: incident for incident in tracker.observe(seen)}
    later = tracker.observe(replace(seen, monotonic_seconds=seen.monotonic_seconds + _A_MOMENT_LATER_SECONDS, log=()))
    found |= {incident.id: incident for incident in later if incident.evidence is not Evidence.COUNTER}
    return list(found.values())
