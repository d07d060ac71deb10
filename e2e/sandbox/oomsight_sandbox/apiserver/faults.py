"""Breaking the server on purpose: what fault tests call.

Every fault is something that happens to real API servers: compaction, restarts, overload, lost connections, refused features,
latency.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .listing import Lister
from .resources import Registry
from .status import StatusError
from .store import ResourceId
from .watch import WatchHub

_REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired", 422: "Invalid",
    429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout",
}  # fmt: skip


@dataclass(slots=True)
class FailureRule:
    """Requests that fail: the next `times` with this verb and resource (None: any).

    `verb` as RBAC names it (get, list, watch, create, update, patch, delete, deletecollection); `resource` a plural, with
    `/status` and the like for subresources. `disconnect` closes the connection without an answer; with `after_write` the write
    happens before it.
    """

    status: int = 503
    verb: str | None = None
    resource: str | None = None
    name: str | None = None
    times: int = 1
    retry_after_seconds: int | None = None
    message: str = ""
    disconnect: bool = False
    after_write: bool = False
    failed: int = field(default=0, init=False)
    """How many requests it has failed so far."""

    def takes(self, verb: str, resource: str, name: str) -> bool:
        wanted = ((self.verb, verb), (self.resource, resource), (self.name, name))
        return self.failed < self.times and all(want in (None, found) for want, found in wanted)

    def error(self) -> StatusError:
        reason = _REASONS.get(self.status, "InternalError")
        message = self.message or f"the server was told to fail with {self.status}"
        return StatusError(self.status, reason, message, retry_after_seconds=self.retry_after_seconds)


class Faults:
    """The faults of one server. Those that end by themselves count down; `clear` ends the rest."""

    def __init__(
        self,
        hub: WatchHub,
        lister: Lister,
        registry: Registry,
        *,
        drop: Callable[[], int],
        restart: Callable[[float], Awaitable[None]],
    ) -> None:
        self.latency_seconds = 0.0
        """Added before each request is worked on."""
        self.refuse_watch_list = False
        """Answer `sendInitialEvents=true` with 422, as servers without the WatchList feature do."""
        self.expire_by_http_status = False
        """Answer a watch from too old a version with HTTP status 410 instead of an ERROR event; both occur in the wild."""
        self._rules: list[FailureRule] = []
        self._hub = hub
        self._lister = lister
        self._registry = registry
        self._drop = drop
        self._restart = restart

    def fail(self, rule: FailureRule) -> FailureRule:
        """Let requests fail by this rule; rules count in the order in which they were given."""
        self._rules.append(rule)
        return rule

    def take_failure(self, verb: str, resource: str, name: str) -> FailureRule | None:
        """The rule that fails this request, used up by one; called by the server for each request."""
        for rule in self._rules:
            if rule.takes(verb, resource, name):
                rule.failed += 1
                if rule.failed >= rule.times:
                    self._rules.remove(rule)
                return rule
        return None

    def expire_watches(self, plural: str | None = None) -> None:
        """Open watches end with 410 now, and watches from a version before now get 410 too."""
        for storage in self._storages(plural):
            self._hub.expire(storage)

    def compact_history(self, plural: str | None = None) -> None:
        """Open watches go on; new ones from a version before now get 410."""
        for storage in self._storages(plural):
            self._hub.store.compact(storage)

    def expire_continue_tokens(self) -> None:
        """Lists that are being paged get 410 at their next page."""
        self._lister.expire_tokens()

    def silence_watches(self, silent: bool = True) -> None:
        """Streams stay open but say nothing, not even bookmarks, until told otherwise."""
        self._hub.silent = silent
        self._hub.wake()

    def drop_connections(self) -> int:
        """Abort all connections at once, in the middle of whatever they do; returns how many."""
        return self._drop()

    async def restart(self, down_seconds: float = 0.0) -> None:
        """Stop, refuse connections for a while, start again on the same port with the same objects (watch histories stay, as in
        etcd).
        """
        await self._restart(down_seconds)

    def clear(self) -> None:
        self.latency_seconds = 0.0
        self.refuse_watch_list = False
        self.expire_by_http_status = False
        self._rules.clear()
        self.silence_watches(False)

    def _storages(self, plural: str | None) -> list[ResourceId]:
        return list({resource.storage for resource in self._registry if plural in (None, resource.plural)})
