"""oomsight's own recommender in the replay: the operator's code, fed sample by sample. A source stands for one namespace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from recommender_replay import Player
from recommender_traces import Series

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationMode, RecommendationSpec
from oomsight_operator.engine.neighbourhoods import Neighbourhoods
from oomsight_operator.judgement.model import RecommendationStep
from oomsight_operator.judgement.recommend.bounds import bounds_of, settle
from oomsight_operator.judgement.recommend.context import Context
from oomsight_operator.judgement.recommend.need import DEFAULT, Tuning
from oomsight_operator.judgement.recommend.neighbours import Neighbourhood
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.startable import STARTABLE
from oomsight_operator.judgement.recommend.state import NOTHING, OomKill, Sample, State, observe, on_oom
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS

ALWAYS = RecommendationSpec(mode=RecommendationMode.ALWAYS)
NAMESPACE = "replayed"


class _Workload:
    """What all replicas of a workload showed, as the operator keeps it: one that starts anew is no cold start."""

    def __init__(self) -> None:
        self.state = NOTHING


class _Replica:
    """What both policies know of one replica: its own memory, for how long its workload was watched, and its neighbours."""

    def __init__(self, name: str, workload: _Workload | None, around: Neighbourhoods, tuning: Tuning) -> None:
        self._name = name
        self._workload = workload
        """None: it is the only replica."""
        self._around = around
        self._tuning = tuning
        self._kills: list[OomKill] = []
        self._state = NOTHING

    def see(self, time_seconds: int, amount_bytes: int) -> None:
        sample = Sample(time_seconds, working_set_bytes=amount_bytes)
        before = self._state
        self._state = observe(before, sample)
        if self._state is not before:
            self._around.take(NAMESPACE, self._name, {"app": self._state}, time_seconds)
        if self._workload is not None:
            self._workload.state = observe(self._workload.state, sample)

    def kill(self, time_seconds: int, limit_bytes: float) -> None:
        self._kills.append(OomKill(int(limit_bytes), time_seconds))
        self._state = on_oom(self._state, self._kills)

    def _known(self) -> State:
        """Its own state, with the hours that any replica was watched."""
        own, shared = self._state.working_set, self._workload.state.working_set if self._workload is not None else None
        if own is None or shared is None:
            return self._state
        hours = max(own.observed_hours, shared.observed_hours)
        return replace(self._state, working_set=replace(own, observed_hours=hours))

    def _neighbours(self) -> Neighbourhood:
        return self._around.of(NAMESPACE, self._name)


class UnroundedPlayer(_Replica):
    """The statistics alone: raised at once, lowered slowly."""

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        known = self._known()
        bounds = bounds_of(known.working_set, known.floor, time_seconds, self._tuning, self._neighbours())
        current = int(current_bytes) if current_bytes is not None else None
        return float(settle(bounds, current, since_seconds, time_seconds, may_lower=True, tuning=self._tuning))


class PublishedPlayer(_Replica):
    """The limits that the operator publishes in mode Always: the whole chain of steps, rounded, each replica for itself."""

    _judged: tuple[State, float, int, Neighbourhood] | None = None
    """With what it was asked last, and what came out."""

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        neighbours, hour = self._neighbours(), time_seconds // HOUR_SECONDS
        if self._judged is not None and self._judged[0] is self._state and self._judged[1:] == (current_bytes, hour, neighbours):
            return self._judged[1]  # nothing is new within this hour: no other number could come out
        current = int(current_bytes) if current_bytes is not None else None
        context = Context("app", current, None, QosClass.BURSTABLE, (), time_seconds, around=Surroundings(neighbours=neighbours))
        state, found = recommend(self._known(), context, ALWAYS, self._tuning)
        self._state = replace(self._state, proposed_bytes=state.proposed_bytes, proposed_since_seconds=state.proposed_since_seconds)
        assert found is not None
        limit = float(_without_floor(found.limit_steps))
        self._judged = (self._state, limit, hour, neighbours)
        return limit


def _without_floor(steps: Sequence[RecommendationStep]) -> int:
    """VPA and KRR are replayed without their floors, too."""
    *_, last = steps
    return next((step.before_bytes for step in steps if step.rule == STARTABLE and step.before_bytes), last.after_bytes)


@dataclass(frozen=True, slots=True)
class Oomsight:
    """oomsight as the operator publishes it."""

    name: str = "oomsight"
    tuning: Tuning = DEFAULT
    continuous: bool = True
    deadband: float = 0.0

    def players(self, series: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        return [PublishedPlayer(*each, self.tuning) for each in _replicas(series)]


@dataclass(frozen=True, slots=True)
class Unrounded:
    """oomsight's statistics without rounding and the chain's other steps."""

    name: str = "oomsight-unrounded"
    tuning: Tuning = DEFAULT
    continuous: bool = True
    deadband: float = 0.0

    def players(self, series: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        return [UnroundedPlayer(*each, self.tuning) for each in _replicas(series)]


def _replicas(series: Sequence[Series]) -> list[tuple[str, _Workload | None, Neighbourhoods]]:
    around = Neighbourhoods()
    counts = Counter(each.workload for each in series)
    workloads = {name: _Workload() for name, count in counts.items() if count > 1}
    return [(each.name, workloads.get(each.workload), around) for each in series]
