"""Series with a known truth for the forecast's bench: leaks of many shapes, and what looks like one and is none.

Each is drawn from a seeded generator: sizes, rates, noise, periods and lengths at random. The truth is the kernel's: a run ends
when its unreclaimable memory meets the limit. A runtime that knows its limit collects before; one that does not is killed at
a peak.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1024 * 1024
HOUR: Final = 3600.0
DAY: Final = 86400.0
MOST_SAMPLES: Final = 9000


@dataclass(frozen=True, slots=True)
class Death:
    """A run that met its limit, and when its growth began. Seconds since the series began."""

    began_seconds: float
    hit_seconds: float


@dataclass(slots=True)
class Series:
    """One container's memory, sampled every `step_seconds`; amounts in bytes."""

    shape: str
    limit_bytes: int
    step_seconds: float
    unreclaimable: list[int] = field(default_factory=list)
    cache: list[int] = field(default_factory=list)
    """Page cache on top of it."""
    run_starts: list[int] = field(default_factory=lambda: [0])
    """Index of each run's first sample."""
    deaths: list[Death] = field(default_factory=list)

    times: list[float] | None = None
    """Of the samples, where they are recorded; else every `step_seconds`."""

    def at(self, index: int) -> float:
        """Seconds since the series began."""
        return self.times[index] if self.times is not None else index * self.step_seconds

    @property
    def seconds(self) -> float:
        return self.at(len(self.unreclaimable) - 1) if self.unreclaimable else 0.0


Level = Callable[[float], float]
"""Share of the limit by seconds since the run began."""


