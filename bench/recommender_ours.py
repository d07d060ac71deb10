"""oomsight's own recommender in the replay: the operator's code, fed sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender_replay import Player
from recommender_traces import Series

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationMode, RecommendationSpec
from oomsight_operator.judgement.recommend.bounds import bounds_of, settle
from oomsight_operator.judgement.recommend.context import Context
from oomsight_operator.judgement.recommend.need import DEFAULT, Tuning
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, OomKill, Sample, State, observe, on_oom

ALWAYS = RecommendationSpec(mode=RecommendationMode.ALWAYS)


class _Kin:
    """What all replicas of a workload showed, as the operator keeps it."""

    def __init__(self) -> None:
        self.state = NOTHING


class OomsightPlayer:
    """Limits of one replica from its own memory; how memory jumps is learned from all replicas."""

    def __init__(self, kin: _Kin | None, tuning: Tuning) -> None:
        self._kin = kin
        """None: it is the only replica."""
        self._tuning = tuning
        self._kills: list[OomKill] = []
        self._state = NOTHING
        self._judged: State | None = None
        self._bounds = bounds_of(None, None, 0)

    def see(self, time_seconds: int, amount_bytes: int) -> None:
        sample = Sample(time_seconds, working_set_bytes=amount_bytes)
        self._state = observe(self._state, sample)
        if self._kin is not None:
            self._kin.state = observe(self._kin.state, sample)

    def kill(self, time_seconds: int, limit_bytes: float) -> None:
        self._kills.append(OomKill(int(limit_bytes), time_seconds))
        self._state = on_oom(self._state, self._kills)
        if self._kin is not None:
            self._kin.state = on_oom(self._kin.state, self._kills)

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        if self._judged is not self._state:  # it changes with every hour at least
            self._judged = self._state
            kin = self._kin.state.working_set if self._kin is not None else None
            self._bounds = bounds_of(self._state.working_set, self._state.floor, time_seconds, self._tuning, kin)
        current = int(current_bytes) if current_bytes is not None else None
        return float(settle(self._bounds, current, since_seconds, time_seconds, may_lower=True, tuning=self._tuning))


class PublishedPlayer:
    """The limits that the operator publishes in mode Always: the whole chain of steps, rounded, each replica for itself."""

    def __init__(self) -> None:
        self._kills: list[OomKill] = []
        self._state = NOTHING
        self._judged: State | None = None

    def see(self, time_seconds: int, amount_bytes: int) -> None:
        self._state = observe(self._state, Sample(time_seconds, working_set_bytes=amount_bytes))

    def kill(self, time_seconds: int, limit_bytes: float) -> None:
        self._kills.append(OomKill(int(limit_bytes), time_seconds))
        self._state = on_oom(self._state, self._kills)

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        current = int(current_bytes) if current_bytes is not None else None
        if self._judged is self._state and current is not None:
            return float(current)
        context = Context("app", current, None, QosClass.BURSTABLE, (), time_seconds)
        self._state, found = recommend(self._state, context, ALWAYS)
        self._judged = self._state
        assert found is not None
        assert found.limit_bytes is not None
        return float(found.limit_bytes)


@dataclass(frozen=True, slots=True)
class Oomsight:
    """oomsight's statistics."""

    name: str = "oomsight"
    tuning: Tuning = DEFAULT
    continuous: bool = True
    deadband: float = 0.0

    def players(self, workload: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        kin = _Kin() if len(workload) > 1 else None
        return [OomsightPlayer(kin, self.tuning) for _ in workload]


@dataclass(frozen=True, slots=True)
class Published:
    """oomsight as the operator publishes it."""

    name: str = "oomsight-published"
    continuous: bool = True
    deadband: float = 0.0

    def players(self, workload: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        return [PublishedPlayer() for _ in workload]
