"""What each path answers, and what a wrong request is told."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.answers import Answer, answer, known_path
from oomsight_agent.board import Board
from oomsight_api.report import Container, NodeReport, decode


def ask(board: Board, target: str, accept_encoding: str = "") -> Answer:
    return answer(board, target, accept_encoding, lambda: True)


def board_with(*containers: Container) -> Board:
    board = Board("i1", version="0.1.0", interval_seconds=1.0)
    report = NodeReport(node="n", instance="", cursor="", full=True, time_seconds=1, interval_seconds=1, containers=containers)
    board.publish(report, 0.1, {})
    return board


BOARD = board_with(Container(pod_uid="u", container_id="c", cgroup="/c"))


def test_a_report_is_whole_at_first_and_then_what_came_after_the_cursor() -> None:
    first = decode(ask(BOARD, "/v1/report").body)
    assert (first.full, len(first.containers)) == (True, 1)
    second = decode(ask(BOARD, f"/v1/report?cursor={first.cursor}&wait=0").body)
    assert (second.full, second.containers) == (False, ())


@pytest.mark.parametrize("wait", ["121", "999", "1e2", "-1", "nan", "inf", "", "one", "0x10", "1.", "1_0", "٣", "1000000"])
def test_a_wrong_wait_is_named_with_what_was_found_and_expected(wait: str) -> None:
    result = ask(BOARD, f"/v1/report?wait={wait}")
    told = json.loads(result.body)
    assert result.status == 400
    assert (told["parameter"], told["found"], told["expected"]) == ("wait", wait, "seconds from 0 to 120")
    assert told["error"] == f"parameter wait: found {wait!r}, expected seconds from 0 to 120"


@pytest.mark.parametrize(
    "query", ["cursor=" + "x" * 129, "cursor=a&cursor=b", "wait=1&wait=1", "&".join(f"p{n}=1" for n in range(40))]
)
def test_an_endless_or_doubled_parameter_is_refused(query: str) -> None:
    result = ask(BOARD, f"/v1/report?{query}")
    assert result.status == 400
    assert len(result.body) < 500
    assert json.loads(result.body)["parameter"] in ("cursor", "wait", "?")


def test_parameters_of_later_versions_are_left_alone() -> None:
    assert ask(BOARD, "/v1/report?something=1").status == 200


def test_metrics_health_and_readiness_answer() -> None:
    board = board_with()  # a fresh one: its sample is not old yet
    metrics = ask(board, "/metrics")
    assert (metrics.status, metrics.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"oomsight_agent_samples_total" in metrics.body
    assert json.loads(ask(board, "/healthz").body)["status"] == "ok"
    assert json.loads(ask(board, "/readyz").body)["status"] == "ready"


def test_before_the_first_sample_everything_is_unavailable_and_says_why() -> None:
    empty = Board("i1", version="0.1.0", interval_seconds=1.0)
    for path in ("/v1/report", "/metrics", "/healthz", "/readyz"):
        result = ask(empty, path)
        assert result.status == 503, path
        assert b"nothing was sampled yet" in result.body


def test_a_stale_sample_is_unhealthy_but_stays_ready() -> None:
    now = [0.0]
    board = Board("i1", version="0.1.0", interval_seconds=1.0, monotonic=lambda: now[0])
    board.publish(NodeReport(node="n", instance="", cursor="", full=True, time_seconds=1, interval_seconds=1), 0.1, {})
    now[0] = 60.0
    health = ask(board, "/healthz")
    assert (health.status, json.loads(health.body)) == (
        503,
        {"status": "the last sample is too old", "last_sample_age_seconds": 60.0},
    )
    assert ask(board, "/readyz").status == 200


def test_an_unknown_path_is_told_the_known_ones_and_counts_as_other() -> None:
    result = ask(BOARD, "/etc/passwd")
    assert result.status == 404
    assert "/v1/report, /metrics, /healthz, /readyz" in json.loads(result.body)["error"]
    assert known_path("/etc/passwd") == "other"
    assert known_path("/metrics?x=1") == "/metrics"


def test_a_big_report_is_compressed_only_for_those_who_ask() -> None:
    big = board_with(*(Container(pod_uid=f"u{n}", container_id=f"{n:064}", cgroup=f"/c{n}") for n in range(300)))
    plain = ask(big, "/v1/report")
    assert "Content-Encoding" not in plain.headers
    for refused in ("gzip;q=0", "gzip; q=0.0", "br", "identity, x-gzip-not"):
        assert "Content-Encoding" not in ask(big, "/v1/report", refused).headers
    small = ask(big, "/v1/report", "deflate, GZIP;q=0.5")
    assert small.headers["Content-Encoding"] == "gzip"
    assert len(small.body) < len(plain.body) / 3
    assert decode(zlib.decompress(small.body, wbits=31)) == decode(plain.body)
    assert "Content-Encoding" not in ask(BOARD, "/v1/report", "gzip").headers


@given(st.text(max_size=200))
def test_no_query_brings_anything_but_an_answer_or_a_clear_refusal(query: str) -> None:
    result = ask(BOARD, f"/v1/report?{query}")
    assert result.status in (200, 400)
    assert result.status == 200 or "expected" in json.loads(result.body)