def log_uniform(rng: random.Random, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _series(rng: random.Random, shape: str, seconds: float) -> Series:
    limit = int(log_uniform(rng, 128, 16384)) * MIB
    return Series(shape, limit, max(5.0, seconds / MOST_SAMPLES))


def _noise(rng: random.Random, most: float = 0.012) -> Callable[[], float]:
    """Autocorrelated, up to `most` of the limit as standard deviation."""
    deviation, memory = rng.uniform(0, most), rng.uniform(0, 0.95)
    state = 0.0

    def step() -> float:
        nonlocal state
        state = memory * state + math.sqrt(1 - memory * memory) * rng.gauss(0, deviation)
        return state

    return step


def _run(series: Series, seconds: float, level: Level, noise: Callable[[], float], began: float | None = None) -> bool:
    """One run of a container; True when it met its limit (`began`: when its growth began, into the run)."""
    start = len(series.unreclaimable)
    for index in range(int(seconds / series.step_seconds)):
        share = max(0.005, level(index * series.step_seconds) + noise())
        if share >= 1:
            offset = start * series.step_seconds
            series.deaths.append(Death(offset + (began or 0.0), offset + index * series.step_seconds))
            return True
        series.unreclaimable.append(int(share * series.limit_bytes))
        series.cache.append(int(0.02 * series.limit_bytes))
    return False


def ramp(rng: random.Random) -> Series:
    """A leak without bound, from the start or after hours."""
    growth, lead = log_uniform(rng, 20 * 60, DAY), rng.choice((0.0, rng.uniform(0, 6 * HOUR)))
    begin = rng.uniform(0.1, 0.6)
    series = _series(rng, "ramp", lead + growth)
    _run(series, 2 * (lead + growth), lambda t: begin + (1 - begin) * max(0.0, t - lead) / growth, _noise(rng), lead)
    return series


def late_ramp(rng: random.Random) -> Series:
    """A leak that begins after a quiet day or two."""
    growth, lead = log_uniform(rng, 30 * 60, 12 * HOUR), rng.uniform(0.8 * DAY, 2 * DAY)
    begin = rng.uniform(0.15, 0.6)
    series = _series(rng, "late ramp", lead + growth)
    _run(series, 2 * (lead + growth), lambda t: begin + (1 - begin) * max(0.0, t - lead) / growth, _noise(rng), lead)
    return series


def accelerating(rng: random.Random) -> Series:
    """A leak that grows with its load."""
    growth, power, begin = log_uniform(rng, HOUR, DAY), rng.uniform(1.2, 2.0), rng.uniform(0.1, 0.5)
    series = _series(rng, "accelerating", growth)
    _run(series, 2 * growth, lambda t: begin + (1 - begin) * (t / growth) ** power, _noise(rng), 0.0)
    return series


def stairs(rng: random.Random) -> Series:
    """A job that leaves something behind each time."""
    growth, begin = log_uniform(rng, 2 * HOUR, DAY), rng.uniform(0.1, 0.5)
    steps = rng.randint(12, 40)
    series = _series(rng, "stairs", growth)
    _run(series, 2 * growth, lambda t: begin + (1 - begin) * math.floor(t / growth * steps) / steps, _noise(rng, 0.006), 0.0)
    return series


def cached_leak(rng: random.Random) -> Series:
    """A leak under page cache that fills the limit all the time."""
    growth, begin = log_uniform(rng, HOUR, DAY), rng.uniform(0.1, 0.5)
    series = _series(rng, "leak under page cache", growth)
    _run(series, 2 * growth, lambda t: begin + (1 - begin) * t / growth, _noise(rng), 0.0)
    fill = rng.uniform(0.05, 0.3) * growth
    for index, held in enumerate(series.unreclaimable):
        full = 0.99 * series.limit_bytes - held
        series.cache[index] = max(0, int(full * min(1.0, index * series.step_seconds / fill)))
    return series


def _teeth(rng: random.Random, floor: Level, top: Callable[[float], float], period: float) -> Level:
    """Heap that is allocated evenly from the floor to the top, then collected; `period` is the first tooth's."""
    state = {"at": 0.0, "heap": rng.uniform(0, max(0.0, top(floor(0.0)) - floor(0.0)))}
    rate = max(0.01, top(floor(0.0)) - floor(0.0)) / period

    def level(t: float) -> float:
        base = floor(t)
        state["heap"] += rate * (t - state["at"])
        state["at"] = t
        room = max(0.0, top(base) - base)
        if state["heap"] >= room:
            state["heap"] = rng.uniform(0, 0.05) * room
        return base + state["heap"]

    return level


def aware_sawtooth(rng: random.Random) -> Series:
    """A runtime that collects below the limit, with a floor that rises: killed when nothing is left to collect."""
    growth, begin, cap = log_uniform(rng, 2 * HOUR, 2 * DAY), rng.uniform(0.1, 0.4), rng.uniform(0.65, 0.95)
    period = min(log_uniform(rng, 40, 40 * 60), growth / 12)
    series = _series(rng, "sawtooth, collects below the limit", growth)
    level = _teeth(rng, lambda t: begin + (1 - begin) * t / growth, lambda base: max(cap, base), period)
    _run(series, 2 * growth, level, _noise(rng, 0.004), 0.0)
    return series


def unaware_sawtooth(rng: random.Random) -> Series:
    """A runtime that lets the heap grow by a share of what lives: killed at a peak."""
    growth, begin, share = log_uniform(rng, 2 * HOUR, 2 * DAY), rng.uniform(0.1, 0.3), rng.uniform(0.3, 1.0)
    period = min(log_uniform(rng, 30, 20 * 60), growth / 20)
    series = _series(rng, "sawtooth, does not know the limit", growth)
    last = 1 / (1 + share)
    level = _teeth(rng, lambda t: begin + (last - begin) * t / growth, lambda base: base * (1 + share), period)
    _run(series, 2 * growth, level, _noise(rng, 0.004), 0.0)
    return series


def diurnal_leak(rng: random.Random) -> Series:
    """Days and nights on a floor that rises."""
    swing, leak, begin = rng.uniform(0.04, 0.12), rng.uniform(0.15, 0.4), rng.uniform(0.15, 0.35)
    phase = rng.uniform(0, 2 * math.pi)
    series = _series(rng, "days on a leak", (1 - begin) / leak * DAY)

    def level(t: float) -> float:
        return begin + leak * t / DAY + swing * (math.sin(2 * math.pi * t / DAY + phase) - math.sin(phase))

    _run(series, 6 * DAY, level, _noise(rng, 0.008), 0.0)
    return series


def leak_through_restarts(rng: random.Random) -> Series:
    """Killed at the limit, begun anew, over and over."""
    growth, begin, runs = log_uniform(rng, 25 * 60, 5 * HOUR), rng.uniform(0.1, 0.4), rng.randint(3, 6)
    series = _series(rng, "leak through restarts", growth * runs)
    noise = _noise(rng)
    for run in range(runs):
        pace = growth * rng.uniform(0.8, 1.25)
        if run:
            series.run_starts.append(len(series.unreclaimable))
        _run(series, 2 * pace, lambda t, pace=pace: begin + (1 - begin) * t / pace, noise, 0.0)  # type: ignore[misc]
    return series


def warm_up(rng: random.Random) -> Series:
    """Fills up, ever slower, to a level below the limit."""
    tau, plateau, begin = log_uniform(rng, 4 * 60, 4 * HOUR), rng.uniform(0.6, 0.92), rng.uniform(0.05, 0.25)
    seconds = tau * rng.uniform(5, 12)
    series = _series(rng, "warm-up", seconds)
    _run(series, seconds, lambda t: plateau - (plateau - begin) * math.exp(-t / tau), _noise(rng, 0.006))
    return series


def filled_cache(rng: random.Random) -> Series:
    """A process's own cache that fills evenly and then evicts."""
    fill, full, begin = log_uniform(rng, 20 * 60, 10 * HOUR), rng.uniform(0.5, 0.85), rng.uniform(0.1, 0.3)
    seconds = fill * rng.uniform(2, 5)
    series = _series(rng, "own cache that fills up", seconds)
    _run(series, seconds, lambda t: min(full, begin + (full - begin) * t / fill), _noise(rng, 0.006))
    return series


def page_cache(rng: random.Random) -> Series:
    """Reads files: usage meets the limit, what cannot be reclaimed stays."""
    seconds, held = rng.uniform(4 * HOUR, 2 * DAY), rng.uniform(0.1, 0.6)
    series = _series(rng, "page cache", seconds)
    _run(series, seconds, lambda _: held, _noise(rng))
    fill = rng.uniform(0.02, 0.9) * seconds
    for index, own in enumerate(series.unreclaimable):
        series.cache[index] = int((0.995 * series.limit_bytes - own) * min(1.0, index * series.step_seconds / fill))
    return series


def days(rng: random.Random) -> Series:
    """Day and night, or office hours, up to 85 % of the limit."""
    high, low = rng.uniform(0.6, 0.85), rng.uniform(0.15, 0.45)
    phase, seconds, office = rng.uniform(0, DAY), rng.uniform(2, 4) * DAY, rng.random() < 0.5
    edge = rng.uniform(1.5, 4) * HOUR
    series = _series(rng, "days, office hours" if office else "days, sine", seconds)

    def level(t: float) -> float:
        hour = (t + phase) % DAY
        if not office:
            return low + (high - low) * (0.5 - 0.5 * math.cos(2 * math.pi * hour / DAY))
        rising, falling = (hour - 7 * HOUR) / edge, (19 * HOUR - hour) / edge
        return low + (high - low) * max(0.0, min(1.0, rising, falling))

    _run(series, seconds, level, _noise(rng, 0.01))
    return series


def steps(rng: random.Random) -> Series:
    """One to three jumps, with levels between."""
    seconds, level, jumps = rng.uniform(3 * HOUR, 2 * DAY), rng.uniform(0.15, 0.35), rng.randint(1, 3)
    at = sorted(rng.uniform(0.1, 0.9) * seconds for _ in range(jumps))
    heights = [rng.uniform(0.08, 0.5 / jumps) for _ in at]
    series = _series(rng, "steps", seconds)
    _run(series, seconds, lambda t: level + sum(height for when, height in zip(at, heights, strict=True) if t >= when), _noise(rng))
    return series


def walk(rng: random.Random) -> Series:
    """Wanders, and reverts to its mean."""
    seconds, mean, deviation = rng.uniform(0.5, 3) * DAY, rng.uniform(0.35, 0.6), rng.uniform(0.02, 0.08)
    series = _series(rng, "walk that reverts", seconds)
    keep = math.exp(-series.step_seconds / log_uniform(rng, 10 * 60, 4 * HOUR))
    state = rng.gauss(0, deviation)

    def level(_: float) -> float:
        nonlocal state
        state = keep * state + math.sqrt(1 - keep * keep) * rng.gauss(0, deviation)
        return min(0.93, mean + state)

    _run(series, seconds, level, _noise(rng, 0.003))
    return series


def deploys(rng: random.Random) -> Series:
    """Restarts that nobody was killed for, each with its warm-up."""
    runs, plateau, tau = rng.randint(3, 8), rng.uniform(0.5, 0.85), log_uniform(rng, 3 * 60, 30 * 60)
    lengths = [tau * rng.uniform(5, 20) for _ in range(runs)]
    series = _series(rng, "deploys with warm-ups", sum(lengths))
    noise = _noise(rng, 0.006)
    for run, length in enumerate(lengths):
        if run:
            series.run_starts.append(len(series.unreclaimable))
        _run(series, length, lambda t: plateau - (plateau - 0.1) * math.exp(-t / tau), noise)
    return series


def logarithmic(rng: random.Random) -> Series:
    """Fragmentation, interning: grows ever slower, without a plateau."""
    seconds, begin, end = rng.uniform(0.25, 3) * DAY, rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.88)
    tau = log_uniform(rng, 5 * 60, 2 * HOUR)
    series = _series(rng, "logarithmic", seconds)
    reach = math.log1p(seconds / tau)
    _run(series, seconds, lambda t: begin + (end - begin) * math.log1p(t / tau) / reach, _noise(rng, 0.006))
    return series


