"""Writes the status of policies: only on change, seldom, but at once when a spec is refused or accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oomsight_api.names import RiskLevel
from oomsight_api.parse import Identity, InvalidSpec, ParsedPolicy
from oomsight_api.status import PolicyStatus
from oomsight_operator.judgement.model import Assessment, Pod, PolicyRef
from oomsight_operator.judgement.precedence import policy_ref
from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.budget import not_before, priority_of
from oomsight_operator.publishing.patches import is_other_uid, status_patch
from oomsight_operator.publishing.policy_status import PolicyTally, is_settled, parse_status
from oomsight_operator.publishing.runner import ApiClient, Runner
from oomsight_operator.publishing.settings import PublisherSettings

_PRIORITY = priority_of(RiskLevel.MEDIUM)
_URGENT = priority_of(RiskLevel.CRITICAL, killed=True) + 1
"""There are few policies, and an admin waits for the answer."""


@dataclass(slots=True)
class _Policy:
    ref: PolicyRef
    identity: Identity
    invalid: InvalidSpec | None
    standing: PolicyStatus = field(default_factory=PolicyStatus)
    last_write: float | None = None


class PolicyStatusWriter:
    """Knows all policies, and what pods say about them."""

    def __init__(self, runner: Runner, settings: PublisherSettings, *, wall_clock: Callable[[], float]) -> None:
        self._runner = runner
        self._settings = settings
        self._wall_clock = wall_clock
        self._tally = PolicyTally()
        self._policies: dict[PolicyRef, _Policy] = {}
        self._complete = False

    def note(self, pod: Pod, assessment: Assessment, losers: Iterable[PolicyRef]) -> None:
        """Take over the judgement of a pod."""
        self._changed(self._tally.note(pod, assessment, losers))

    def forget(self, pod_uid: str) -> None:
        """The pod is gone or under no policy any more."""
        self._changed(self._tally.forget(pod_uid))

    def offer_policy(self, parsed: ParsedPolicy | InvalidSpec, standing: Mapping[str, Any] | None) -> None:
        """A policy was made or changed, or its spec was refused; `standing` is its status as the API has it."""
        identity = parsed.identity
        if identity is None:
            return  # without a name there is no object to write to
        ref = policy_ref(identity)
        invalid = parsed if isinstance(parsed, InvalidSpec) else None
        before = self._policies.get(ref)
        policy = self._policies[ref] = _Policy(ref, identity, invalid, parse_status(standing))
        same = before is not None and (before.identity, before.invalid) == (identity, invalid)
        if before is not None and same:
            policy.last_write = before.last_write
        self._put(policy, urgent=not same)

    def forget_policy(self, ref: PolicyRef) -> None:
        """The policy is deleted."""
        if self._policies.pop(ref, None) is not None:
            self._runner.discard(_key(ref))

    def set_complete(self, complete: bool) -> None:
        """Whether all pods have been judged since the start: only then do counts mean something."""
        if complete != self._complete:
            self._complete = complete
            for policy in self._policies.values():
                self._put(policy, urgent=False)

    async def write(self, ref: PolicyRef, client: ApiClient) -> int:
        """Write the status if it changed; called by the runner."""
        policy = self._policies.get(ref)
        if policy is None:
            return 0
        status = self._tally.status(
            policy.ref,
            invalid=policy.invalid,
            generation=policy.identity.generation,
            complete=self._complete,
            standing=policy.standing,
            now_seconds=self._wall_clock(),
        )
        if status == policy.standing or (not self._complete and is_settled(policy.standing, status)):
            return 0
        identity = policy.identity
        path = identity.kind.path(identity.namespace, identity.name, "status")
        try:
            await client.request("PATCH", path, body=status_patch(identity.uid, status), content_type=MERGE_PATCH)
        except ApiError as error:
            if is_other_uid(error):
                return 0  # deleted and made anew: its own news will come
            raise
        policy.standing = status
        if status.matched_pods is not None:  # the first counts need not wait for an interval after the bare acceptance
            policy.last_write = self._runner.now()
        return 1

    def _changed(self, refs: Iterable[PolicyRef]) -> None:
        for ref in refs:
            policy = self._policies.get(ref)
            if policy is not None and self._complete:
                self._put(policy, urgent=False)

    def _put(self, policy: _Policy, *, urgent: bool) -> None:
        if not urgent and self._runner.is_waiting(_key(policy.ref)):
            return  # what waits reads the tally when it is sent
        interval = self._settings.policy_status_interval_seconds
        self._runner.put(
            _key(policy.ref),
            _PolicyWrite(self, policy.ref, policy.identity.kind.plural),
            priority=_URGENT if urgent else _PRIORITY,
            not_before=not_before(policy.last_write, interval, urgent=urgent),
        )


@dataclass(frozen=True, slots=True)
class _PolicyWrite:
    writer: PolicyStatusWriter
    ref: PolicyRef
    kind: str

    @property
    def target(self) -> str:
        return str(self.ref)

    async def perform(self, client: ApiClient) -> int:
        return await self.writer.write(self.ref, client)


def _key(ref: PolicyRef) -> str:
    return f"policies/{ref}"
