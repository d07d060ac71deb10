"""The server against real sockets: operators, scrapers, and whoever else reaches the port."""

from __future__ import annotations

import http.client
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomsight_agent import server as server_module
from oomsight_agent.board import Board
from oomsight_agent.server import Server
from oomsight_api.report import Container, Memory, NodeReport, decode

MIB = 1024 * 1024
DONE_SECONDS = 20.0


def sample(seconds: float = 0, kills: int = 0) -> NodeReport:
    row = Container(pod_uid="u", container_id="c", cgroup="/c", memory=Memory(usage_bytes=MIB), oom_kills=kills)
    return NodeReport(node="n", instance="", cursor="", full=True, time_seconds=seconds, interval_seconds=1, containers=(row,))


@pytest.fixture
def board() -> Board:
    board = Board("i1", version="0.1.0", interval_seconds=1.0)
    board.publish(sample(), 0.1, {})
    return board


@pytest.fixture
def server(board: Board) -> Iterator[Server]:
    server = Server(board, "127.0.0.1", 0)
    server.start()
    yield server
    server.stop()


def connect(server: Server) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=DONE_SECONDS)
    connection.settimeout(DONE_SECONDS)
    return connection


def raw(server: Server, request: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    with connect(server) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass  # closed with bytes of ours unread
    return received


def get(server: Server, path: str, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DONE_SECONDS)
    connection.request(method, path)
    response = connection.getresponse()
    return response, response.read()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DONE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def test_a_report_is_served_over_a_connection_that_is_kept(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DONE_SECONDS)
    cursor = ""
    for full in (True, False):
        connection.request("GET", f"/v1/report?cursor={cursor}")
        response = connection.getresponse()
        report = decode(response.read())
        assert (response.status, response.headers["Content-Type"], report.full) == (200, "application/json", full)
        cursor = report.cursor
    connection.close()


def test_a_kill_ends_a_long_poll(server: Server, board: Board) -> None:
    cursor = decode(get(server, "/v1/report")[1]).cursor
    answers: list[bytes] = []
    poll = threading.Thread(target=lambda: answers.append(get(server, f"/v1/report?cursor={cursor}&wait=100")[1]))
    poll.start()
    eventually(lambda: board.waiting_clients == 1)
    board.publish(sample(1, kills=1), 0.1, {})
    poll.join(DONE_SECONDS)
    assert decode(answers[0]).containers[0].oom_kills == 1


def test_a_client_that_hangs_up_while_it_waits_frees_its_place(server: Server, board: Board) -> None:
    cursor = decode(get(server, "/v1/report")[1]).cursor
    with connect(server) as connection:
        connection.sendall(f"GET /v1/report?cursor={cursor}&wait=100 HTTP/1.1\r\n\r\n".encode())
        eventually(lambda: board.waiting_clients == 1)
    eventually(lambda: board.waiting_clients == 0)


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1300, reason="may not open so many files")
def test_a_client_that_waits_is_not_given_up_on_a_node_whose_files_take_a_thousand_descriptors(
    server: Server, board: Board
) -> None:
    cursor = decode(get(server, "/v1/report")[1]).cursor
    with ExitStack() as stack:
        for _ in range(1100):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        with connect(server) as connection:
            assert connection.fileno() > 1024
            connection.sendall(f"GET /v1/report?cursor={cursor}&wait=100 HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
            eventually(lambda: board.waiting_clients == 1)
            board.publish(sample(1, kills=1), 0.1, {})
            assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_head_is_get_without_the_body(server: Server) -> None:
    response, body = get(server, "/metrics", "HEAD")
    assert (response.status, body) == (200, b"")
    assert int(response.headers["Content-Length"]) > 1000


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_refused_with_what_is_allowed(server: Server, method: str) -> None:
    response, body = get(server, "/v1/report", method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert json.loads(body) == {"error": "expected method GET or HEAD"}


def test_a_wrong_path_and_a_wrong_parameter_are_told_as_json(server: Server) -> None:
    for path, status in (("/v2/report", 404), ("/v1/report?wait=later", 400)):
        response, body = get(server, path)
        assert (response.status, response.headers["Content-Type"]) == (status, "application/json")
        assert "expected" in json.loads(body)["error"]


def test_a_request_with_a_body_cannot_smuggle_a_second_request(server: Server) -> None:
    body = b"GET /metrics HTTP/1.1\r\n\r\n"
    answer = raw(server, b"GET /readyz HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize("head", [b"GET /" + b"x" * 100_000, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000, b"\0" * 50_000])
def test_an_endless_head_is_cut_off(server: Server, head: bytes) -> None:
    answer = raw(server, head)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    assert get(server, "/readyz")[0].status == 200


def test_a_head_that_trickles_is_cut_off_at_the_deadline(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.2)
    with connect(server) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\n")
        assert read_all(connection) == b""


def test_an_idle_connection_is_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "IDLE_SECONDS", 0.2)
    with connect(server) as connection:
        assert read_all(connection) == b""


def test_beyond_the_room_clients_are_told_to_come_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS_PER_ADDRESS", 2)
    holders = [connect(server), connect(server)]
    eventually(lambda: server.connections == 2)
    answer = raw(server, b"GET /readyz HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 1\r\n" in answer
    for holder in holders:
        holder.close()
    eventually(lambda: server.connections == 0)
    assert get(server, "/readyz")[0].status == 200


def test_when_crowded_connections_are_not_kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 1)
    response, _ = get(server, "/readyz")
    assert response.headers["Connection"] == "close"


def test_stopping_answers_those_who_wait_and_leaves_nobody_behind(board: Board) -> None:
    server = Server(board, "127.0.0.1", 0)
    server.start()
    cursor = decode(get(server, "/v1/report")[1]).cursor
    answers: list[tuple[http.client.HTTPResponse, bytes]] = []
    poll = threading.Thread(target=lambda: answers.append(get(server, f"/v1/report?cursor={cursor}&wait=100")))
    poll.start()
    idle = connect(server)
    eventually(lambda: board.waiting_clients == 1 and server.connections >= 2)
    server.stop()
    poll.join(DONE_SECONDS)
    response, body = answers[0]
    assert (response.status, response.headers["Connection"], decode(body).cursor) == (200, "close", cursor)
    assert read_all(idle) == b""
    assert server.connections == 0
    with pytest.raises(ConnectionRefusedError):
        connect(server)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=300), st.booleans())
def test_garbage_never_takes_the_server_down(server: Server, garbage: bytes, with_method: bool) -> None:
    with connect(server) as connection:
        connection.sendall((b"GET " if with_method else b"") + garbage + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 ", b"{"))
    assert get(server, "/readyz")[0].status == 200


def test_it_listens_on_ipv6(board: Board) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = Server(board, "::1", 0)
    except OSError:
        pytest.skip("no IPv6 address here")
    server.start()
    with socket.create_connection(("::1", server.port), timeout=DONE_SECONDS) as connection:
        connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        assert b" 200 OK" in read_all(connection)
    server.stop()