def steady_sawtooth(rng: random.Random) -> Series:
    """Garbage collection on a level floor."""
    seconds, floor, cap = rng.uniform(0.5, 2) * DAY, rng.uniform(0.15, 0.45), rng.uniform(0.6, 0.95)
    series = _series(rng, "sawtooth on a level floor", seconds)
    level = _teeth(rng, lambda _: floor, lambda _: cap, log_uniform(rng, 40, 2 * HOUR))
    _run(series, seconds, level, _noise(rng, 0.004))
    return series


def noise(rng: random.Random) -> Series:
    """A level with noise."""
    seconds, held = rng.uniform(0.25, 3) * DAY, rng.uniform(0.2, 0.88)
    series = _series(rng, "noise", seconds)
    _run(series, seconds, lambda _: held, _noise(rng, 0.02))
    return series


def batches(rng: random.Random) -> Series:
    """A job every few hours that takes much and gives it back."""
    seconds, low, high = rng.uniform(1, 3) * DAY, rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.88)
    every, lasts, rise = rng.uniform(1, 8) * HOUR, log_uniform(rng, 10 * 60, HOUR), rng.uniform(0.05, 0.9)
    series, phase = _series(rng, "batches", seconds), rng.uniform(0, every)

    def level(t: float) -> float:
        into = (t + phase) % every
        return low + (high - low) * min(1.0, into / (rise * lasts)) if into < lasts else low

    _run(series, seconds, level, _noise(rng, 0.008))
    return series


