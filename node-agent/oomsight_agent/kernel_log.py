"""Follows the kernel's log: keeps what it tells of OOMs until that was made use of, and how the reading goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from oomsight_agent.kernel.kmsg import KernelLogUnavailableError, KmsgReader
from oomsight_agent.kernel.oom_log.assembler import OomLog
from oomsight_agent.kernel.oom_log.model import LogOom
from oomsight_agent.kernel.problem import printable_text
from oomsight_api.incident import KernelLog

READ_SECONDS: Final = 0.25
"""A storm is read in parts, between which samples are taken; long ones: lines that come long after the counters match none."""
RING_SECONDS: Final = 10.0
"""The ring as it stands at the start is read whole; the largest that a kernel can be built with has 32 MiB."""
MAX_PENDING: Final = 1024
"""OOMs, with their task tables 4 MiB. The ring of a usual kernel holds some hundred."""
MAX_PROBLEM_CHARACTERS: Final = 1024
"""As the report has room for."""
LOST_AGAIN_SECONDS: Final = 60.0
"""The log of the agent tells of lost records once a minute at most."""

_log = logging.getLogger(__name__)


class FollowedLog:
    """An open log. `reader` is closed with it."""

    def __init__(self, reader: KmsgReader, page_size_bytes: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._ooms = OomLog(page_size_bytes=page_size_bytes)
        self._monotonic = monotonic
        self._pending: dict[int, LogOom] = {}
        self._records_lost = 0
        self._problem: str | None = None
        self._begun = False
        self._told_lost = float("-inf")

    def fileno(self) -> int:
        return self._reader.fileno()

    @property
    def state(self) -> KernelLog:
        """How the reading goes."""
        return KernelLog(following=self._problem is None, records_lost=self._records_lost, problem=self._problem)

    @property
    def pending(self) -> tuple[LogOom, ...]:
        """OOMs that are new, or have grown, since `settle`, in the log's order."""
        return tuple(sorted(self._pending.values(), key=lambda oom: oom.seq))

    def settle(self, ooms: tuple[LogOom, ...]) -> None:
        """These were made use of."""
        for oom in ooms:
            if self._pending.get(oom.seq) == oom:
                del self._pending[oom.seq]

    def read(self) -> bool:
        """Take in what the log has by now, at first the whole ring; True when it tells of an OOM. Never raises."""
        until = self._monotonic() + (READ_SECONDS if self._begun else RING_SECONDS)
        self._begun = True
        news = False
        while self._problem is None and self._monotonic() < until:
            try:
                records = self._reader.read()
            except OSError as error:
                self._problem = error.strerror or str(error)
                _log.warning(
                    "kernel log cannot be read any more: kills are known by counters alone", extra={"problem": self._problem}
                )
                break
            if not records:
                break
            for oom in self._ooms.feed(records):
                self._pending[oom.seq] = oom
                news = True
        self._note_lost()
        self._drop_oldest()
        return news

    def close(self) -> None:
        self._reader.close()

    def _note_lost(self) -> None:
        lost, now = self._reader.records_lost, self._monotonic()
        if lost > self._records_lost and now - self._told_lost >= LOST_AGAIN_SECONDS:
            self._told_lost = now
            _log.warning(
                "kernel log overflowed before it was read: kills may lack their details",
                extra={"records_lost": lost, "before": self._records_lost},
            )
        self._records_lost = lost

    def _drop_oldest(self) -> None:
        if len(self._pending) > MAX_PENDING:
            for seq in sorted(self._pending)[:-MAX_PENDING]:
                del self._pending[seq]
            _log.warning("kernel log tells of more OOMs than are kept: the oldest are known by counters alone")


def open_log(path: str, page_size_bytes: int) -> tuple[FollowedLog | None, KernelLog]:
    """The log at `path`, from the beginning of its ring. Where it cannot be had, None, and why; the agent goes on without."""
    try:
        log = FollowedLog(KmsgReader(path), page_size_bytes)
    except KernelLogUnavailableError as error:
        problem = printable_text(error.strerror or str(error))[:MAX_PROBLEM_CHARACTERS]
        _log.warning("kernel log cannot be read: kills are known by counters alone", extra={"problem": problem})
        return None, KernelLog(following=False, problem=problem)
    return log, log.state
