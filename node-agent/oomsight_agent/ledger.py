"""The ledger: takes one full report a sample and answers each operator with what it has not been told yet.

Every sample with a material change (`material.py`) raises `revision`; a row carries the revision of its last material version.
A cursor is `<instance>.<revision>.<time of the last whole answer>`: what came after it are the rows with a greater revision. A
row is told as it stands *now*, not as it stood when it changed; the difference is less than one step. The whole node goes to
whoever holds a cursor of another instance, of the future, or from before the oldest removal that is still remembered, and to
everyone once in FULL_EVERY_SECONDS, so that small drifts and whatever went wrong are healed.

**No peak is lost between two answers, and no floor.** The row that a client gets answers for *all* samples since the version that
it has: its `peak_interval_bytes` is the highest of them, its `floor_bytes` the lowest (`untold.py`).

**A row's last words are not lost either.** A container that is killed and gone before anyone asked is told once as it last
stood: that answer's cursor stops just before the removal, and the next answer says that it is gone.

Incidents are kept beside the rows (`told_incidents.py`) under the same revisions.

Not thread-safe: the board (`board.py`) calls it under its lock. It has no clock; time comes with the reports.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic

from msgspec.structs import replace

from oomsight_agent.material import (
    Change,
    container_change,
    limit_hits_rose,
    log_reading_changed,
    node_change,
    pod_change,
    settings_around_pods,
)
from oomsight_agent.told_incidents import ToldIncidents
from oomsight_agent.told_row import RowT, ToldRow
from oomsight_agent.untold import MEMORY_SECONDS
from oomsight_api.report import Container, NodeMemory, NodeReport, Pod

FULL_EVERY_SECONDS = MEMORY_SECONDS / 2
"""Five minutes: a whole answer of 330 containers is 0.4 MB; on 5,000 nodes that is 7 MB/s, and what is read wrong is wrong for
minutes."""

QUIET_SECONDS = 60.0
"""Limit hits are an onset after a minute without any: a container full of page cache hits its limit all day, and is told of once,
not each second. Nearness to the limit is urgent at most once a minute: a heap that is collected at 90 % comes by all the time."""

REMOVALS_KEPT = 1024
"""Removed rows remembered, for clients that lag; at most 2 MiB. A node that loses a container a second forgets after 17 minutes."""

_CURSOR = re.compile(r"(?P<instance>[0-9A-Za-z]{1,64})\.(?P<revision>[0-9]{1,18})\.(?P<full>[0-9]{1,18})", re.ASCII)


_Compare = Callable[[RowT, RowT, int | None, int | None], Change]


class _Table(Generic[RowT]):
    """All rows of one kind, by id."""

    def __init__(self, compare: _Compare[RowT]) -> None:
        self._compare: _Compare[RowT] = compare
        self._tracks: dict[str, ToldRow[RowT]] = {}
        self._removed: OrderedDict[str, tuple[int, ToldRow[RowT]]] = OrderedDict()
        self.forgotten_revision = 0
        """Removals up to this revision are no longer remembered."""

    def record(self, rows: Iterable[tuple[str, RowT]], revision: int, now_seconds: float, node_total_bytes: int | None) -> Change:
        """Take a sample's rows; `revision` is the one that they get if they changed."""
        worst = Change.NONE
        tracks: dict[str, ToldRow[RowT]] = {}
        for row_id, row in rows:
            track = self._tracks.get(row_id)
            if track is None:
                tracks[row_id] = self._begin(row_id, row, revision, now_seconds)
                worst = max(worst, Change.URGENT if row.oom_kills else Change.MATERIAL)
                continue
            tracks[row_id] = track
            if row is track.latest or row == track.latest:
                track.repeated_seconds = now_seconds
            else:
                worst = max(worst, self._advance(track, row, revision, now_seconds, node_total_bytes))
        for row_id in self._tracks.keys() - tracks.keys():
            self._removed[row_id] = (revision, self._tracks[row_id])
            worst = max(worst, Change.MATERIAL)
        while len(self._removed) > REMOVALS_KEPT:
            _, (self.forgotten_revision, _) = self._removed.popitem(last=False)
        self._tracks = tracks
        return worst

    def _begin(self, row_id: str, row: RowT, revision: int, now_seconds: float) -> ToldRow[RowT]:
        _, track = self._removed.pop(row_id, (0, None))
        if track is None:
            return ToldRow(row, revision, now_seconds)
        track.take(row, now_seconds)  # unreadable for a while, not gone: its untold peaks still count
        track.close(revision)
        return track

    def _advance(self, track: ToldRow[RowT], row: RowT, revision: int, now_seconds: float, node_total_bytes: int | None) -> Change:
        change = self._compare(track.told, row, track.told_peak_bytes, node_total_bytes)
        if change is Change.URGENT and row.oom_kills == track.told.oom_kills:
            if now_seconds - track.last_alarm_seconds <= QUIET_SECONDS:
                change = Change.MATERIAL
            track.last_alarm_seconds = now_seconds
        if limit_hits_rose(track.latest.limit_hits, row.limit_hits):
            if now_seconds - track.last_hit_seconds > QUIET_SECONDS:
                change = max(change, Change.MATERIAL)
            track.last_hit_seconds = now_seconds
        track.take(row, now_seconds)
        if change:
            track.close(revision)
        return change

    def rows(self, revision: int, now_seconds: float) -> tuple[RowT, ...]:
        """All rows that live, with the extremes that a client at `revision` has not been told."""
        return tuple(track.row_since(revision, now_seconds) for track in self._tracks.values())

    def rows_since(self, revision: int, now_seconds: float) -> tuple[RowT, ...]:
        """Rows that live and changed materially after `revision`."""
        return tuple(track.row_since(revision, now_seconds) for track in self._tracks.values() if track.revision > revision)

    def last_words_since(self, revision: int, now_seconds: float) -> tuple[tuple[int, RowT], ...]:
        """Rows that are gone, and whose last material version came after `revision`; with the revision at which they went."""
        return tuple(
            (gone, track.row_since(revision, now_seconds))
            for gone, track in self._gone_since(revision)
            if track.revision > revision
        )

    def removed_between(self, revision: int, until_revision: int) -> tuple[str, ...]:
        """Ids of rows that went after `revision` and not after `until_revision`."""
        removed = [row_id for row_id, (gone, _) in self._removed.items() if revision < gone <= until_revision]
        return tuple(removed)

    def _gone_since(self, revision: int) -> Iterable[tuple[int, ToldRow[RowT]]]:
        for gone, track in reversed(self._removed.values()):
            if gone <= revision:
                return
            yield gone, track


