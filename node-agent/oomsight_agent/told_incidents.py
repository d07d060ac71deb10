"""The incidents that the agent remembers, each with the revision that told its last version.

An answer must stay far below MAX_REPORT_BYTES, and the agent below its 40 MiB, whatever a tenant calls its processes and cgroups:
so there is a bound in number and one in bytes, and the oldest go first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from oomsight_api.incident import Incident
from oomsight_api.report import MAX_INCIDENTS

MAX_INCIDENT_BYTES = 4 * 1024 * 1024
"""Of all together, as JSON. A usual incident with its task table has 3 KiB."""


class _Told(NamedTuple):
    incident: Incident
    revision: int
    size_bytes: int
    first_revision: int
    """That told it first: what was learnt first is forgotten first, also where the wall clock was set back."""


class ToldIncidents:
    """By id, oldest first."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}
        self._bytes = 0
        self._encoder = msgspec.json.Encoder()

    def record(self, incidents: Iterable[Incident], revision: int) -> bool:
        """Take incidents that are new or became clearer; False when all of them are known just so."""
        news = False
        for incident in incidents:
            known = self._told.get(incident.id)
            if known is not None and known.incident == incident:
                continue
            size = len(self._encoder.encode(incident))
            self._bytes += size - (known.size_bytes if known is not None else 0)
            self._told[incident.id] = _Told(incident, revision, size, revision if known is None else known.first_revision)
            news = True
        if news:
            self._forget()
        return news

    def _forget(self) -> None:
        if not self._too_many():
            return
        for oldest in sorted(self._told.values(), key=lambda told: (told.first_revision, *_age(told))):
            if not self._too_many():
                break
            del self._told[oldest.incident.id]
            self._bytes -= oldest.size_bytes

    def _too_many(self) -> bool:
        return len(self._told) > MAX_INCIDENTS or (self._bytes > MAX_INCIDENT_BYTES and len(self._told) > 1)

    def since(self, revision: int) -> tuple[Incident, ...]:
        """Those whose last version came after `revision`, oldest first."""
        return tuple([told.incident for told in sorted(self._told.values(), key=_age) if told.revision > revision])


def _age(told: _Told) -> tuple[float, str]:
    return told.incident.time_seconds, told.incident.id
