"""What a replay comes to: episodes per 100 days, slack, changes, days without OOM, each with an interval by workload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from recommender_replay import Outcome
from recommender_traces import Source

DRAWS = 1000
SEED = 20200427
Interval = tuple[float, float]
HEADER = f"  {'policy':18}{'kills':>6}{'episodes':>9}  {'per 100 days':22}{'slack':24}{'changes/day':>12}{'OOM-free days':>15}"


@dataclass(frozen=True, slots=True)
class Measure:
    """One policy on one source."""

    source: str
    variant: str
    policy: str
    series: int
    days: float
    kills: int
    episodes: int
    episodes_per_100_days: float
    episodes_interval: Interval
    mean_slack: float
    slack_interval: Interval
    changes_per_day: float
    oom_free_days_percent: float

    def as_json(self) -> dict[str, Any]:
        return {name: _rounded(getattr(self, name)) for name in self.__slots__}


def measure(policy: str, source: Source, outcomes: Sequence[Outcome]) -> Measure:
    """Sums over all series of a source. Raises ValueError where no series is long enough to be judged."""
    if not outcomes:
        raise ValueError(f"{source.name}: no series is longer than the warm-up of {source.rules.warm_up_seconds} s")
    days = sum(each.days for each in outcomes)
    judged_days = sum(each.judged_days for each in outcomes)
    return Measure(
        source=source.name,
        variant=source.variant,
        policy=policy,
        series=len(outcomes),
        days=days,
        kills=sum(each.kills for each in outcomes),
        episodes=sum(each.episodes for each in outcomes),
        episodes_per_100_days=_episodes_per_100_days(outcomes),
        episodes_interval=_interval(outcomes, _episodes_per_100_days),
        mean_slack=_mean_slack(outcomes),
        slack_interval=_interval(outcomes, _mean_slack),
        changes_per_day=sum(each.changes for each in outcomes) / days,
        oom_free_days_percent=100.0 * (1 - sum(each.killed_days for each in outcomes) / judged_days),
    )


def table(measures: Sequence[Measure]) -> str:
    """One block a source and variant."""
    lines: list[str] = []
    for index, each in enumerate(measures):
        if index == 0 or (each.source, each.variant) != (measures[index - 1].source, measures[index - 1].variant):
            lines += ["", f"{each.source} ({each.variant}): {each.series} series, {each.days:.0f} container-days"]
            lines.append(HEADER)
        lines.append(
            f"  {each.policy:18}{each.kills:6}{each.episodes:9}  {_with(each.episodes_per_100_days, each.episodes_interval, 1):22}"
            f"{_with(each.mean_slack, each.slack_interval, 3):24}{each.changes_per_day:12.2f}{each.oom_free_days_percent:13.1f} %"
        )
    return "\n".join(lines[1:])


def _episodes_per_100_days(outcomes: Sequence[Outcome]) -> float:
    return 100.0 * sum(each.episodes for each in outcomes) / sum(each.days for each in outcomes)


def _mean_slack(outcomes: Sequence[Outcome]) -> float:
    return float(np.mean([each.slack for each in outcomes]))


def _interval(outcomes: Sequence[Outcome], statistic: Callable[[Sequence[Outcome]], float]) -> Interval:
    """95 % of what comes out when workloads are drawn anew: replicas are killed for one cause and count as one draw."""
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(each.workload, []).append(each)
    workloads = list(groups.values())
    chance = np.random.default_rng(SEED)
    found = [
        statistic([each for index in chance.integers(0, len(workloads), len(workloads)) for each in workloads[index]])
        for _ in range(DRAWS)
    ]
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def _with(amount: float, interval: Interval, digits: int) -> str:
    return f"{amount:.{digits}f} ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return [round(each, 4) for each in value] if isinstance(value, tuple) else value
