"""TLS by certificate files."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import queue
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from documents.served.conftest import free_port

from dynafile.documents import Montybase, doc
from dynafile.errors import InvalidServerConfiguration, ServerNotReachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_certificate(folder: Path, password: bytes | None = None) -> None:
    """Write a certificate of this machine that is signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encryption = (
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password)
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )


def configure(folder: Path, **more: Any) -> None:
    path = folder / "db.config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database that is configured for TLS, at a port of its own."""
    Montybase(tmp_path / "db", endpoint=True).close()
    write_certificate(tmp_path / "db")
    configure(
        tmp_path / "db",
        address=f"127.0.0.1:{free_port()}",
        certificate="certificate.pem",
        privateKey="key.pem",
    )
    return tmp_path / "db"


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    server = Montybase(folder, endpoint=True)
    thread = threading.Thread(target=server.run)
    thread.start()
    found = json.loads((folder / "db.config.json").read_text())["address"]
    host, _, port = found.partition(":")
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    yield found
    server.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_a_client_talks_to_a_server_whose_certificate_it_trusts(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with Montybase(api=f"https://{address}") as mb, pytest.raises(ServerNotReachable) as refused:
        doc(mb, "users").add({"n": 1})
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "certificate.pem"))
    with Montybase(api=f"https://{address}") as mb:
        doc(mb, "users").add({"n": 1}, key="ann")
        heard: queue.Queue[Any] = queue.Queue()
        with doc(mb, "users").on_snapshot(heard.put):
            assert heard.get(timeout=20).value == {"ann": {"n": 1}}


def test_nothing_is_answered_in_clear_or_by_old_versions(folder: Path, address: str) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{address}/v1/health")
    host, _, port = address.partition(":")
    context = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        assert encrypted.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"certificate": "missing.pem"}, "missing.pem"),
        ({"privateKey": "certificate.pem"}, "not usable"),
        ({"privateKey": None}, "privateKey"),
        ({"certificate": None}, "certificate"),
    ],
    ids=str,
)
def test_files_that_cannot_be_used_are_a_reason_not_to_start(
    folder: Path, more: Any, word: str
) -> None:
    path = folder / "db.config.json"
    found = json.loads(path.read_text()) | more
    path.write_text(json.dumps({name: each for name, each in found.items() if each is not None}))
    with (
        Montybase(folder, endpoint=True) as mb,
        pytest.raises(InvalidServerConfiguration, match=word),
    ):
        mb.run()


def test_a_private_key_with_a_password_is_not_asked_for(folder: Path) -> None:
    write_certificate(folder, b"secret")
    with (
        Montybase(folder, endpoint=True) as mb,
        pytest.raises(InvalidServerConfiguration, match="encrypted"),
    ):
        mb.run()
