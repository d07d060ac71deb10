"""What was asked of the server: a bounded log and counters, by which tests hold write budgets."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One answered request. `verb` as RBAC names it; `resource` the plural, with `/status` and the like for subresources.

    `path` is the one below the secret, empty for who did not know it. Paths that are no resource have verb "" and
    resource "". A watch is recorded when it starts. `body_bytes` is what the client announced.
    """

    seconds: float
    method: str
    path: str
    query: str
    verb: str
    resource: str
    namespace: str
    name: str
    status: int
    user_agent: str
    content_type: str
    body_bytes: int


class RequestLog:
    """The newest `limit` requests, and counts of all."""

    def __init__(self, limit: int = 10_000) -> None:
        self.records: deque[RequestRecord] = deque(maxlen=limit)
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, record: RequestRecord) -> None:
        self.records.append(record)
        if record.verb:
            self._counts[record.verb, record.resource] += 1

    def count(self, verb: str | None = None, resource: str | None = None) -> int:
        """Requests with this verb and resource (`pods`, `pods/status`, …); None is any."""
        return sum(
            number for (known, plural), number in self._counts.items() if verb in (None, known) and resource in (None, plural)
        )

    def writes(self, resource: str | None = None) -> int:
        """Requests that may write: create, update, patch, delete and deletecollection."""
        return sum(number for (verb, plural), number in self._counts.items() if verb in WRITES and resource in (None, plural))

    def counts(self) -> dict[tuple[str, str], int]:
        return dict(self._counts)

    def reset(self) -> None:
        self.records.clear()
        self._counts.clear()
