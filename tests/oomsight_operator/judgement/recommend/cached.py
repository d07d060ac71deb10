"""A container that lives from page cache, judged every ten minutes for days, whose limit follows what is recommended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import structs
from tests.oomsight_operator.judgement.build import MI, NOW, ROOMY, memory, pod, policy, row, spec

from oomsight_api.report import Container, Memory
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import (
    ContainerAssessment,
    NodeContext,
    PodHistory,
    Recommendation,
    RecommendationStep,
    Telemetry,
)
from oomsight_operator.judgement.recommend.digest import StateDigest, from_digest, to_digest
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.recommend.surroundings import Surroundings

OWN = 8 * MI
"""What it holds that cannot be reclaimed."""
LONGEST_SHOWN = 300
"""Characters of a step in the annotation `oomsight.dev/report`."""
PAGES = 9800.0
"""A second, read again by a reader whose file does not fit."""


def reader(file_bytes: int, limit: int) -> Container:
    """It reads a file over and over: hardly a page is active until the file fits, and then all of it (kernel 6.18)."""
    left = limit - OWN
    if file_bytes > left:
        return row(
            uses=memory(OWN, limit, usage=limit, working_set=OWN + MI), refaults_per_second=PAGES, major_faults_per_second=0.0
        )
    uses = memory(OWN, limit, usage=OWN + file_bytes, working_set=OWN + file_bytes)
    return row(uses=uses, refaults_per_second=0.0, major_faults_per_second=0.0)


def never_active(file_bytes: int, limit: int) -> Container:
    """The same with the multi-generational LRU (kernel 6.12): no page is active, also when all of them fit."""
    seen = reader(file_bytes, limit)
    return structs.replace(seen, memory=structs.replace(seen.memory, working_set_bytes=OWN + MI))


def writer(limit: int) -> Container:
    """Its log fills the cache with pages that nobody reads."""
    uses = memory(OWN, limit, usage=limit, working_set=OWN + 2 * MI)
    return row(uses=uses, refaults_per_second=0.0, major_faults_per_second=0.0)


@dataclass
class Followed:
    """One replica, and what the operator remembers."""

    limit: int = 48 * MI
    policy: Mapping[str, Any] = field(default_factory=lambda: {"mode": "Always", "pageCache": "Working"})
    follows: bool = True
    now: float = NOW
    learned: dict[str, State] = field(default_factory=dict)
    history: PodHistory = field(default_factory=PodHistory)
    limits: list[int] = field(default_factory=list)
    """In MiB, each that was recommended, in order."""
    latest: ContainerAssessment | None = None

    def __post_init__(self) -> None:
        self._rules = policy(recommendation=dict(self.policy))

    def look(self, seen: Container, *, pod_limit: int | None = None) -> ContainerAssessment:
        of = pod(spec(request=OWN, limit=self.limit), pod_memory_limit_bytes=pod_limit)
        told = Telemetry(self.now, 1.0, {"app": seen})
        found, self.history = assess_pod(
            of, told, NodeContext("node-1", ROOMY), self._rules, self.history, self.now, Surroundings(self.learned)
        )
        (self.latest,) = found.containers
        assert self.latest.learned is not None
        self.learned = {"app": self.latest.learned}
        recommended = self.latest.recommendation
        steps = recommended.limit_steps if recommended is not None else ()
        assert all(len(step.why) <= LONGEST_SHOWN for step in steps), "no sentence is cut in the report"
        if recommended is not None and recommended.limit_bytes is not None:
            if self.limits[-1:] != [recommended.limit_bytes // MI]:
                self.limits.append(recommended.limit_bytes // MI)
            if self.follows:
                self.limit = recommended.limit_bytes
        return self.latest

    def live(self, days: float, seen: Any, **more: Any) -> Followed:
        """`seen` gives the row at a limit."""
        for _ in range(int(days * 144)):
            self.look(seen(self.limit), **more)
            self.now += 600
        return self

    def restarted(self) -> Followed:
        """The operator begins anew with what the status keeps."""
        digest = msgspec.json.encode(to_digest(self.learned["app"]))
        self.learned = {"app": from_digest(msgspec.json.decode(digest, type=StateDigest), self.now)}
        self.history = PodHistory()
        return self

    @property
    def recommendation(self) -> Recommendation:
        assert self.latest is not None
        assert self.latest.recommendation is not None
        return self.latest.recommendation

    @property
    def cache_step(self) -> RecommendationStep | None:
        return next((step for step in self.recommendation.limit_steps if step.rule == "PageCache"), None)

    @property
    def cache_words(self) -> str:
        return self.cache_step.why if self.cache_step is not None else ""


def untold(uses: Memory) -> Container:
    """A kernel before 4.20."""
    return row(uses=uses, major_faults_per_second=0.0)
