"""What the operator remembers of one workload for its MemoryRecommendation, and what of it stands in the object."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from oomsight_api.kinds import MEMORY_RECOMMENDATION
from oomsight_api.names import RiskLevel
from oomsight_api.parse import ParsedRecommendation
from oomsight_api.recommendation import MemoryRecommendationStatus
from oomsight_operator.judgement.model import Assessment, EffectivePolicy, Owner, Pod, PodHistory
from oomsight_operator.judgement.recommend.merging import merged
from oomsight_operator.judgement.recommend.state import NOTHING, State, brought_back
from oomsight_operator.publishing.contributions import Contribution, hours_of
from oomsight_operator.publishing.digest import encode_digest
from oomsight_operator.publishing.keeping import is_material, is_worth_an_object, standing_of
from oomsight_operator.publishing.kill_records import ContainerMemory, explained, merge_memories, remember, those_unknown
from oomsight_operator.publishing.recommendations import status_of
from oomsight_operator.publishing.targets import workload_key

MOST_LEAVING: Final = 64
"""As many pods as a digest has room for."""
MOST_RELEASED: Final = 64


@dataclass(frozen=True, slots=True)
class Pending:
    """What a write keeps."""

    learned: Mapping[str, State]
    leaving: frozenset[str]
    killed: bool
    edited: bool
    worst: RiskLevel
    material: bool
    moved: bool


@dataclass(slots=True)
class Record:
    """One workload. Times are of the runner's clock."""

    namespace: str
    target: Owner
    name: str
    since: float
    """When this process heard of it first."""
    uid: str | None = None
    """Of the MemoryRecommendation; None: not made yet, as far as is known."""
    stands: bool = False
    """There is an object of it that was not read yet."""
    generation: int = 1
    contributions: dict[str, Contribution] = field(default_factory=dict)
    """By pod uid."""
    decided: dict[str, tuple[EffectivePolicy, Mapping[str, str]]] = field(default_factory=dict)
    """By pod uid: who decided for it last, and its labels then."""
    released: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """By pod uid: labels of pods that no policy selects any more, as they were then; the last ones."""
    leaving: dict[str, None] = field(default_factory=dict)
    """Pods that are gone, but what they said is not written yet; the longest gone first."""
    memories: dict[str, ContainerMemory] = field(default_factory=dict)
    """By container name."""
    learned: dict[str, State] = field(default_factory=dict)
    """By container name: what the recommender remembers."""
    kept: Mapping[str, State] = field(default_factory=dict)
    """The same as the object has it."""
    standing: dict[str, Hashable] = field(default_factory=dict)
    """By pod uid: what a restart must not forget of it, where there is something."""
    written: MemoryRecommendationStatus = field(default_factory=MemoryRecommendationStatus)
    last_write: float | None = None
    kills_due: float = float("-inf")
    """When the next kill would be written had none come sooner than at its interval."""
    refused_at: float | None = None
    """When the API server refused the last write for good: a definition that is missing or older, a namespace that ends."""
    digest_due: float = float("-inf")
    news: bool = False
    """There is a recommendation, or a kill: the workload gets its object at once."""
    killed: bool = False
    """A kill is not written yet."""
    edited: bool = False
    """Somebody changed since the last write who decides for a pod, or whether anybody does, or the rules: not the pod's own labels,
    which are a tenant's."""
    worst: RiskLevel = RiskLevel.UNKNOWN
    """The worst level of a pod that was judged since the last write."""
    material: bool = False
    """Something is not kept yet that a restart must not forget."""
    moved: bool = False
    """Something else is not kept yet."""
    flush: bool = False
    """The operator ends: what is not kept now is lost."""
    ended: bool = False
    """The pod that was judged last runs no more."""
    withdrawn: bool = False
    """No policy selects its pods any more."""
    restored_pods: tuple[str, ...] = ()
    """Pods that an earlier run told of; some may be gone."""

    @property
    def workload(self) -> str:
        """By which it is remembered."""
        return workload_key(self.namespace, self.target)

    @property
    def key(self) -> str:
        """In the queue."""
        return f"{MEMORY_RECOMMENDATION.plural}/{self.workload}"

    @property
    def has_pods(self) -> bool:
        """Whether a pod lives that a policy selects."""
        return not self.contributions.keys() <= self.leaving.keys()

    @property
    def level(self) -> RiskLevel:
        """The worst pod's."""
        return _worse(*(item.history.level for pod in self.contributions.values() for item in pod.containers))

    @property
    def is_kept(self) -> bool:
        """Whether a restart now would forget nothing."""
        return not (self.killed or self.material or self.moved)

    def is_worth_an_object(self, now: float) -> bool:
        """Whether there is something to say, or enough to keep."""
        known_seconds = math.inf if self.flush else now - self.since
        rests = self.ended or not self.has_pods
        return self.news or is_worth_an_object(self.target, self.learned, known_seconds, rests=rests)

    def adopt(self, parsed: ParsedRecommendation, learned: Mapping[str, State], memories: Mapping[str, ContainerMemory]) -> None:
        """Go on from the object as it stands, without losing what this process saw."""
        self.uid, self.generation, self.written = parsed.identity.uid, max(1, parsed.identity.generation), parsed.status
        self.stands, self.news = False, True
        self.learned |= {name: merged(self.learned.get(name, NOTHING), state) for name, state in learned.items()}
        self.kept = dict(learned)
        for name, memory in memories.items():
            self.memories[name] = merge_memories(memory, self.memories.get(name, ContainerMemory()))

    def without_old_news(self, assessment: Assessment) -> Assessment:
        """The judgement without the news of kills that were counted before: an earlier run of the operator told of them."""
        containers = tuple(
            replace(each, new_kills=those_unknown(self.memories.get(each.name, ContainerMemory()), each.new_kills))
            for each in assessment.containers
        )
        return replace(assessment, containers=containers)

    def learn(self, assessment: Assessment) -> bool:
        """Take over what the judgement of a pod learned; whether more is known here than the judgement went on from.

        While pods are judged one upon the other, each state goes on from the last; the first after a while may not, nor one that
        fewer hours were seen of.
        """
        rested = not self.contributions
        knows_more = False
        for container in assessment.containers:
            state, own = container.learned, self.learned.get(container.name)
            if state is None or state is own:
                continue
            if own is not None and (rested or hours_of(state) < hours_of(own)):
                both = merged(state, brought_back(own, assessment.time_seconds))
                knows_more |= both is not state
                state = both
            self.learned[container.name] = state
            self.moved = True
        self.material = self.material or is_material(self.kept, self.learned)
        return knows_more

    def decide(self, pod: Pod, policy: EffectivePolicy) -> None:
        """Take over who decides for a pod."""
        before, labels = self.decided.get(pod.uid, (policy, pod.labels))
        self.edited |= before is not policy and before != policy and labels == pod.labels
        self.edited |= self.released.pop(pod.uid, None) == pod.labels  # nobody did, and its labels are the same
        self.decided[pod.uid] = (policy, pod.labels)

    def release(self, pod: Pod) -> bool:
        """Nobody decides for a pod any more; whether that is so for all."""
        _, labels = self.decided.get(pod.uid, (None, pod.labels))
        self.part(pod.uid)
        self.released[pod.uid] = pod.labels
        if len(self.released) > MOST_RELEASED:
            del self.released[next(iter(self.released))]
        if self.contributions:
            return False
        self.withdrawn = True
        self.edited |= labels == pod.labels
        return True

    def hear(self, contribution: Contribution, history: PodHistory | None) -> bool:
        """Take over what a pod says; whether a reader would learn anything from it."""
        self.withdrawn = False
        before = self.contributions.get(contribution.pod_uid)
        self.contributions[contribution.pod_uid] = contribution
        self.leaving.pop(contribution.pod_uid, None)
        self.worst = _worse(self.worst, *(each.history.level for each in contribution.containers))
        killed = self._remember(contribution, before)
        self.killed |= killed
        standing = standing_of(history) if history is not None else None
        if standing != self.standing.get(contribution.pod_uid):
            self.material = True
        if standing is None:
            self.standing.pop(contribution.pod_uid, None)
        else:
            self.standing[contribution.pod_uid] = standing
        if before is None or any(
            one.history != other.history for one, other in zip(before.containers, contribution.containers, strict=False)
        ):
            self.moved = True
        return killed or before != contribution

    def status(self, now_seconds: float) -> MemoryRecommendationStatus:
        """What the object should say now, without digests."""
        return status_of(
            self.target,
            self.contributions.values(),
            self.memories,
            self.written,
            generation=self.generation,
            now_seconds=now_seconds,
            withdrawn=self.withdrawn,
        )

    def leave(self, pod_uid: str) -> None:
        """A pod is gone, and what it said is still to be written. While nothing can be written only the latest are kept; the kills
        of the others, and what they taught, stay."""
        self.leaving[pod_uid] = None
        while len(self.leaving) > MOST_LEAVING:
            self.part(next(iter(self.leaving)))

    def part(self, pod_uid: str) -> None:
        """A pod is gone, and says nothing any more."""
        self.contributions.pop(pod_uid, None)
        self.decided.pop(pod_uid, None)
        self.standing.pop(pod_uid, None)
        self.leaving.pop(pod_uid, None)

    def digests(self) -> Callable[[str], str]:
        """What a restarted operator goes on from, by container name: each is made when it is asked for, and says what is known now,
        as the status of now does. Were a kill in it that is not counted there, a restart would lose it."""
        pods, memories, learned = tuple(self.contributions.values()), dict(self.memories), dict(self.learned)
        return lambda name: encode_digest(name, pods, memories.get(name, ContainerMemory()), learned.get(name))

    def begin_write(self) -> Pending:
        """What is about to be kept; what comes while it is on its way counts anew."""
        pending = Pending(
            dict(self.learned), frozenset(self.leaving), self.killed, self.edited, self.worst, self.material, self.moved
        )
        self.killed = self.edited = self.material = self.moved = False
        self.worst = RiskLevel.UNKNOWN
        return pending

    def failed(self, pending: Pending) -> None:
        """It was not written."""
        self.killed |= pending.killed
        self.edited |= pending.edited
        self.worst = _worse(self.worst, pending.worst)
        self.material |= pending.material
        self.moved |= pending.moved

    def wrote(self, status: MemoryRecommendationStatus, pending: Pending, now: float) -> None:
        """It stands."""
        self.written, self.kept, self.flush, self.last_write = status, pending.learned, False, now
        self.let_go(pending.leaving)

    def let_go(self, leaving: frozenset[str]) -> None:
        """What these pods said is written, or nothing new. One that came back meanwhile stays."""
        for pod_uid in leaving & self.leaving.keys():
            self.part(pod_uid)

    def _remember(self, contribution: Contribution, before: Contribution | None) -> bool:
        """Whether a kill came that was not known, or more is known of one now."""
        news = False
        seen = {container.name: container.kills for container in before.containers} if before is not None else {}
        for container in contribution.containers:
            if container.kills == seen.get(container.name, ()):
                continue
            memory = self.memories.get(container.name, ContainerMemory())
            after = remember(memory, container.kills, contribution.pod_name, contribution.pod_uid)
            self.memories[container.name] = after
            # What only changes waits for the interval: an agent that tells now this and now that must not make us write each time.
            news |= after.known != memory.known or explained(after) > explained(memory)
        return news


def _worse(*levels: RiskLevel) -> RiskLevel:
    return max(levels, key=lambda level: level.severity, default=RiskLevel.UNKNOWN)
