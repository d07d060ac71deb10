"""Writes our annotations (and the opt-in label) on pods: only when the meaning changed, seldom per pod, the worst first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from oomsight_api.names import Annotation, RiskLevel
from oomsight_operator.judgement.model import Assessment, EffectivePolicy, Pod
from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.budget import has_risen, is_known_again, is_no_longer_known, not_before, priority_of
from oomsight_operator.publishing.fingerprint import facts_of_kills
from oomsight_operator.publishing.patches import (
    NO_MARKS,
    OwnMarks,
    desired_marks,
    is_newer,
    is_other_uid,
    marks_of_object,
    marks_of_pod,
    merge_patch,
    parse_level,
    resource_version_of,
    same_meaning,
)
from oomsight_operator.publishing.retries import is_rejected
from oomsight_operator.publishing.runner import ApiClient, Runner
from oomsight_operator.publishing.settings import PublisherSettings

logger = logging.getLogger(__name__)

Render = Callable[[Pod, Assessment], Mapping[str, str]]
Fingerprint = Callable[[Assessment], Hashable]

_WITHDRAWN = hash("withdrawn")
_WITHDRAWAL_PRIORITY = 5
_STALE_PRIORITY = priority_of(RiskLevel.LOW)
"""Of a pod that reads as fine and is no longer known: before all that only becomes or stays fine."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    marks: OwnMarks
    meaning: int
    level: RiskLevel


@dataclass(slots=True)
class _State:
    """What is remembered of one pod between two offers."""

    pod: Pod
    wanted: _Wanted | None = None
    """Waits in the queue."""
    killed: bool = False
    """A kill happened since the last write, or more became known of one."""
    facts: int = 0
    """How much was known of the pod's kills at the last offer."""
    meaning: int | None = None
    """What stands on the pod means this (a hash: 150,000 pods are remembered); None: not known to this process yet."""
    level: RiskLevel | None = None
    standing_digest: int = field(default=0)
    last_write: float | None = None
    last_kill_write: float | None = None
    last_return: float | None = None
    """When a write last told that the pod is known again."""
    policy: EffectivePolicy | None = None
    """Who decided at the last offer; None: nobody."""
    edited: bool = False
    """Somebody changed that since the last write: not the pod's own labels, which are a tenant's."""
    answered: tuple[str, OwnMarks] | None = None
    """Resource version and marks from the answer to the last write, until the informer has caught up."""
    gone: bool = False
    rejected: bool = False
    """The API server refused the last write as such (a pod full of annotations, an admission rule): then nothing is urgent."""

    def standing(self) -> OwnMarks:
        """The newest that is known to stand on the pod."""
        if self.answered is not None:
            version, marks = self.answered
            if not is_newer(self.pod.resource_version, version):
                return marks
            self.answered = None
        return marks_of_pod(self.pod)

    def decide(self, policy: EffectivePolicy, *, same_labels: bool) -> None:
        """Take over who decides."""
        if self.policy is not policy and self.policy != policy:
            self.edited |= same_labels
        self.policy = policy

    def settle(self, meaning: int, level: RiskLevel, standing: OwnMarks) -> None:
        self.meaning, self.level, self.standing_digest = meaning, level, standing.digest()


