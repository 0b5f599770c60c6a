"""SPDY/3.1 as kubectl forwards ports with it, bare or inside a WebSocket; own code, for no Python library speaks it any more.

Only what github.com/moby/spdystream sends is understood. kubectl opens two streams for each connection, ``error`` and then
``data``, which name the port and share a ``requestid``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from upgrader.sandbox.api.wire import Forward
from upgrader.sandbox.forwarding.listener import Listener, refused

_SYN_STREAM, _SYN_REPLY, _RESET, _PING, _GO_AWAY = 1, 2, 3, 6, 7
_CONTROL, _VERSION, _FIN = 0x80000000, 3 << 16, 1
_LARGEST = 1 << 20
_LISTED = """options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow
authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5
content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range
if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer
retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status
200|OK version HTTP/1.1 url public set-cookie keep-alive origin"""
_LOOSE = """100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative
Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal
Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon,
Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,
text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."""
_WORDS = [word.replace("|", " ") for word in _LISTED.split()]
_TAIL = _LOOSE.replace(",\ntext/plain", ",text/plain").replace("\n", " ")
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word.encode() for word in _WORDS) + _TAIL.encode()
"""What header compression begins with (SPDY protocol, draft 3.1, section 2.6.10.1)."""


@dataclass
class _Pair:
    """One forwarded connection."""

    port: int
    error: int = 0
    listener: Listener | None = None
    over: bool = False


@dataclass
class Spdy:
    """One session: bytes in, bytes out."""

    forward: Forward
    over: bool = False
    _heard: bytes = b""
    _pairs: dict[str, _Pair] = field(default_factory=dict)
    _data: dict[int, _Pair] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def begin(self) -> list[bytes]:
        """Nothing: the client begins."""
        return []

    def hear(self, message: bytes) -> list[bytes]:
        """Answers to all frames that are whole.

        Raises:
            ConnectionResetError: that is not SPDY.
        """
        self._heard += message
        said: list[bytes] = []
        while len(self._heard) >= 8:
            first, rest = struct.unpack_from(">II", self._heard)
            flags, size = rest >> 24, rest & 0xFFFFFF
            if size > _LARGEST:
                raise ConnectionResetError("a frame of SPDY is too large")
            if len(self._heard) < 8 + size:
                break
            body, self._heard = self._heard[8 : 8 + size], self._heard[8 + size :]
            said += self._control(first, body) if first & _CONTROL else self._bytes(first, flags, body)
        return said

    def _control(self, first: int, body: bytes) -> Iterator[bytes]:
        kind = first & 0xFFFF
        if kind == _SYN_STREAM:
            (number,) = struct.unpack_from(">I", body)
            yield self._opened(number, self._headers(body[10:]))
        elif kind == _PING:
            yield _frame(_PING, 0, body)
        elif kind == _RESET:
            self._data.pop(struct.unpack_from(">I", body)[0], None)
        elif kind == _GO_AWAY:
            self.over = True

    def _opened(self, number: int, headers: Mapping[str, str]) -> bytes:
        """Agree to a stream."""
        pair = self._pairs.setdefault(headers.get("requestid", ""), _Pair(int(headers.get("port", "0"))))
        if headers.get("streamtype") == "error":
            pair.error = number
        else:
            pair.listener = Listener(self.forward.inside, pair.port)
            self._data[number] = pair
        none = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _frame(_SYN_REPLY, 0, struct.pack(">I", number) + none)

    def _bytes(self, number: int, flags: int, data: bytes) -> Iterator[bytes]:
        """What the pod says to data; the stream is closed from here once the pod is done or the client is."""
        pair = self._data.get(number)
        if pair is None or pair.listener is None or pair.over:
            return
        try:
            said = pair.listener.hear(data)
        except ConnectionRefusedError:
            pair.over = True
            yield _said(pair.error, refused(pair.port, self.forward.pod), fin=True)
            yield _said(number, b"", fin=True)
            return
        if said:
            yield _said(number, said)
        if pair.listener.over or flags & _FIN:
            pair.over = True
            yield _said(number, b"", fin=True)
            yield _said(pair.error, b"", fin=True)

    def _headers(self, block: bytes) -> dict[str, str]:
        data = self._inflate.decompress(block)
        (count,), at = struct.unpack_from(">I", data), 4
        words: list[str] = []
        for _ in range(2 * count):
            (size,) = struct.unpack_from(">I", data, at)
            words.append(data[at + 4 : at + 4 + size].decode("latin-1"))
            at += 4 + size
        return dict(zip(words[::2], words[1::2], strict=True))


def _frame(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack(">II", _CONTROL | _VERSION | kind, flags << 24 | len(body)) + body


def _said(number: int, data: bytes, *, fin: bool = False) -> bytes:
    return struct.pack(">II", number, (_FIN if fin else 0) << 24 | len(data)) + data
