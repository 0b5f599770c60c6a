"""The Prometheus stand-in over HTTP: ``with serving(Prometheus(script)) as url``, or as a process.

``python -m tests.bed.standins.prometheus_server SCRIPT.yaml [--host H] [--port 9090]`` prints ``{"ready": true, "url": …}``.
``PUT /-/mood?is=degraded`` changes its mood, ``GET /-/asked`` gives the queries so far: both ours alone.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bed.standins.prometheus import Prometheus, Reply, failure, success

__all__ = ["serving"]


class _Face(BaseHTTPRequestHandler):
    """HTTP for one ``Prometheus``."""

    protocol_version = "HTTP/1.1"
    server: Listening

    def do_GET(self) -> None:
        if self.path == "/-/asked":
            self._write(success(self.server.prometheus.asked))
            return
        self._send(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        """Queries may come as a form."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._send(parse_qs(urlsplit(self.path).query) | parse_qs(body))

    def do_PUT(self) -> None:
        """The mood, from another process."""
        wanted = parse_qs(urlsplit(self.path).query).get("is", [""])[0]
        try:
            self.server.prometheus.mood = wanted
        except ValueError as error:
            self._write(failure(400, "bad_data", str(error)))
            return
        self._write(success(wanted))

    def _send(self, given: Mapping[str, list[str]]) -> None:
        prometheus = self.server.prometheus
        prometheus.now = time.time()
        self._write(prometheus.reply(urlsplit(self.path).path, {k: v[-1] for k, v in given.items()}))

    def _write(self, reply: Reply) -> None:
        self.close_connection = self.close_connection or reply.stall or reply.cut
        if reply.stall:
            self.server.ended.wait()
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content)
        self.send_header("Content-Length", str(len(reply.body) + (100 if reply.cut else 0)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Listening(ThreadingHTTPServer):
    """A socket for one ``Prometheus``; ``ended`` releases those that are kept waiting."""

    daemon_threads = True

    def __init__(self, prometheus: Prometheus, address: tuple[str, int]) -> None:
        self.prometheus = prometheus
        self.ended = threading.Event()
        super().__init__(address, _Face)


@contextmanager
def serving(prometheus: Prometheus, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Answer over HTTP; gives the URL."""
    server = Listening(prometheus, (host, port))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve a script until interrupted; prints the URL first."""
    parser = argparse.ArgumentParser(prog="python -m tests.bed.standins.prometheus_server")
    parser.add_argument("script", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9090)
    options = parser.parse_args()
    with serving(Prometheus.load(options.script), options.host, options.port) as url:
        print(json.dumps({"ready": True, "url": url}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
