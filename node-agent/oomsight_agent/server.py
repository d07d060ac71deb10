"""HTTP on the standard library: `/v1/report` (long poll), `/metrics`, `/healthz`, `/readyz`. Reads only, answers everyone the same.

A handful of operators and scrapers are expected, and whoever else reaches the port. So everything is bounded: connections (in
all, and by address), bytes and time of a request's head, time of an answer, length of a wait. Garbage gets an error or a
closed connection."""

from __future__ import annotations

import io
import logging
import select
import socket
import socketserver
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oomsight_agent.answers import Answer, answer, error_body, known_path
from oomsight_agent.board import Board, ClientGoneError

MAX_CONNECTIONS = 64
MAX_CONNECTIONS_PER_ADDRESS = 24
"""One address can never take all of them: the kubelet's probes and the operator always find room."""
MAX_HEAD_BYTES = 16 * 1024
HEAD_SECONDS = 10.0
"""From a request's first byte to the end of its head, however slowly the bytes trickle."""
IDLE_SECONDS = 30.0
"""A kept connection may wait so long for its next request."""
SEND_SECONDS = 10.0
STOP_SECONDS = 2.0
_THREAD_STACK_BYTES = 512 * 1024

_log = logging.getLogger(__name__)


class _HeadTooLargeError(Exception):
    """The request's line and headers exceed MAX_HEAD_BYTES."""


class _BoundedReader(io.RawIOBase):
    """Reads one connection with a deadline and a byte budget for each request, not for each read."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.next_request()

    def next_request(self) -> None:
        self._budget = MAX_HEAD_BYTES
        self._deadline: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        remaining = IDLE_SECONDS if self._deadline is None else self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the request's head did not come in time")
        if self._budget <= 0:
            raise _HeadTooLargeError
        self._connection.settimeout(remaining)
        count = self._connection.recv_into(memoryview(buffer)[: self._budget])
        self._budget -= count
        if self._deadline is None:
            self._deadline = time.monotonic() + HEAD_SECONDS
        self._connection.settimeout(SEND_SECONDS)
        return count


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "oomsight-agent"
    sys_version = ""
    disable_nagle_algorithm = True  # head and body are two writes

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._reader = _BoundedReader(self.connection)
        self.rfile = io.BufferedReader(self._reader, 8192)

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError) as error:  # a client that went away, or a connection that was closed to stop
            _log.debug("connection ended", extra={"client": self.client_address[0], "problem": str(error)})

    def handle_one_request(self) -> None:
        self._reader.next_request()
        try:
            super().handle_one_request()
        except _HeadTooLargeError:
            self.requestline, self.command = "", ""
            self.send_error(431)

    def do_GET(self) -> None:
        # A body is not read, so the connection cannot be used again: what follows would be taken for a request.
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        try:
            result = answer(self.server.board, self.path, self.headers.get("Accept-Encoding", ""), self._client_is_there)
        except ClientGoneError:
            self.close_connection = True
            return
        self._send(result, known_path(self.path))

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses: as JSON, without an echo of the request."""
        status = 405 if code == 501 else code
        self.close_connection = True
        self.request_version = self.protocol_version  # garbage is taken for HTTP/0.9, which has no status line
        text = {405: "expected method GET or HEAD", 431: f"expected a head of at most {MAX_HEAD_BYTES} bytes"}
        headers = {"Allow": "GET, HEAD"} if status == 405 else {}
        self._send(Answer(status, error_body(text.get(status, "expected an HTTP/1.1 request")), headers=headers), "other")

    def _send(self, result: Answer, path: str) -> None:
        if self.server.is_crowded or self.server.board.closed:
            self.close_connection = True
        self.server.board.count_request(path, result.status)
        self.send_response(result.status)
        self.send_header("Content-Type", result.content_type)
        self.send_header("Content-Length", str(len(result.body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in result.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(result.body)

    def _client_is_there(self) -> bool:
        """False when the client closed the connection. Bytes of a next request are left where they are.

        Not select(): that one refuses descriptors from 1024 on, and those of 200 containers' files come first.
        """
        try:
            poll = select.poll()
            poll.register(self.connection, select.POLLIN)
            return not poll.poll(0) or self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except (OSError, ValueError):
            return False

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the standard library's name)
        _log.debug("request", extra={"client": self.client_address[0], "line": format % args})


class Server(ThreadingHTTPServer):
    """Serves a board at `host:port` (port 0: any free one, see `port`). Raises OSError when the address cannot be had."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, board: Board, host: str, port: int) -> None:
        self.board = board
        self._lock = threading.Condition()
        self._connections: dict[socket.socket, str] = {}
        self._by_address: Counter[str] = Counter()
        self._thread: threading.Thread | None = None
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's: that one asks the DNS for the host's name, which can hang.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._connections)

    @property
    def is_crowded(self) -> bool:
        """Kept connections are given up when half of the room is taken."""
        return self.connections > MAX_CONNECTIONS // 2

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.stack_size(_THREAD_STACK_BYTES)
        self._thread = threading.Thread(target=self.serve_forever, name="http", kwargs={"poll_interval": 0.25}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer the waiting clients, close idle connections and leave within STOP_SECONDS or a little more."""
        self.board.close()
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        deadline = time.monotonic() + STOP_SECONDS
        with self._lock:
            for connection in self._connections:
                _quietly_shut(connection, socket.SHUT_RD)  # an idle one reads the end; one that answers can still write
            while self._connections and (remaining := deadline - time.monotonic()) > 0:
                self._lock.wait(remaining)
            for connection in self._connections:
                _quietly_shut(connection, socket.SHUT_RDWR)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.1)  # out of descriptors: without a pause the loop would spin
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        address = str(client_address[0])
        with self._lock:
            admitted = len(self._connections) < MAX_CONNECTIONS and self._by_address[address] < MAX_CONNECTIONS_PER_ADDRESS
            if admitted:
                self._connections[request] = address
                self._by_address[address] += 1
        if admitted:
            super().process_request(request, client_address)
        else:
            self._refuse(request)

    def _refuse(self, request: socket.socket) -> None:
        body = error_body("too many connections, try again")
        head = (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
        )
        self.board.count_request("other", 503)
        try:
            request.settimeout(0)
            request.recv(MAX_HEAD_BYTES)  # unread bytes would turn the close into a reset, and the answer would be lost
        except OSError:
            pass
        try:
            request.send(head.encode() + body)
        except OSError:
            pass
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._lock:
            address = self._connections.pop(request, None)
            if address is not None:
                self._by_address[address] -= 1
                self._by_address += Counter()  # drops what fell to zero
            self._lock.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.exception("request failed", extra={"client": str(client_address[0])})


def _quietly_shut(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError:
        pass
