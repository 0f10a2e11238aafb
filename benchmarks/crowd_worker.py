"""Those who listen to a server of documents, and who writes them, in a process without its own.

``crowd_worker.py PLACE``: a folder, which another process serves. All connections are sockets in
one loop that only notes what came and when, and reads it afterwards: the crowd should take less of
the machine than the server that it measures.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from listener_worker import LATE_SHARE, LEAST, PATIENCE
from memory import resident_bytes_of
from serving import Figures, serve
from users import user

_BOARD: Final = "board"
_DOCUMENTS: Final = 20
_WRITERS: Final = 16
_SETTLE: Final = 0.5
_WRITTEN: Final = re.compile(rb'"written":(\d+)')


class Listener:
    """A connection that listens, and what came on it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.came: list[tuple[float, bytes]] = []

    def take(self) -> None:
        """Note what has come."""
        data = self.connection.recv(1 << 20)
        assert data, "the server has left a listener"
        self.came.append((time.monotonic(), data))

    def told(self) -> list[tuple[int, float]]:
        """Return the numbers of the writes that it was told of, each with when that was whole."""
        found = []
        ends, size = [], 0
        for at, data in self.came:
            size += len(data)
            ends.append((size, at))
        part = iter(ends)
        end, at = next(part, (0, 0.0))
        for match in _WRITTEN.finditer(b"".join(data for _, data in self.came)):
            while end < match.end():
                end, at = next(part)
            found.append((int(match[1]), at))
        self.came.clear()
        return found


class CrowdWorker:
    """What can be asked of it; each method returns figures."""

    def __init__(self, place: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        command = (sys.executable, "-m", "dynafile", "serve", "--documents", place)
        address = ("--address", f"127.0.0.1:{self._port}")
        self._server = subprocess.Popen([*command, *address], stderr=subprocess.DEVNULL)
        self._rng = random.Random(0)
        self._listeners: list[Listener] = []
        self._each_its_own = False
        self._documents = _DOCUMENTS

    def _connected(self) -> socket.socket:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                found = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.01)
            else:
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return found

    # -- listening ------------------------------------------------------------------------------

    def listen(self, count: int, *, own: bool, socket: bool) -> Figures:
        """Have so many listen, by WebSocket or by events: all to all, or each to a document."""
        self._each_its_own = own
        self._documents = count if own else _DOCUMENTS
        with self._connected() as writer:
            for number in range(self._documents):
                self._put(writer, number, -1)
                _answer(writer)
        for number in range(count):
            path = (_BOARD, f"d{number}") if own else (_BOARD,)
            connection = self._connected()
            (self._subscribe if socket else self._request)(connection, path)
            connection.setblocking(False)
            self._listeners.append(Listener(connection))
        time.sleep(_SETTLE)
        return {}

    def idle(self, count: int, *, socket: bool) -> Figures:
        """Have so many listen to a document each; the memory that the server takes for them."""
        self.listen(10, own=True, socket=socket)  # the first take a feed with them, and threads
        before = resident_bytes_of(self._server.pid)
        self.listen(count, own=True, socket=socket)
        return {"bytes": resident_bytes_of(self._server.pid) - before}

    def _request(self, connection: socket.socket, path: Sequence[str]) -> None:
        address = "/".join(("/v1/documents", *path))
        head = f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        connection.sendall(head.encode())
        _until(connection, b"event: state")

    def _subscribe(self, connection: socket.socket, path: Sequence[str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "\r\n".encode()
        )
        _until(connection, b"\r\n\r\n")
        message = json.dumps({"subscribe": 1, "path": path}).encode()
        assert len(message) < 126
        # A whole message of text, masked by zeros: RFC 6455, section 5.2.
        connection.sendall(bytes((0x81, 0x80 | len(message), 0, 0, 0, 0)) + message)
        _until(connection, b'"type":"state"')

    # -- writing --------------------------------------------------------------------------------

    def write(self, count: int, rate: float) -> Figures:
        """Write so many documents, so many a second; how late each listener was told of each.

        ``median`` and ``late``, of 95 in a hundred, count from the answer to a write, and ``sent``,
        of as many, from its sending; ``rate`` is how many a second there were.
        """
        poll = select.epoll()
        by_number = {each.connection.fileno(): each for each in self._listeners}
        idle = deque(self._connected() for _ in range(_WRITERS))
        writers = {each.fileno(): each for each in idle}
        for number in (*by_number, *writers):
            poll.register(number, select.EPOLLIN)
        doing: dict[int, int] = {}
        sent, answered = [0.0] * count, [0.0] * count
        begun, number, left = time.monotonic(), 0, count
        ended: float | None = None
        while ended is None or time.monotonic() < ended + _SETTLE:
            now = time.monotonic()
            if number < count and idle and now >= begun + number / rate:
                writer = idle.popleft()
                doing[writer.fileno()] = number
                sent[number] = time.monotonic()
                self._put(writer, number, number)
                number += 1
            due = begun + number / rate - time.monotonic()
            for ready, _ in poll.poll(max(0.0, due) if number < count and idle else 0.05):
                if ready in by_number:
                    by_number[ready].take()
                    continue
                _answer(writers[ready])
                answered[doing.pop(ready)] = time.monotonic()
                idle.append(writers[ready])
                left -= 1
                if not left:
                    ended = time.monotonic()
        poll.close()
        for writer in writers.values():
            writer.close()
        assert ended is not None
        return {"rate": count / (ended - begun), **self._late(sent, answered)}

    def _late(self, sent: Sequence[float], answered: Sequence[float]) -> Figures:
        """Say how late all were, of whom each has to have been told of each write once."""
        after_answer, after_sending = [], []
        for place, listener in enumerate(self._listeners):
            told = listener.told()
            every = len(self._listeners) if self._each_its_own else 1
            wanted = list(range(place if self._each_its_own else 0, len(sent), every))
            # Two that are written at once are told in the order of their commits.
            assert sorted(number for number, _ in told) == wanted, (told[:5], wanted[:5])
            after_answer += [at - answered[number] for number, at in told]
            after_sending += [at - sent[number] for number, at in told]
        after_answer.sort()
        after_sending.sort()
        late = int(len(after_answer) * LATE_SHARE)
        return {
            "median": max(LEAST, after_answer[len(after_answer) // 2]),
            "late": max(LEAST, after_answer[late]),
            "sent": max(LEAST, after_sending[late]),
        }

    def _put(self, writer: socket.socket, number: int, written: int) -> None:
        body = json.dumps(user(number, self._rng) | {"written": written}).encode()
        key = number % self._documents
        head = (
            f"PUT /v1/documents/{_BOARD}/d{key} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.sendall(head.encode() + body)

    def stop(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.wait()


def _until(connection: socket.socket, end: bytes) -> None:
    data = b""
    while end not in data:
        more = connection.recv(65536)
        assert more, data
        data += more


def _answer(writer: socket.socket) -> None:
    """Read the answer to a write, which has to have been made."""
    data = b""
    while not data.endswith(b"}"):
        more = writer.recv(65536)
        assert more, data
        data += more
    assert data.startswith(b"HTTP/1.1 200 "), data


def main() -> None:
    (place,) = sys.argv[1:]
    worker = CrowdWorker(place)
    try:
        serve(worker)
    finally:
        worker.stop()


if __name__ == "__main__":
    main()
