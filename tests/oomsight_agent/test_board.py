"""How long a poll waits, and what ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from oomsight_agent.board import Board, ClientGoneError, NothingSampledError
from oomsight_api.report import Container, Memory, NodeReport

MIB = 1024 * 1024


def sample(seconds: float = 0, usage: int = 50, kills: int = 0) -> NodeReport:
    memory = Memory(usage_bytes=usage * MIB, limit_bytes=100 * MIB, peak_interval_bytes=usage * MIB)
    row = Container(pod_uid="u", container_id="c", cgroup="/c", memory=memory, oom_kills=kills)
    return NodeReport(node="n", instance="", cursor="", full=True, time_seconds=seconds, interval_seconds=1, containers=(row,))


class Poll:
    """A long poll in a thread of its own, and the moment at which it really waits."""

    def __init__(self, board: Board, cursor: str, wait_seconds: float = 60.0) -> None:
        self.result: NodeReport | Exception | None = None
        self._board, self._cursor, self._wait_seconds = board, cursor, wait_seconds
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        while self._thread.is_alive() and not board.waiting_clients:
            time.sleep(0.001)

    def _run(self) -> None:
        try:
            self.result = self._board.report(self._cursor, self._wait_seconds, lambda: True)
        except (NothingSampledError, ClientGoneError) as error:
            self.result = error

    def answer(self) -> NodeReport:
        self._thread.join(30)
        assert isinstance(self.result, NodeReport), self.result
        return self.result

    @property
    def waits(self) -> bool:
        return self._thread.is_alive()


def board(coalesce_seconds: float = 0.0, monotonic: Callable[[], float] | None = None) -> Board:
    clock = {} if monotonic is None else {"monotonic": monotonic}
    return Board("i1", version="0.1.0", interval_seconds=1.0, coalesce_seconds=coalesce_seconds, **clock)


def test_a_first_poll_and_one_that_lags_are_answered_at_once() -> None:
    here = board(coalesce_seconds=1000)
    here.publish(sample(), 0.1, {})
    first = here.report("", 60, lambda: True)
    assert first.full
    here.publish(sample(1, usage=60), 0.1, {})
    assert here.report(first.cursor, 60, lambda: True).containers[0].memory.usage_bytes == 60 * MIB


def test_a_poll_without_news_is_answered_at_the_end_of_its_wait() -> None:
    here = board()
    here.publish(sample(), 0.1, {})
    cursor = here.report("", 0, lambda: True).cursor
    assert here.report(cursor, 0.05, lambda: True).containers == ()


def test_a_kill_ends_a_poll_at_once_and_an_ordinary_change_is_held_for_company() -> None:
    here = board(coalesce_seconds=1000)
    here.publish(sample(), 0.1, {})
    poll = Poll(here, here.report("", 0, lambda: True).cursor)
    here.publish(sample(1, usage=60), 0.1, {})
    assert poll.waits
    here.publish(sample(2, usage=60, kills=1), 0.1, {})
    assert poll.answer().containers[0].oom_kills == 1


def test_an_ordinary_change_ends_a_poll_that_was_held_long_enough() -> None:
    now = [0.0]
    here = board(coalesce_seconds=5, monotonic=lambda: now[0])
    here.publish(sample(), 0.1, {})
    poll = Poll(here, here.report("", 0, lambda: True).cursor)
    assert families(here)["oomsight_agent_report_clients"] == [1]
    now[0] = 6.0
    here.publish(sample(1, usage=60), 0.1, {})
    assert poll.answer().containers[0].memory.usage_bytes == 60 * MIB


def families(here: Board) -> dict[str, list[float]]:
    return {family.name: [sample.value for sample in family.samples] for family in text_string_to_metric_families(here.metrics())}


def test_the_first_sample_ends_the_wait_of_a_client_that_came_before_it() -> None:
    here = board()
    poll = Poll(here, "")
    here.publish(sample(), 0.1, {})
    assert poll.answer().full


def test_without_any_sample_nothing_is_said() -> None:
    here = board()
    with pytest.raises(NothingSampledError):
        here.report("", 0, lambda: True)
    with pytest.raises(NothingSampledError):
        here.metrics()
    assert here.health().last_sample_age_seconds is None


def test_a_client_that_left_frees_its_thread() -> None:
    here = board()
    here.publish(sample(), 0.1, {})
    with pytest.raises(ClientGoneError):
        here.report(here.report("", 0, lambda: True).cursor, 120, lambda: False)


def test_closing_answers_every_poll() -> None:
    here = board()
    here.publish(sample(), 0.1, {})
    cursor = here.report("", 0, lambda: True).cursor
    polls = [Poll(here, cursor) for _ in range(5)]
    here.close()
    assert [poll.answer().cursor for poll in polls] == [cursor] * 5
    assert here.report(cursor, 120, lambda: True).cursor == cursor


def test_health_turns_bad_when_samples_stop_and_good_again() -> None:
    now = [100.0]
    here = board(monotonic=lambda: now[0])
    assert not here.health().fresh
    here.publish(sample(), 0.1, {})
    now[0] = 115.0
    assert here.health().fresh
    now[0] = 115.1
    assert not here.health().fresh
    here.publish(sample(1), 0.1, {})
    assert here.health().fresh


def test_what_the_agent_says_of_itself_is_counted() -> None:
    here = board()
    here.publish(sample(), 0.25, {"memory_stat": 1})
    here.publish(sample(1, kills=1), 0.25, {"memory_stat": 2})
    here.sample_failed()
    here.count_request("/metrics", 200)
    told = families(here)
    assert told["oomsight_agent_samples"] == [2]
    assert told["oomsight_agent_sample_failures"] == [1]
    assert told["oomsight_agent_sample_duration_seconds"] == [0.5]
    assert told["oomsight_agent_read_errors"] == [2]
    assert told["oomsight_agent_http_requests"] == [1]
    assert told["oomsight_container_oom_kills"] == [1]
    assert told["oomsight_container_memory_peak_bytes"] == [50 * MIB]
    assert told["process_resident_memory_bytes"][0] > MIB
