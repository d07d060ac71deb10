"""What others would have set: the algorithms of the Vertical Pod Autoscaler (VPA) and of KRR, as documented, and hindsight."""

from __future__ import annotations

import bisect
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from recommender_replay import Player
from recommender_traces import DAY_SECONDS, Series

MIB = 1024 * 1024


class VpaPlayer:
    """VPA's target for memory: the 90th percentile of daily peaks in a histogram whose weights halve every 24 hours, plus 15 %.

    Buckets: the first ends at 10 MB, each next one is 5 % larger; a percentile is its bucket's end. An OOM adds a peak of
    max(used + 100 MiB, 1.2 x used), used being the greater of request (the limit here) and the day's peak.
    """

    FIRST_BUCKET_BYTES = 1e7
    GROWTH = 1.05
    BUCKETS = 176
    ENDS = tuple(1e7 * (1.05 ** (index + 1) - 1) / 0.05 for index in range(176))

    def __init__(self, margin: float, floor_bytes: float) -> None:
        self._margin = margin
        self._floor_bytes = floor_bytes
        self._weights = [0.0] * self.BUCKETS
        self._reference: int | None = None
        self._window_end: int | None = None
        self._peak = 0.0
        self._oom_peak = 0.0

    def see(self, time_seconds: int, amount_bytes: int) -> None:
        self._sample(time_seconds, amount_bytes, oom=False)

    def kill(self, time_seconds: int, limit_bytes: float) -> None:
        used = max(limit_bytes, self._peak)
        self._sample(time_seconds, max(used + 100 * MIB, used * 1.2), oom=True)

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        wanted = sum(self._weights) * 0.9
        found = bisect.bisect_left(list(accumulate(self._weights)), wanted - 1e-9 * wanted)
        return max(self.ENDS[min(found, self.BUCKETS - 1)] * (1 + self._margin), self._floor_bytes)

    def _sample(self, time: int, amount: float, *, oom: bool) -> None:
        if self._window_end is None:
            self._window_end = time + DAY_SECONDS
        if time >= self._window_end:
            self._window_end += ((time - self._window_end) // DAY_SECONDS + 1) * DAY_SECONDS
            self._peak = self._oom_peak = 0.0
        before = max(self._peak, self._oom_peak)
        if oom:
            self._oom_peak = max(self._oom_peak, amount)
        else:
            self._peak = max(self._peak, amount)
        after = max(self._peak, self._oom_peak)
        if after > before:
            if before:
                self._add(before, -1.0)
            self._add(after, 1.0)

    def _add(self, amount: float, sign: float) -> None:
        assert self._window_end is not None
        if self._reference is None:
            self._reference = self._window_end
        days = (self._window_end - self._reference) / DAY_SECONDS
        if days > 100:
            self._weights = [weight * 2.0**-days for weight in self._weights]
            self._reference, days = self._window_end, 0.0
        bucket = min(self.BUCKETS - 1, int(math.log(amount * 0.05 / 1e7 + 1) / math.log(self.GROWTH)))
        self._weights[bucket] = max(0.0, self._weights[bucket] + sign * 2.0**days)


class KrrPlayer:
    """KRR's simple strategy with OOM data: max(highest of 14 days + 15 %, limit at an OOM + 25 %)."""

    KEEP_SECONDS = 14 * DAY_SECONDS
    OOM_BUFFER = 0.25

    def __init__(self, buffer: float, floor_bytes: float) -> None:
        self._buffer = buffer
        self._floor_bytes = floor_bytes
        self._peaks: deque[tuple[int, float]] = deque()
        """Falling amounts: what could still become the highest."""
        self._ooms: list[tuple[int, float]] = []
        self._last = floor_bytes

    def see(self, time_seconds: int, amount_bytes: float) -> None:
        while self._peaks and self._peaks[-1][1] <= amount_bytes:
            self._peaks.pop()
        self._peaks.append((time_seconds, amount_bytes))

    def kill(self, time_seconds: int, limit_bytes: float) -> None:
        self.see(time_seconds, limit_bytes)
        self._ooms.append((time_seconds, limit_bytes))

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        while self._peaks and self._peaks[0][0] < time_seconds - self.KEEP_SECONDS:
            self._peaks.popleft()
        if not self._peaks:
            return self._last  # Prometheus has nothing of the last 14 days: no new recommendation
        kills = (limit * (1 + self.OOM_BUFFER) for time, limit in self._ooms if time >= time_seconds - self.KEEP_SECONDS)
        self._last = max(self._peaks[0][1] * (1 + self._buffer), self._floor_bytes, max(kills, default=0.0))
        return self._last


class FixedPlayer:
    """A limit that never changes."""

    def __init__(self, limit_bytes: float) -> None:
        self._limit_bytes = limit_bytes

    def see(self, time_seconds: int, amount_bytes: int) -> None:
        pass

    def kill(self, time_seconds: int, limit_bytes: float) -> None:
        pass

    def limit(self, time_seconds: int, current_bytes: float | None, since_seconds: int) -> float:
        return self._limit_bytes


@dataclass(frozen=True, slots=True)
class Vpa:
    """The Vertical Pod Autoscaler; its floor is 250Mi."""

    name: str = "vpa"
    margin: float = 0.15
    floor_bytes: float = 0.0
    continuous: bool = False
    deadband: float = 0.05

    def players(self, series: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        return [VpaPlayer(self.margin, self.floor_bytes) for _ in series]


@dataclass(frozen=True, slots=True)
class Krr:
    """KRR; its floor is 100Mi."""

    name: str = "krr"
    buffer: float = 0.15
    floor_bytes: float = 0.0
    continuous: bool = False
    deadband: float = 0.05

    def players(self, series: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        return [KrrPlayer(self.buffer, self.floor_bytes) for _ in series]


@dataclass(frozen=True, slots=True)
class Hindsight:
    """The lowest fixed limit that would have killed nothing: nobody can know it, and no fixed limit is better."""

    name: str = "hindsight"
    continuous: bool = False
    deadband: float = 0.0

    def players(self, series: Sequence[Series], first_judged: Sequence[int]) -> list[Player]:
        return [
            FixedPlayer(float(each.demand_bytes[first:].max(initial=0))) for each, first in zip(series, first_judged, strict=True)
        ]
