"""Write budgets as arithmetic: a token bucket, buckets by key, and the least time between two writes to one pod.

Nothing here reads a clock: time is passed in, in seconds of any clock that does not go back.
"""

from __future__ import annotations

from oomsight_api.names import RiskLevel


class TokenBucket:
    """Allows `burst` at once and `rate_per_second` in the long run; may be overdrawn by `charge`, and is then paid back first."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate_per_second: float, burst: float) -> None:
        if rate_per_second <= 0 or burst < 1:
            raise ValueError(f"budget needs a rate above 0 and a burst of at least 1, got {rate_per_second} and {burst}")
        self._rate = rate_per_second
        self._burst = burst
        self._tokens = float(burst)
        self._updated: float | None = None

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def charge(self, tokens: float) -> None:
        """Take `tokens` in any case; a negative amount gives back what was taken and not used."""
        self._tokens = min(self._burst, self._tokens - tokens)

    def wait_seconds(self, now: float, overdraft: float = 0.0) -> float:
        """Time until there is a token, or the debt is so far below `overdraft` that one more may be charged; 0: now."""
        self._refill(now)
        return max(0.0, (1 - overdraft - self._tokens) / self._rate)

    def is_full(self, now: float) -> bool:
        """Nothing was taken lately: a full bucket may be forgotten without changing anything."""
        self._refill(now)
        return self._tokens >= self._burst

    def _refill(self, now: float) -> None:
        if self._updated is not None and now > self._updated:
            self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now if self._updated is None else max(now, self._updated)


class KeyedBuckets:
    """One token bucket per key, for the Events of each object. Full buckets are forgotten: memory is bounded by recent use."""

    __slots__ = ("_buckets", "_burst", "_prune_at", "_rate")

    def __init__(self, rate_per_second: float, burst: float) -> None:
        self._rate = rate_per_second
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}
        self._prune_at = 1024

    def take(self, key: str, now: float) -> bool:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._prune_at:
                self._prune(now)
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst)
        return bucket.take(now)

    def __len__(self) -> int:
        return len(self._buckets)

    def _prune(self, now: float) -> None:
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}
        self._prune_at = max(1024, 2 * len(self._buckets))


def is_at_risk(level: RiskLevel) -> bool:
    """Above none. Unknown is not at risk, and not fine either: the callers say so."""
    return level.severity > RiskLevel.NONE.severity


def has_risen(written: RiskLevel | None, level: RiskLevel) -> bool:
    """Whether `level` is worse than what users read now. Coming back from unknown to none is no rise."""
    return is_at_risk(level) and (written is None or level.severity > written.severity)


def is_no_longer_known(written: RiskLevel | None, level: RiskLevel) -> bool:
    """Whether the pod reads as fine while nothing is known of it any more: a stale green, which must not wait for an interval."""
    return level is RiskLevel.UNKNOWN and written in (RiskLevel.NONE, RiskLevel.LOW)


def is_known_again(written: RiskLevel | None, level: RiskLevel) -> bool:
    """Whether the pod reads as unknown, and is known to be fine now."""
    return written is RiskLevel.UNKNOWN and level is RiskLevel.NONE


def not_before(last_write: float | None, interval_seconds: float, *, urgent: bool) -> float:
    """When an object may be written again; minus infinity: at once."""
    if urgent or last_write is None:
        return float("-inf")
    return last_write + interval_seconds


KILL_PRIORITY = 100
"""From here on a write tells a kill."""


def priority_of(level: RiskLevel, *, killed: bool = False) -> int:
    """Order of writes, greater first: kills, then the worst level."""
    return level.severity * 10 + (KILL_PRIORITY if killed else 0)
