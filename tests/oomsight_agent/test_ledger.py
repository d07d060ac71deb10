"""What an operator learns from one answer after another."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from oomsight_agent import ledger as ledger_module
from oomsight_agent.ledger import FULL_EVERY_SECONDS, QUIET_SECONDS, Ledger
from oomsight_agent.material import Change, step_bytes
from oomsight_api.report import Container, Memory, NodeMemory, NodeReport, Pod

MIB = 1024 * 1024
LIMIT = 100 * MIB
NODE_TOTAL = 64 * 1024 * MIB


def container(name: str, usage: int = 50, peak: int | None = None, *, hits: int = 0, kills: int = 0) -> Container:
    """A container with a limit of 100 MiB; usage and peak in MiB."""
    amount = usage * MIB
    memory = Memory(
        usage_bytes=amount,
        limit_bytes=LIMIT,
        unreclaimable_bytes=amount // 2,
        peak_interval_bytes=amount if peak is None else peak * MIB,
    )
    return Container(
        pod_uid=f"pod-of-{name}", container_id=name, cgroup=f"/{name}", memory=memory, limit_hits=hits, oom_kills=kills
    )


def sample(seconds: float, *containers: Container, pods: tuple[Pod, ...] = (), available: int = 32 * 1024) -> NodeReport:
    node = NodeMemory(total_bytes=NODE_TOTAL, available_bytes=available * MIB)
    return NodeReport(
        node="n1",
        instance="",
        cursor="",
        full=True,
        time_seconds=seconds,
        interval_seconds=1.0,
        node_memory=node,
        containers=containers,
        pods=pods,
    )


def names(report: NodeReport) -> list[str]:
    return [row.container_id for row in report.containers]


def test_the_first_answer_is_the_whole_node_and_the_next_one_says_nothing_new() -> None:
    ledger = Ledger("i1")
    assert ledger.record(sample(0, container("a"), container("b"))) is Change.MATERIAL
    first = ledger.since("")
    assert (first.full, first.instance, names(first)) == (True, "i1", ["a", "b"])
    again = ledger.since(first.cursor)
    assert (again.full, again.containers, again.removed_container_ids, again.cursor) == (False, (), (), first.cursor)


def test_nothing_is_answered_before_the_first_sample() -> None:
    with pytest.raises(LookupError, match="nothing was sampled yet"):
        Ledger("i1").since("")


def test_a_delta_is_no_sample() -> None:
    report = NodeReport(node="n1", instance="", cursor="", full=False, time_seconds=0, interval_seconds=1)
    with pytest.raises(ValueError, match="n1: found a delta, expected a full report"):
        Ledger("i1").record(report)


def test_only_rows_that_changed_materially_come_and_gone_ones_are_named() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a"), container("b"), container("c"), pods=(Pod(pod_uid="p", cgroup="/p"),)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, container("a", 51), container("b", 60), container("new")))
    delta = ledger.since(cursor)
    assert names(delta) == ["b", "new"]
    assert delta.removed_container_ids == ("c",)
    assert delta.removed_pod_uids == ("p",)
    assert not delta.full


def test_a_slow_drift_is_told_once_it_adds_up() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a", 50)))
    cursor = ledger.since("").cursor
    assert ledger.record(sample(1, container("a", 51))) is Change.NONE
    assert ledger.since(cursor).containers == ()
    assert ledger.record(sample(2, container("a", 52))) is Change.MATERIAL
    assert ledger.since(cursor).containers[0].memory.usage_bytes == 52 * MIB


def test_a_row_that_is_told_is_the_latest_one() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a", 50)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, container("a", 60)))
    ledger.record(sample(2, container("a", 61)))
    delta = ledger.since(cursor)
    assert delta.containers[0].memory.usage_bytes == 61 * MIB
    assert delta.time_seconds == 2


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "i2.1.0",
        "i1.99.0",
        "i1..",
        "i1.-1.0",
        "i1.x.0",
        "i1.1",
        "1",
        "i1.1.0.0",
        "i1.٣.0",
        "i1.1.0\n",
        "i1." + "9" * 5000,
        "\x00",
    ],
)
def test_a_cursor_that_is_not_ours_gets_the_whole_node(cursor: str) -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a")))
    report = ledger.since(cursor)
    assert report.full
    assert names(report) == ["a"]


def test_the_whole_node_comes_every_few_minutes_to_everyone_with_the_peaks_since_the_cursor() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a", 50, peak=90)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, container("a", 60, peak=61)))
    cursor = ledger.since(cursor).cursor
    ledger.record(sample(FULL_EVERY_SECONDS - 1, container("a", 60)))
    cursor = ledger.since(cursor).cursor
    assert not ledger.since(cursor).full
    ledger.record(sample(FULL_EVERY_SECONDS, container("a", 61)))
    whole = ledger.since(cursor)
    assert whole.full
    assert whole.containers[0].memory.usage_bytes == 61 * MIB
    assert whole.containers[0].memory.peak_interval_bytes == 61 * MIB
    assert not ledger.since(whole.cursor).full


def test_a_clock_that_jumps_back_heals_with_a_whole_answer() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(10_000, container("a")))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, container("a")))
    assert ledger.since(cursor).full


def test_a_cursor_from_before_a_forgotten_removal_gets_the_whole_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "REMOVALS_KEPT", 2)
    ledger = Ledger("i1")
    ledger.record(sample(0, *(container(name) for name in "abcde")))
    cursors = [ledger.since("").cursor]
    for second, left in enumerate(("bcde", "cde", "de"), start=1):
        ledger.record(sample(second, *(container(name) for name in left)))
        cursors.append(ledger.since("").cursor)
    assert ledger.since(cursors[0]).full
    lagging = ledger.since(cursors[1])
    assert (lagging.full, lagging.removed_container_ids) == (False, ("b", "c"))


def test_a_container_that_comes_back_is_not_among_the_removed() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a")))
    cursor = ledger.since("").cursor
    ledger.record(sample(1))
    ledger.record(sample(2, container("a")))
    delta = ledger.since(cursor)
    assert names(delta) == ["a"]
    assert delta.removed_container_ids == ()


def test_a_container_that_was_killed_and_gone_between_two_answers_is_told_first_and_removed_next() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a"), container("b")))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, container("a", 99, kills=1), container("b")))
    ledger.record(sample(2, container("b", 80)))
    last_words = ledger.since(cursor)
    assert [(row.container_id, row.oom_kills) for row in last_words.containers] == [("b", 0), ("a", 1)]
    assert last_words.removed_container_ids == ()
    gone = ledger.since(last_words.cursor)
    assert gone.removed_container_ids == ("a",)
    assert names(gone) == ["b"]
    assert ledger.since(gone.cursor).containers == ()


def test_a_container_that_was_told_before_it_went_is_only_removed() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a", kills=1)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1))
    delta = ledger.since(cursor)
    assert (delta.containers, delta.removed_container_ids) == ((), ("a",))


def test_a_kill_is_urgent() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a")))
    assert ledger.record(sample(1, container("a", kills=1))) is Change.URGENT
    assert ledger.urgent_revision == ledger.revision
    assert ledger.record(sample(2, container("a", kills=2))) is Change.URGENT


def test_the_onset_of_limit_hits_is_told_and_lasting_hits_are_not() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a")))
    assert ledger.record(sample(2, container("a", hits=5))) is Change.MATERIAL
    for second in range(3, 200):
        assert ledger.record(sample(second, container("a", hits=5 + second))) is Change.NONE
    quiet = 200 + QUIET_SECONDS
    assert ledger.record(sample(quiet, container("a", hits=204))) is Change.NONE
    assert ledger.record(sample(quiet + 1, container("a", hits=205))) is Change.MATERIAL


def test_a_heap_that_swings_around_the_edge_is_urgent_once_and_ordinary_after_that() -> None:
    def held(mebibytes: int) -> Container:
        row = container("a", mebibytes)
        return replace(row, memory=replace(row.memory, unreclaimable_bytes=mebibytes * MIB))

    ledger = Ledger("i1")
    ledger.record(sample(0, held(80)))
    told = [ledger.record(sample(second, held(95 if second % 2 else 80))) for second in range(1, 50)]
    assert told[0] is Change.URGENT
    assert set(told[1:]) == {Change.MATERIAL}


def test_a_new_container_that_was_killed_already_is_urgent() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0))
    assert ledger.record(sample(1, container("a", kills=2))) is Change.URGENT


def test_the_nodes_own_memory_is_news_without_any_row() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, available=32 * 1024))
    cursor = ledger.since("").cursor
    assert ledger.record(sample(1, available=30 * 1024)) is Change.MATERIAL
    delta = ledger.since(cursor)
    assert delta.cursor != cursor
    assert delta.node_memory.available_bytes == 30 * 1024 * MIB


def test_a_short_peak_between_two_answers_is_told_with_the_next_row() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a", 50, peak=50)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, container("a", 50, peak=51)))  # a peak below the step is no news of its own
    ledger.record(sample(2, container("a", 60, peak=50)))
    assert ledger.since(cursor).containers[0].memory.peak_interval_bytes == 51 * MIB


def test_a_client_that_missed_several_versions_hears_the_highest_of_their_peaks() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a", 20)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, container("a", 30, peak=90)))
    fresh = ledger.since("").cursor
    ledger.record(sample(2, container("a", 40, peak=45)))
    assert ledger.since(cursor).containers[0].memory.peak_interval_bytes == 90 * MIB
    assert ledger.since(fresh).containers[0].memory.peak_interval_bytes == 45 * MIB


def with_floor(mib: int | None, usage: int = 50) -> Container:
    return replace(container("a", usage), floor_bytes=None if mib is None else mib * MIB)


def test_what_garbage_collection_left_between_two_answers_is_told_with_the_next_row_and_with_the_whole_node() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, with_floor(40)))
    cursor = ledger.since("").cursor
    ledger.record(sample(1, with_floor(22)))
    ledger.record(sample(2, with_floor(22)))
    ledger.record(sample(3, with_floor(41, usage=60)))
    told = ledger.since(cursor)
    assert [row.floor_bytes for row in told.containers] == [22 * MIB]
    ledger.record(sample(4, with_floor(43, usage=70)))
    assert ledger.since(told.cursor).containers[0].floor_bytes == 43 * MIB
    assert ledger.since("").containers[0].floor_bytes == 22 * MIB
    ledger.record(sample(1000, with_floor(44, usage=70)))
    assert ledger.since("").containers[0].floor_bytes == 44 * MIB


def test_a_floor_that_is_not_known_is_no_floor_of_zero() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, with_floor(None)))
    assert ledger.since("").containers[0].floor_bytes is None
    ledger.record(sample(1, with_floor(30, usage=60)))
    ledger.record(sample(2, with_floor(None, usage=70)))
    assert ledger.since("").containers[0].floor_bytes == 30 * MIB


def test_an_old_peak_is_not_told_for_ever() -> None:
    ledger = Ledger("i1")
    ledger.record(sample(0, container("a", 20, peak=90)))
    ledger.record(sample(1, container("a", 20, peak=21)))
    assert ledger.since("").containers[0].memory.peak_interval_bytes == 90 * MIB
    ledger.record(sample(1000, container("a", 20, peak=20)))
    assert ledger.since("").containers[0].memory.peak_interval_bytes == 20 * MIB


@dataclass
class Client:
    """An operator: its copy of the node, and the highest peak of each row that it was not told since it last got that row."""

    cursor: str = ""
    rows: dict[str, Container] = field(default_factory=dict)
    untold: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)

    def seen_by_agent(self, containers: list[Container]) -> None:
        for row in containers:
            assert row.memory.peak_interval_bytes is not None
            self.untold[row.container_id] = max(self.untold.get(row.container_id, 0), row.memory.peak_interval_bytes)

    def poll_until_silent(self, ledger: Ledger, highest: dict[str, int]) -> None:
        for _ in range(100):
            before = self.cursor
            self.poll(ledger, highest)
            if self.cursor == before:
                return
        raise AssertionError("the ledger never comes to an end")

    def poll(self, ledger: Ledger, highest: dict[str, int]) -> None:
        report = ledger.since(self.cursor)
        if report.full:  # told: the whole node. Peaks of what is gone by now are not asked for
            self.rows.clear()
            living = {row.container_id for row in report.containers}
            self.untold = {row_id: peak for row_id, peak in self.untold.items() if row_id in living}
        for row_id in report.removed_container_ids:
            self.rows.pop(row_id, None)
            assert self.untold.pop(row_id, 0) <= LIMIT // 50 + self.told.pop(row_id, 0)
        for row in report.containers:
            peak = row.memory.peak_interval_bytes
            assert peak is not None
            assert self.untold.get(row.container_id, 0) <= peak <= highest[row.container_id]
            self.untold[row.container_id] = 0
            self.told[row.container_id] = peak
            self.rows[row.container_id] = row
        self.cursor = report.cursor


_rows = st.dictionaries(
    st.sampled_from("abc"),
    st.tuples(st.integers(0, 100), st.integers(0, 30), st.integers(0, 2)),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_rows, st.sets(st.integers(0, 2)), st.booleans()), min_size=1, max_size=30))
def test_every_client_knows_the_node_within_a_step_and_no_peak_is_lost(
    steps: list[tuple[dict[str, tuple[int, int, int]], set[int], bool]],
) -> None:
    ledger = Ledger("i1")
    clients = [Client(), Client(), Client()]
    highest: dict[str, int] = {}
    for second, (wanted, polling, forget) in enumerate(steps):
        truth = [container(name, usage, usage + over, kills=kills) for name, (usage, over, kills) in wanted.items()]
        for row in truth:
            highest[row.container_id] = max(highest.get(row.container_id, 0), row.memory.peak_interval_bytes or 0)
        ledger.record(sample(second, *truth))
        for client in clients:
            client.seen_by_agent(truth)
        for number in polling:
            client = clients[number]
            client.cursor = "" if forget else client.cursor
            client.poll_until_silent(ledger, highest)
            assert client.rows.keys() == wanted.keys()
            for row in truth:
                known = client.rows[row.container_id]
                assert (known.oom_kills, known.memory.limit_bytes) == (row.oom_kills, row.memory.limit_bytes)
                assert known.memory.usage_bytes is not None
                assert row.memory.usage_bytes is not None
                assert abs(known.memory.usage_bytes - row.memory.usage_bytes) < 2 * step_bytes(row.memory, 0, NODE_TOTAL)