def slow_leak(rng: random.Random) -> Series:
    """A leak that has days to go."""
    rate, begin, seconds = rng.uniform(0.02, 0.08), rng.uniform(0.15, 0.45), rng.uniform(1.5, 3.5) * DAY
    series = _series(rng, "slow leak, days away", seconds)
    _run(series, seconds, lambda t: begin + rate * t / DAY, _noise(rng))
    return series


LEAKS: Final = (
    ramp,
    late_ramp,
    accelerating,
    stairs,
    cached_leak,
    aware_sawtooth,
    unaware_sawtooth,
    diurnal_leak,
    leak_through_restarts,
)
OTHERS: Final = (
    warm_up,
    filled_cache,
    page_cache,
    days,
    steps,
    walk,
    deploys,
    logarithmic,
    steady_sawtooth,
    noise,
    batches,
    slow_leak,
)


UNKNOWABLE: Final = frozenset({"own cache that fills up"})
"""A cache that fills evenly and stops at once is a leak until it stops: nobody can know. Told, and not in the totals."""


def generate(seed: int, each: int) -> Iterator[Series]:
    """`each` series of every shape, the same for the same seed."""
    for make in (*LEAKS, *OTHERS):
        rng = random.Random(f"{seed}/{make.__name__}")
        for _ in range(each):
            yield make(rng)
