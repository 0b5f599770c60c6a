"""A server that answers what it is told, byte for byte, and remembers what it was asked."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml


class Scripted:
    """One thread, one connection at a time, one scripted piece per request; the last one is repeated.

    Attributes:
        answers: Raw answers; ``reset`` closes the connection without one, ``silence`` never answers.
        seen: Raw heads of the requests.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answers: list[bytes | str] = []
        self.seen: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._done.set()
        address = self._listener.getsockname()
        socket.create_connection(address).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._done.is_set():
            connection, _ = self._listener.accept()
            with connection:
                try:
                    self._talk(
                        self._context.wrap_socket(connection, server_side=True)
                        if self._context
                        else connection
                    )
                except OSError:
                    continue

    def _talk(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
            if head[:1] == b"\x16":  # somebody speaks TLS to a server that does not
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
        self.seen.append(head.decode())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "silence":
            connection.recv(1)
        elif isinstance(answer, bytes):
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
        connection.close()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.close()


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of elsewhere.invalid, made anew: no key lies in the repository."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the program openssl to make a certificate")
    pem = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    subject = ["-subj", "/CN=elsewhere.invalid", "-addext", "subjectAltName=DNS:elsewhere.invalid"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = [openssl, "req", "-x509", *key, "-keyout", str(pem), "-out", f"{pem}.crt", *subject]
    subprocess.run(command, check=True, capture_output=True)
    pem.write_text(pem.read_text() + Path(f"{pem}.crt").read_text())
    return pem


@pytest.fixture
def scripted_tls(self_signed: Path) -> Iterator[Scripted]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed)
    server = Scripted(context)
    yield server
    server.close()


Kubeconfig = Callable[..., str]


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubeconfig:
    """Write a kubeconfig with one cluster, one user, one context; nothing of this machine's own is seen."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def write(
        server: str, name: str = "one", user: object = None, current: bool = True, **cluster: object
    ) -> str:
        path = tmp_path / f"{name}.yaml"
        document = {
            "clusters": [{"name": name, "cluster": {"server": server, **cluster}}],
            "users": [{"name": name, "user": user or {}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
        path.write_text(yaml.safe_dump(document | ({"current-context": name} if current else {})))
        return str(path)

    return write
