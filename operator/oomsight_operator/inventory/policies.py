"""The policies as they stand, parsed once: fed by kopf's events, healed by a full list now and then.

kopf misses deletes that happen while its watch is broken (an object gone after a 410 never yields DELETED), so what it tells is
compared with a list of our own; see `reconcile`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from oomsight_api.parse import InvalidSpec, ParsedPolicy, parse_policy
from oomsight_operator.judgement.model import PolicyRef
from oomsight_operator.judgement.precedence import PolicyRecord, PolicySet, policy_ref


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """One policy object, accepted or not."""

    ref: PolicyRef
    parsed: ParsedPolicy | InvalidSpec
    status: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """As it stands in the API, for merging; what we write there is no change of the policy."""


class PolicyListener(Protocol):
    """Who hears of policies (the engine and the publisher, through the wiring). Must be quick and not raise."""

    def policy_seen(self, policy: KnownPolicy) -> None:
        """A policy was made or changed, its status included."""

    def policy_gone(self, ref: PolicyRef) -> None:
        """A policy was deleted."""

    def policies_changed(self) -> None:
        """Other policies than before decide: specs changed, or who exists."""


class PolicyStore:
    """All policies of both kinds."""

    def __init__(self, listener: PolicyListener | None = None) -> None:
        self.listener = listener
        self._policies: dict[PolicyRef, KnownPolicy] = {}
        self._set = PolicySet()
        self._events = 0
        self.unreadable = 0
        """Objects whose metadata already made no sense; they cannot even get a status."""

    @property
    def policies(self) -> PolicySet:
        """Those that are accepted, ready to decide."""
        return self._set

    @property
    def events(self) -> int:
        """How many events were observed; `reconcile` compares it with what it was when the list was asked for."""
        return self._events

    def known(self) -> Iterable[KnownPolicy]:
        return self._policies.values()

    def observe(self, raw: Mapping[str, Any], *, deleted: bool = False) -> None:
        """An event about one policy."""
        self._events += 1
        policy = self._parse(raw)
        if policy is None:
            return
        before = self._policies.get(policy.ref)
        if deleted:
            self._drop(policy.ref)
        else:
            self._put(policy)
        if before != (None if deleted else policy):
            self._changed()

    def reconcile(self, raw_policies: Iterable[Mapping[str, Any]], events_before: int) -> bool:
        """Make the store equal to a full list of both kinds.

        False, and nothing done, when an event came while the list was under way: the list may be older than the event.
        """
        if events_before != self._events:
            return False
        listed = {policy.ref: policy for policy in map(self._parse, raw_policies) if policy is not None}
        before = dict(self._policies)
        for ref in before.keys() - listed.keys():
            self._drop(ref)
        for policy in listed.values():
            known = before.get(policy.ref)
            if known != policy or known.status != policy.status:
                self._put(policy)
        if before != listed:
            self._changed()
        return True

    def _parse(self, raw: Mapping[str, Any]) -> KnownPolicy | None:
        parsed = parse_policy(raw)
        if parsed.identity is None:
            self.unreadable += 1
            return None
        status = raw.get("status")
        return KnownPolicy(policy_ref(parsed.identity), parsed, status if isinstance(status, Mapping) else {})

    def _put(self, policy: KnownPolicy) -> None:
        self._policies[policy.ref] = policy
        if self.listener is not None:
            self.listener.policy_seen(policy)

    def _drop(self, ref: PolicyRef) -> None:
        if self._policies.pop(ref, None) is not None and self.listener is not None:
            self.listener.policy_gone(ref)

    def _changed(self) -> None:
        parsed = [policy.parsed for policy in self._policies.values()]
        self._set = PolicySet(PolicyRecord.of(each) for each in parsed if isinstance(each, ParsedPolicy))
        if self.listener is not None:
            self.listener.policies_changed()
