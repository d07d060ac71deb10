"""Replaying a recording under a policy's limits: who would have been killed, and how much would have lain idle.

The recording goes on as it was after a kill: what the container wanted is known, what it would have done is not. A policy sees no
more than a recommender would: a sample above the limit is a kill at the limit, and how much was wanted stays hidden.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from recommender_traces import DAY_SECONDS, Series, Source

EPISODE_SECONDS = 3600
"""A kill so soon after another one belongs to the same episode."""


class Player(Protocol):
    """One policy on one series."""

    def see(self, time_seconds: int, amount_bytes: int) -> None:
        """A sample that the limit left alive."""

    def kill(self, time_seconds: int, limit_bytes: float) -> None:
        """An OOM kill."""

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        """The limit to have, given the one in force."""


class Policy(Protocol):
    """A way to set limits."""

    @property
    def name(self) -> str: ...

    @property
    def continuous(self) -> bool:
        """Asked before every sample, with what was seen before it; otherwise every `Rules.update_seconds`. After a kill
        everybody is asked at once."""

    @property
    def deadband(self) -> float:
        """A number that differs less from the limit in force is not rolled out: the ratio."""

    def players(self, series: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        """One for each series of a source, and the index of each one's first judged sample."""


@dataclass(slots=True)
class Outcome:
    """What became of one series under one policy."""

    series: str
    workload: str
    days: float
    kills: int = 0
    episodes: int = 0
    changes: int = 0
    slack: float = 0.0
    """Mean of (limit - demand) / limit over all samples judged."""
    killed_days: int = 0
    """Days of 24 hours with a kill."""
    judged_days: int = 0


@dataclass(slots=True)
class _Run:
    player: Player
    series: Series
    first: int
    outcome: Outcome
    limit: float | None = None
    since: int = 0
    next_update: int = 0
    last_kill: int = -(1 << 60)
    slack: float = 0.0
    last_killed_day: int = -1


def replay(policy: Policy, source: Source) -> list[Outcome]:
    """Every series with at least one sample after the warm-up; all of them run side by side in time."""
    rules = source.rules
    firsts = [int(np.searchsorted(series.time_seconds, series.time_seconds[0] + rules.warm_up_seconds)) for series in source.series]
    runs = [
        _Run(player, series, first, _outcome(series, first, source.step_seconds))
        for player, series, first in zip(policy.players(source.series, firsts), source.series, firsts, strict=True)
    ]
    for index, run, time, amount in heapq.merge(*(_samples(run) for run in runs), key=lambda item: item[2]):
        _step(policy, source, run, index, time, amount)
    outcomes: list[Outcome] = []
    for run in runs:
        judged = len(run.series.time_seconds) - run.first
        if judged > 0:
            run.outcome.slack = run.slack / judged
            outcomes.append(run.outcome)
    return outcomes


def _outcome(series: Series, first: int, step_seconds: float) -> Outcome:
    times = series.time_seconds[first:]
    days = np.unique((times - times[0]) // DAY_SECONDS).size if times.size else 0
    return Outcome(series.name, series.workload, times.size * step_seconds / DAY_SECONDS, judged_days=int(days))


def _samples(run: _Run) -> Iterator[tuple[int, _Run, int, int]]:
    for index, (time, amount) in enumerate(zip(run.series.time_seconds.tolist(), run.series.demand_bytes.tolist(), strict=True)):
        yield index, run, time, amount


def _step(policy: Policy, source: Source, run: _Run, index: int, time: int, amount: int) -> None:
    player, outcome = run.player, run.outcome
    if index < run.first:
        player.see(time, amount)
        return
    if run.limit is None:
        run.limit, run.since, run.next_update = player.limit(time, None, time), time, time + source.rules.update_seconds
    elif policy.continuous or time >= run.next_update:
        _change(run, player.limit(time, run.limit, run.since), time, policy.deadband)
        while run.next_update <= time:
            run.next_update += source.rules.update_seconds
    if amount > run.limit:
        outcome.kills += 1
        outcome.episodes += time - run.last_kill > EPISODE_SECONDS
        day = (time - int(run.series.time_seconds[run.first])) // DAY_SECONDS
        outcome.killed_days += day != run.last_killed_day
        run.last_kill, run.last_killed_day = time, day
        player.kill(time, run.limit)
        _change(run, player.limit(time, run.limit, run.since), time, 0.0)
    else:
        run.slack += 1 - amount / run.limit
        player.see(time, amount)


def _change(run: _Run, wanted: float, time: int, deadband: float) -> None:
    assert run.limit is not None
    if abs(wanted - run.limit) > deadband * run.limit:
        run.limit, run.since = wanted, time
        run.outcome.changes += 1
