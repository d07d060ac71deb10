"""Turns successive readings of the kernel files into node reports: true peaks, rates and slopes need more than one look.

The layer above (ledger, metrics, server, top) sees `Sampler`, `CgroupRow`, `KnownProcess` and values of the report alone.
"""

from oomsight_agent.sampler.all_cgroups import CgroupRow
from oomsight_agent.sampler.processes import KnownProcess
from oomsight_agent.sampler.sampler import Sampler

__all__ = ["CgroupRow", "KnownProcess", "Sampler"]