class Ledger:
    """What one agent has seen, and what it told. `instance` is random and new with every start of the agent."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.revision = 0
        """Raised by every sample with a material change."""
        self.urgent_revision = 0
        """The last revision with a change that is worth an answer at once."""
        self.latest: NodeReport | None = None
        """The last recorded report, as the sampler gave it."""
        self._told_node = NodeMemory()
        self._told_settings: tuple[object, ...] = ()
        self._containers = _Table[Container](container_change)
        self._pods = _Table[Pod](pod_change)
        self._incidents = ToldIncidents()

    def record(self, report: NodeReport) -> Change:
        """Take the next full report, with the incidents that are new or changed; says how much of it is news.

        Raises ValueError for a report that is not full.
        """
        if not report.full:
            raise ValueError(f"report of node {report.node}: found a delta, expected a full report")
        revision, now = self.revision + 1, report.time_seconds
        total = report.node_memory.total_bytes
        change = max(
            self._containers.record(((row.container_id, row) for row in report.containers), revision, now, total),
            self._pods.record(((row.pod_uid, row) for row in report.pods), revision, now, total),
            self._node_change(report),
            Change.URGENT if self._incidents.record(report.incidents, revision) else Change.NONE,
        )
        if change:
            self._told_node = report.node_memory
            self._told_settings = settings_around_pods(report)
            self.revision = revision
        if change is Change.URGENT:
            self.urgent_revision = revision
        self.latest = report
        return change

    def _node_change(self, report: NodeReport) -> Change:
        if self.latest is None or log_reading_changed(self.latest, report):
            return Change.MATERIAL
        if settings_around_pods(report) != self._told_settings:
            return Change.MATERIAL
        return node_change(self._told_node, report.node_memory)

    def revision_of(self, cursor: str) -> int | None:
        """The revision that `cursor` stands for; None when its holder knows nothing that can be built upon."""
        known = self._known(cursor)
        return None if known is None else known[0]

    def _known(self, cursor: str) -> tuple[int, int] | None:
        """Revision, and time of the last whole answer."""
        match = _CURSOR.fullmatch(cursor)
        if match is None or match["instance"] != self.instance:
            return None
        revision = int(match["revision"])
        oldest = max(self._containers.forgotten_revision, self._pods.forgotten_revision)
        return (revision, int(match["full"])) if oldest <= revision <= self.revision else None

    def since(self, cursor: str) -> NodeReport:
        """What came after `cursor`: a delta, or the whole node. Raises LookupError before the first record."""
        if self.latest is None:
            raise LookupError("nothing was sampled yet")
        now = self.latest.time_seconds
        known = self._known(cursor)
        if known is None:
            return self._whole(-1, now)
        revision, full_seconds = known
        lost_containers = self._containers.last_words_since(revision, now)
        lost_pods = self._pods.last_words_since(revision, now)
        if not lost_containers and not lost_pods and abs(now - full_seconds) >= FULL_EVERY_SECONDS:
            return self._whole(revision, now)
        until = min((gone - 1 for gone, _ in (*lost_containers, *lost_pods)), default=self.revision)
        return replace(
            self.latest,
            instance=self.instance,
            cursor=f"{self.instance}.{until}.{full_seconds}",
            full=False,
            containers=self._containers.rows_since(revision, now) + tuple(row for _, row in lost_containers),
            pods=self._pods.rows_since(revision, now) + tuple(row for _, row in lost_pods),
            removed_container_ids=self._containers.removed_between(revision, until),
            removed_pod_uids=self._pods.removed_between(revision, until),
            incidents=self._incidents.since(revision),
        )

    def _whole(self, revision: int, now_seconds: float) -> NodeReport:
        """All rows, with the extremes that a client at `revision` has not been told."""
        assert self.latest is not None
        return replace(
            self.latest,
            instance=self.instance,
            cursor=f"{self.instance}.{self.revision}.{max(0, int(now_seconds))}",
            full=True,
            containers=self._containers.rows(revision, now_seconds),
            pods=self._pods.rows(revision, now_seconds),
            removed_container_ids=(),
            removed_pod_uids=(),
            incidents=self._incidents.since(-1),
        )
