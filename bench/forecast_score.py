"""How alarms are scored against the truth.

An alarm is `the limit is met within HORIZON_SECONDS`. Alarms with less than QUIET_SECONDS between them are one. An alarm is true
when the limit is met within twice the horizon of its beginning; a death is foreseen when an alarm stood for at least
LEAST_LEAD_SECONDS before it. The time to the limit is compared with the truth half way from the growth's
beginning to the death.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Final

from forecast_series import Death

HORIZON_SECONDS: Final = 4 * 3600.0
TRUE_WITHIN_SECONDS: Final = 2 * HORIZON_SECONDS
QUIET_SECONDS: Final = 1800.0
LEAST_LEAD_SECONDS: Final = 60.0


@dataclass(slots=True)
class Story:
    """What one forecaster said of one series, as it came."""

    alarmed: list[float] = field(default_factory=list)
    """When it was in alarm, at each of its evaluations."""
    says: list[tuple[float, float | None]] = field(default_factory=list)
    """Time, and seconds to the limit as forecast then."""

    def tell(self, now_seconds: float, alarmed: bool, seconds_to_limit: float | None) -> None:
        self.says.append((now_seconds, seconds_to_limit))
        if alarmed:
            self.alarmed.append(now_seconds)

    def alarms(self, deaths: list[Death]) -> list[float]:
        """When each alarm began. A death ends it."""
        begun: list[float] = []
        last = float("-inf")
        for when in self.alarmed:
            died = any(last <= death.hit_seconds <= when for death in deaths)
            if when - last > QUIET_SECONDS or died:
                begun.append(when)
            last = when
        return begun

    def said_at(self, seconds: float) -> float | None:
        """The last word at that time."""
        word = None
        for when, says in self.says:
            if when > seconds:
                break
            word = says
        return word


@dataclass(slots=True)
class Score:
    """Counts over many series."""

    series: int = 0
    deaths: int = 0
    foreseen: int = 0
    alarms: int = 0
    true_alarms: int = 0
    leads: list[float] = field(default_factory=list)
    """Seconds from the first alarm to the death."""
    errors: list[float] = field(default_factory=list)
    """Of the time to the limit half way, as a share of the truth; infinite where nothing was said."""

    def add(self, story: Story, deaths: list[Death]) -> None:
        self.series += 1
        self.deaths += len(deaths)
        begun = story.alarms(deaths)
        self.alarms += len(begun)
        self.true_alarms += sum(
            any(began <= death.hit_seconds <= began + TRUE_WITHIN_SECONDS for death in deaths) for began in begun
        )
        for death in deaths:
            since = max(death.began_seconds, death.hit_seconds - TRUE_WITHIN_SECONDS)
            first = next((when for when in story.alarmed if since <= when <= death.hit_seconds - LEAST_LEAD_SECONDS), None)
            if first is not None:
                self.foreseen += 1
                self.leads.append(death.hit_seconds - first)
            half = (death.began_seconds + death.hit_seconds) / 2
            said, truth = story.said_at(half), death.hit_seconds - half
            self.errors.append(abs(said - truth) / truth if said is not None else float("inf"))

    @property
    def recall(self) -> float | None:
        return self.foreseen / self.deaths if self.deaths else None

    @property
    def precision(self) -> float | None:
        return self.true_alarms / self.alarms if self.alarms else None

    @property
    def median_lead(self) -> float | None:
        return median(self.leads) if self.leads else None

    @property
    def median_error(self) -> float | None:
        return median(self.errors) if self.errors else None

    @property
    def within_a_fifth(self) -> float | None:
        return sum(error <= 0.2 for error in self.errors) / len(self.errors) if self.errors else None


def merged(scores: list[Score]) -> Score:
    """Their sum."""
    total = Score()
    for score in scores:
        total.series += score.series
        total.deaths += score.deaths
        total.foreseen += score.foreseen
        total.alarms += score.alarms
        total.true_alarms += score.true_alarms
        total.leads += score.leads
        total.errors += score.errors
    return total
