"""What is sent to a server byte by byte: slowly, never, in one piece with something else, or wrong."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from dynafile.documents import doc
from dynafile.documents.served.application import DocumentsApplication
from dynafile.documents.served.guard import KeyGuard, Limits, OpenGuard
from dynafile.documents.served.running import Server, server_configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
WAIT = 30.0


class Wire:
    """A server, and connections to it on which a test sends bytes."""

    def __init__(self, world: Any, limits: Limits, guard: type[KeyGuard], **tls: str) -> None:
        application = DocumentsApplication(world.db.engine, guard(world.accounts, limits))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        configuration = server_configuration(application, "127.0.0.1", self._port, **tls)
        self.server = Server(configuration, application)
        self._thread = threading.Thread(target=self.server.run, args=([self._listener],))
        self._thread.start()
        self._opened: list[socket.socket] = []
        self.until(lambda: self.server.started)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def connect(self, sent: bytes = b"", buffer: int | None = None) -> socket.socket:
        one = socket.socket()
        self._opened.append(one)
        if buffer is not None:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        one.settimeout(WAIT)
        one.connect(("127.0.0.1", self._port))
        one.sendall(sent)
        return one

    def stop(self) -> None:
        for each in self._opened:
            each.close()
        self.server.should_exit = True
        self._thread.join(WAIT)
        assert not self._thread.is_alive()
        self._listener.close()


@pytest.fixture
def serve(world: Any) -> Iterator[Callable[..., Wire]]:
    """Serve with limits, of which those that are not given are too long to be waited for."""
    started: list[Wire] = []

    def start(
        tls: dict[str, str] | None = None, guard: type[KeyGuard] = OpenGuard, **limits: Any
    ) -> Wire:
        long = {"head_seconds": 600.0, "body_seconds": 600.0, "stall": 600.0}
        started.append(Wire(world, Limits(**(long | limits)), guard, **(tls or {})))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def rest(one: socket.socket) -> bytes:
    """Return all that comes until the server ends the connection."""
    parts = []
    while part := one.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answer(one: socket.socket) -> bytes:
    """Return one answer, of which the body is short."""
    found = b""
    while b"\r\n\r\n" not in found or not found.endswith(b"}"):
        part = one.recv(65536)
        assert part
        found += part
    return found


def trickle(one: socket.socket, byte: bytes) -> bytes:
    """Send a byte again and again until the server ends the connection; return what it said."""
    one.settimeout(0.02)
    found = b""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        try:
            one.sendall(byte)
            part = one.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return found
        if not part:
            return found
        found += part
    raise AssertionError("the connection goes on")


# -- slow ----------------------------------------------------------------------------------------


def test_a_connection_that_says_nothing_is_ended(serve: Any) -> None:
    """It is not told why: a browser opens some ahead, and would take that for its next answer."""
    assert rest(serve(head_seconds=0.1).connect()) == b""


@pytest.mark.parametrize(
    "sent", [b"G", b"GET /v1/health HTTP/1.1\r\nHost: lo", HEALTH[:-2], HEALTH[:-1]], ids=str
)
def test_a_head_that_stops_in_the_middle(serve: Any, sent: bytes) -> None:
    found = rest(serve(head_seconds=0.1).connect(sent))
    assert found.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"code":"RequestTimedOut"' in found
    assert b"connection: close" in found


def test_a_head_that_comes_byte_by_byte(serve: Any) -> None:
    """Each byte is in time, and the whole is not."""
    one = serve(head_seconds=0.3).connect(HEALTH[:-2] + b"X: ")
    assert b" 408 " in trickle(one, b"a")


def test_the_time_begins_anew_with_each_request(serve: Any) -> None:
    one = serve(head_seconds=1.5).connect()
    for _ in range(3):
        one.sendall(HEALTH[:10])
        time.sleep(0.6)
        one.sendall(HEALTH[10:])
        assert b" 200 " in answer(one)


def test_the_next_head_on_a_connection_has_to_come_too(serve: Any) -> None:
    """Also one that began in the packet of the request before it."""
    one = serve(head_seconds=0.2).connect(HEALTH + HEALTH + HEALTH[:5])
    found = trickle(one, b"a")
    assert found.count(b" 200 OK") == 2
    assert b" 408 " in found


def test_a_body_after_its_answer_is_not_waited_for(serve: Any) -> None:
    """Its bytes kept a connection open for as long as somebody sent some."""
    one = serve(head_seconds=0.2).connect(
        b"POST /v1/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    )
    assert b" 405 " in answer(one)
    assert trickle(one, b"x") == b""


def test_a_body_that_stops_in_the_middle(serve: Any) -> None:
    one = serve(body_seconds=0.1).connect(
        b"PUT /v1/documents/users/ann HTTP/1.1\r\nHost: localhost\r\n"
        b'Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{"n"'
    )
    assert b" 408 " in rest(one)


def test_many_that_are_waited_for_have_less_time(serve: Any) -> None:
    """Else they hold all the connections that a process may have; who is quick notices nothing."""
    wire = serve(head_seconds=5.0, waiting=5)
    slow = [wire.connect(b"GET /") for _ in range(12)]
    quick = wire.connect(HEALTH)
    assert b" 200 " in answer(quick)
    assert all(b"within 0.5 seconds" in rest(each) for each in slow[:6])


def test_who_listens_is_not_ended(serve: Any) -> None:
    """Neither an event stream, nor a WebSocket: their heads have come."""
    wire = serve(head_seconds=0.1, stall=0.2, heartbeat=600.0)
    events = wire.connect(
        b"GET /v1/documents/users HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    )
    live = wire.connect(UPGRADE + b"\r\n")
    assert b" 200 " in events.recv(65536)
    assert b" 101 " in live.recv(65536)
    assert rest(wire.connect()) == b""  # so the time is over
    for each in (events, live):
        each.settimeout(0.5)
        try:
            assert each.recv(65536)  # the state
            each.recv(65536)
        except TimeoutError:
            continue
        raise AssertionError("it was ended")


def test_many_sockets_that_do_not_say_who_they_are_have_less_time(serve: Any) -> None:
    """Else they have all the places of those who listen."""
    wire = serve(guard=KeyGuard, waiting=3, greeting=4.0)
    opened = []
    for _ in range(6):
        opened.append(wire.connect(UPGRADE + b"\r\n"))
        assert b" 101 " in opened[-1].recv(65536)
    for each in opened[4:]:
        assert b"nothing came to say who it is" in each.recv(65536)
    opened[0].settimeout(0.05)
    with pytest.raises(TimeoutError):
        opened[0].recv(65536)


def test_what_follows_an_upgrade_is_not_taken_for_a_request(serve: Any) -> None:
    live = serve().connect(UPGRADE + b"X: " + b"x" * 4000 + b"\r\n\r\n" + HEALTH * 100)
    found = live.recv(65536)
    assert found.startswith(b"HTTP/1.1 101 ")
    assert found.count(b"HTTP/1.1 ") == 1
    live.settimeout(0.1)
    with pytest.raises(TimeoutError):
        live.recv(65536)


def test_an_answer_that_is_not_read_is_dropped(serve: Any, world: Any) -> None:
    """It stayed in the memory of the server for as long as its reader kept the connection."""
    for _ in range(12):
        doc(world.db, "large").add({"text": "x" * 1_000_000})
    wire = serve(stall=0.3)
    wire.connect(b"GET /v1/documents/large HTTP/1.1\r\nHost: localhost\r\n\r\n", buffer=4096)
    connections = wire.server.server_state.connections
    wire.until(lambda: any(each.transport.get_write_buffer_size() for each in list(connections)))
    wire.until(lambda: not connections)


def test_an_answer_that_is_read_slowly_comes_whole(serve: Any, world: Any) -> None:
    for _ in range(3):
        doc(world.db, "large").add({"text": "x" * 1_000_000})
    one = serve(stall=0.6).connect(
        b"GET /v1/documents/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        buffer=65536,
    )
    size = 0
    while part := one.recv(200_000):
        size += len(part)
        time.sleep(0.05)
    assert size > 3_000_000


def test_a_handshake_of_tls_that_stops_is_ended(serve: Any, tmp_path: Path) -> None:
    certificate, key = certificate_files(tmp_path)
    tls = {"certificate": str(certificate), "private_key": str(key)}
    wire = serve(tls, head_seconds=0.2)
    for sent in (b"", b"\x16\x03\x01"):
        assert rest(wire.connect(sent)) == b""
    context = ssl.create_default_context(cafile=str(certificate))
    with context.wrap_socket(wire.connect(), server_hostname="localhost") as one:
        one.sendall(HEALTH)
        assert b" 200 " in answer(one)  # type: ignore[arg-type]


def certificate_files(folder: Path) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


# -- not HTTP ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET  /v1/health HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/hea lth HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost: a\r\nX: a\r\n b\x00\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost: a\r\nX" + b"y" * 70_000 + b": 1\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda sent: str(sent[:30]),
)
def test_what_is_no_request(serve: Any, sent: bytes) -> None:
    found = rest(serve().connect(sent))
    assert found.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"code":"MalformedRequest"' in found
    assert found.count(b"HTTP/1.1 ") == 1


SMUGGLED = b"DELETE /v1/documents/users/ann HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: 4", b"Transfer-Encoding: chunked"],
        [b"Content-Length: 4", b"Content-Length: 70"],
        [b"Content-Length: 4, 70"],
        [b"Content-Length: +4"],
        [b"Content-Length: 4_0"],
        [b"Content-Length: -1"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding : chunked"],
        [b"X: y\nTransfer-Encoding: chunked"],
        [b"X: y\rTransfer-Encoding: chunked"],
        [b"Transfer-Encoding:\x0bchunked"],
    ],
    ids=lambda headers: str(b", ".join(headers)),
)
def test_no_request_is_smuggled_in_the_body_of_another(
    serve: Any, world: Any, headers: list[bytes]
) -> None:
    """A proxy before the server may count its bytes in another way, so that nobody shall have to."""
    doc(world.db, "users", "ann").set({"n": 1})
    body = b"0\r\n\r\n" + SMUGGLED
    head = [b"POST /v1/documents:query HTTP/1.1", b"Host: localhost", *headers]
    one = serve().connect(
        b"\r\n".join([*head, b"Content-Type: application/json", b"Connection: close", b"", body])
    )
    found = rest(one)
    assert found.count(b"HTTP/1.1 ") == 1
    assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert doc(world.db, "users", "ann").get() == {"n": 1}


def test_an_address_with_a_host_in_it_is_not_there(serve: Any) -> None:
    """A proxy that is asked so may send it on to somebody else."""
    one = serve().connect(b"GET http://localhost/v1/documents/users HTTP/1.1\r\nHost: a\r\n\r\n")
    found = answer(one)
    assert found.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"AddressNotFound"' in found
