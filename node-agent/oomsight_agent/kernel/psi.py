"""Pressure stall information of memory: how much of the time tasks waited for memory.

`/proc/pressure/memory` (node) and `/sys/fs/cgroup/…/memory.pressure` (cgroup v2):
`some avg10=0.12 avg60=0.05 avg300=0.00 total=4711` and the same with `full`. Kernel 4.20 on; absent, or EOPNOTSUPP, with psi=0.
Averages are percent of wall time, totals microseconds. Source: kernel/sched/psi.c, Documentation/accounting/psi.rst.
"""

from __future__ import annotations

import re
from typing import Final

from oomsight_agent.kernel.problem import Problem, problem
from oomsight_api.report import Pressure

_LINE: Final = re.compile(
    rb"^(?P<who>some|full) avg10=(\d{1,3}\.\d{2}) avg60=(\d{1,3}\.\d{2}) avg300=(\d{1,3}\.\d{2}) total=(\d{1,20})$", re.MULTILINE
)


def parse_pressure(data: bytes) -> Pressure | Problem:
    """Both lines; a Problem when not even `some` makes sense. `full` alone may be missing (it is, for the CPU of old kernels)."""
    lines = {match[1]: match for match in _LINE.finditer(data)}
    some, full = lines.get(b"some"), lines.get(b"full")
    if some is None:
        return problem("a line such as 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0'", data)
    return Pressure(
        some_avg10=float(some[2]),
        some_avg60=float(some[3]),
        some_avg300=float(some[4]),
        some_total_seconds=int(some[5]) / 1e6,
        full_avg10=float(full[2]) if full else None,
        full_avg60=float(full[3]) if full else None,
        full_avg300=float(full[4]) if full else None,
        full_total_seconds=int(full[5]) / 1e6 if full else None,
    )