class PodWriter:
    """Keeps pods' annotations true within the budget."""

    def __init__(self, runner: Runner, settings: PublisherSettings, *, render: Render, fingerprint: Fingerprint) -> None:
        self._runner = runner
        self._settings = settings
        self._render = render
        self._fingerprint = fingerprint
        self._states: dict[str, _State] = {}

    def __len__(self) -> int:
        return len(self._states)

    def offer(self, pod: Pod, assessment: Assessment) -> None:
        """Take over a judgement; write it if it means something new to a reader."""
        if pod.deletion_timestamp is not None:
            self.forget(pod.uid)  # nobody reads it any more, and the write might come after the pod
            return
        before = self._states.get(pod.uid)
        same_labels = before is not None and before.pod.labels == pod.labels
        state = self._state(pod)
        if state.gone:
            return
        state.decide(assessment.policy, same_labels=same_labels)
        publish = assessment.policy.rules.publish
        meaning = hash((self._fingerprint(assessment), publish.annotations, publish.risk_label))
        standing = state.standing()
        key = _key(pod.uid)
        facts, told = facts_of_kills(assessment), state.facts
        state.facts = facts
        state.killed |= any(container.new_kills for container in assessment.containers) or (
            state.meaning is not None and facts > told
        )
        if state.meaning == meaning and state.standing_digest == standing.digest():
            self._rest(key, state)
            return
        marks = desired_marks(assessment.level, publish, self._render(pod, assessment), standing)
        known = state.meaning is not None
        if merge_patch(pod.uid, marks, standing) is None or (not known and same_meaning(marks, standing)):
            # Nothing to say, or this process is new and its predecessor said it already.
            state.settle(meaning, assessment.level, standing)
            self._rest(key, state)
            return
        state.wanted = _Wanted(marks, meaning, assessment.level)
        written = state.level if known else _published_level(standing)
        priority = priority_of(assessment.level, killed=state.killed)
        self._runner.put(
            key,
            _PodWrite(self, state),
            priority=max(priority, _STALE_PRIORITY) if is_no_longer_known(written, assessment.level) else priority,
            not_before=self._earliest(state, written, assessment.level, same_meaning(marks, standing)),
        )

    def _earliest(self, state: _State, written: RiskLevel | None, level: RiskLevel, only_numbers: bool) -> float:
        """When the pod may be written. `written`: the level that users read now; `only_numbers`: all else stays as it reads."""
        settings = self._settings
        interval = settings.pod_interval_seconds * (settings.numbers_intervals if only_numbers else 1)
        if state.rejected:
            return not_before(state.last_write, interval, urgent=False)
        if state.edited:
            interval = min(interval, settings.policy_interval_seconds)
        news = state.killed or has_risen(written, level) or is_no_longer_known(written, level)
        earliest = not_before(state.last_write, interval, urgent=news)
        if is_known_again(written, level):
            # An agent that comes and goes must not cost two writes each time.
            earliest = min(earliest, not_before(state.last_return, settings.pod_interval_seconds, urgent=False))
        if state.killed:
            earliest = max(earliest, not_before(state.last_kill_write, settings.kill_interval_seconds, urgent=False))
        return earliest

    def withdraw(self, pod: Pod) -> None:
        """No policy selects the pod: take away what is ours. Not held back by the interval, since an admin asked for it; but what
        comes back under our prefix afterwards is a tenant's doing, and must not cost more than a pod's share."""
        state = self._states.get(pod.uid)
        if pod.deletion_timestamp is not None:
            self.forget(pod.uid)
            return
        if state is None:
            if marks_of_pod(pod).is_empty:
                return
            state = self._state(pod)
        state.pod = pod
        standing = state.standing()
        if state.gone or (standing.is_empty and not self._runner.is_busy(_key(pod.uid))):
            return
        urgent = state.meaning != _WITHDRAWN and not state.rejected
        # The level stays as it was: a policy that comes back soon finds no rise where there was none.
        state.wanted = _Wanted(NO_MARKS, _WITHDRAWN, state.level or RiskLevel.UNKNOWN)
        state.killed = state.edited = False
        state.policy = None
        self._runner.put(
            _key(pod.uid),
            _PodWrite(self, state),
            priority=_WITHDRAWAL_PRIORITY,
            not_before=not_before(state.last_write, self._settings.pod_interval_seconds, urgent=urgent),
        )

    def forget(self, pod_uid: str) -> None:
        """The pod is gone."""
        self._states.pop(pod_uid, None)
        self._runner.discard(_key(pod_uid))

    async def write(self, state: _State, client: ApiClient) -> int:
        """Send what is wanted now; called by the runner."""
        wanted, pod = state.wanted, state.pod
        if wanted is None or state.gone:
            return 0
        standing = state.standing()
        patch = merge_patch(pod.uid, wanted.marks, standing)
        if patch is None:
            state.wanted, state.edited = None, False
            state.settle(wanted.meaning, wanted.level, standing)
            return 0
        path = f"/api/v1/namespaces/{quote(pod.namespace, safe='')}/pods/{quote(pod.name, safe='')}"
        try:
            answer = await client.request("PATCH", path, body=patch, content_type=MERGE_PATCH)
        except ApiError as error:
            if error.status in (404, 410) or is_other_uid(error):
                state.gone = True
                logger.debug("pod is gone, not annotated", extra={"object": f"{pod.namespace}/{pod.name}", "status": error.status})
                return 0
            if is_rejected(error):
                state.rejected, state.last_write = True, self._runner.now()
            raise
        stands = marks_of_object(answer)
        version = resource_version_of(answer)
        state.answered = (version, stands) if version else None
        state.rejected, state.last_write = False, self._runner.now()
        if state.killed:
            state.last_kill_write = state.last_write
        if is_known_again(state.level, wanted.level):
            state.last_return = state.last_write
        state.settle(wanted.meaning, wanted.level, stands)
        if state.wanted is wanted:
            state.wanted = None
            state.killed = state.edited = False
        return 1

    def _state(self, pod: Pod) -> _State:
        state = self._states.get(pod.uid)
        if state is None:
            state = self._states[pod.uid] = _State(pod)
        state.pod = pod
        return state

    def _rest(self, key: str, state: _State) -> None:
        """Nothing is to be written: what waits has been overtaken."""
        state.killed = state.edited = False
        if state.wanted is not None:
            state.wanted = None
            self._runner.discard(key)


@dataclass(frozen=True, slots=True)
class _PodWrite:
    writer: PodWriter
    state: _State
    kind: str = "pods"

    @property
    def target(self) -> str:
        return f"{self.state.pod.namespace}/{self.state.pod.name}"

    async def perform(self, client: ApiClient) -> int:
        return await self.writer.write(self.state, client)


def _published_level(standing: OwnMarks) -> RiskLevel | None:
    """The level that users read now, written by an earlier run of this operator."""
    return parse_level(standing.annotations.get(Annotation.OOM_RISK, standing.label))


def _key(pod_uid: str) -> str:
    return f"pods/{pod_uid}"
