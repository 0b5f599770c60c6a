"""The memory of decisions and evidence: hash-chained JSON Lines, on disk before anything is done about it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path

import msgspec

from upgrader.host.files import Appender, atomic_write
from upgrader.model.codec import decode, encode
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import RunEvent

FORMAT = 1
NAME = "journal.jsonl"
HEAD = "journal.head"
TORN = "journal.torn"
_GENESIS = "0" * 64
_FRAME = re.compile(
    rb',"h":"([0-9a-f]{64})","prev":"([0-9a-f]{64})","seq":([1-9][0-9]*),"v":([1-9][0-9]*)}\n'
)
"""How every line ends: keys are sorted, and nothing but the event comes before these."""


class Line(msgspec.Struct, frozen=True):
    """One line: ``h`` is the SHA-256 of ``prev`` and of the bytes of the line with ``h`` empty.

    Of the bytes as they are in the file, so that a field that a later release adds to an event breaks no older journal.
    """

    v: int
    seq: int
    prev: str
    event: RunEvent
    h: str = ""

    def sealed(self) -> Line:
        """The same line with the hash that belongs to it."""
        bare = encode(msgspec.structs.replace(self, h=""))
        return msgspec.structs.replace(self, h=sha256(self.prev.encode() + bare).hexdigest())


class FileJournal:
    """The journal of one run directory.

    Opening verifies the chain. A line that was being written when the process died is set aside in
    ``journal.torn``; it was never acknowledged, so nothing was done about it. Anything else is damage.

    Raises:
        UpgradeError: UPG-0502: a line was edited, removed or reordered, or is of a newer format.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._head = folder / HEAD
        lines, whole = _whole(folder)
        if self._path.exists() and whole < self._path.stat().st_size:
            _set_aside(self._path, whole)
        self._lines = lines
        self._file = Appender(self._path)

    def append(self, event: RunEvent, /) -> None:
        """On disk when this returns.

        Raises:
            OSError: it is not; nothing more may be done to the cluster.
        """
        prev = self._lines[-1].h if self._lines else _GENESIS
        line = Line(FORMAT, len(self._lines) + 1, prev, event).sealed()
        self._file.append(encode(line) + b"\n")
        self._lines.append(line)
        if line.seq == 1:
            self.seal()

    def events(self) -> Sequence[RunEvent]:
        """Everything so far, oldest first."""
        return [line.event for line in self._lines]

    @property
    def lines(self) -> Sequence[Line]:
        """Everything so far, with its hashes."""
        return self._lines

    def extend(self, data: bytes) -> int:
        """Go on as *data*, a longer journal that begins like this one; returns how many records were added.

        Raises:
            UpgradeError: UPG-0502: it does not begin like this one, or is damaged.
            OSError: as for ``append``.
        """
        lines, end = verified(data, self._path)
        mine = self._path.read_bytes()
        if not data.startswith(mine):
            raise _damaged(
                self._path, 0, "the cluster's copy goes on differently: another machine drove this run"
            )
        self._file.append(data[len(mine) : end])
        added = len(lines) - len(self._lines)
        self._lines = lines
        self.seal()
        return added

    def seal(self) -> None:
        """Write the length and last hash beside the journal.

        Raises:
            OSError: as for ``append``.
        """
        if self._lines:
            last = self._lines[-1]
            atomic_write(self._head, head_of(last.seq, last.h))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read_events(folder: Path) -> Sequence[RunEvent]:
    """The events of a run directory, without opening it for writing; a process may be writing there meanwhile.

    Raises:
        UpgradeError: UPG-0502.
    """
    return [line.event for line in _whole(folder)[0]]


def verified(data: bytes, path: Path) -> tuple[list[Line], int]:
    """The lines in *data* and how many bytes they are; what comes after them was never acknowledged.

    *path* is for the words of a refusal.

    Raises:
        UpgradeError: UPG-0502.
    """
    lines: list[Line] = []
    end = 0
    while end < len(data):
        stop = data.find(b"\n", end) + 1
        if not stop:
            break
        lines.append(_line(data[end:stop], lines, path))
        end = stop
    return lines, end


def head_of(seq: int, digest: str) -> bytes:
    """Content of ``journal.head`` for a journal of *seq* lines."""
    return json.dumps({"seq": seq, "h": digest}).encode()


def _whole(folder: Path) -> tuple[list[Line], int]:
    """Verified lines and their bytes. The head is read first: meanwhile a journal only grows."""
    head = _read(folder / HEAD)
    lines, end = verified(_read(folder / NAME) or b"", folder / NAME)
    check_head(folder, head, lines)
    return lines, end


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _line(raw: bytes, before: Sequence[Line], path: Path) -> Line:
    """The line in *raw*, which ends as a line ends."""
    number = len(before) + 1
    found = _FRAME.search(raw, max(len(raw) - 400, 0))
    if found is None or found.end() != len(raw):
        raise _damaged(path, number, _unlike(raw))
    digest, prev = found[1].decode(), found[2].decode()
    bare = raw[: found.start(1)] + raw[found.end(1) : -1]
    if sha256(prev.encode() + bare).hexdigest() != digest:
        raise _damaged(path, number, "it is not what was written")
    if (prev, int(found[3])) != (before[-1].h if before else _GENESIS, number):
        raise _damaged(path, number, "it is whole, but it does not follow the record before it")
    if int(found[4]) > FORMAT:
        raise _damaged(path, number, _unlike(raw))
    try:
        return decode(raw, Line)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, number, f"this release cannot read it: {error}") from error


def _unlike(raw: bytes) -> str:
    """Why this release does not take the line for one of its own."""
    try:
        version = json.loads(raw)["v"]
    except (ValueError, LookupError, TypeError, RecursionError):
        version = 0
    if isinstance(version, int) and version > FORMAT:
        return f"it is of format {version}; this release reads up to {FORMAT}"
    return "it is not what was written"


def check_head(folder: Path, data: bytes | None, lines: Sequence[Line]) -> None:
    """The records that were sealed are there; *data* is the content of ``journal.head``, None when there is none.

    Raises:
        UpgradeError: UPG-0502.
    """
    if data is None:
        if len(lines) > 1:
            raise _damaged(folder / HEAD, 0, "it is gone, so nobody can tell whether records are missing")
        return
    try:
        head = json.loads(data)
    except ValueError:
        head = None
    if not isinstance(head, dict) or not isinstance(head.get("seq"), int):
        raise _damaged(folder / HEAD, 0, "the file is not what was written")
    seq = head["seq"]
    if seq > len(lines) or seq < 1 or lines[seq - 1].h != head.get("h"):
        why = f"{seq} records were sealed, and they are not these"
        raise _damaged(folder / NAME, min(seq, len(lines) + 1), why)


def _set_aside(path: Path, whole: int) -> None:
    """Keep the torn tail beside the journal, under a name that is free."""
    data = path.read_bytes()
    names = (path.with_name(f"{TORN}{number or ''}") for number in count())
    atomic_write(next(name for name in names if not name.exists()), data[whole:])
    atomic_write(path, data[:whole])


def _damaged(path: Path, record: int, why: str) -> UpgradeError:
    place = path.parent
    return UpgradeError(
        "UPG-0502",
        f"the journal {path} is damaged",
        what=(f"record {record}: {why}" if record else why,),
        why="what a damaged record says cannot be trusted to steer a cluster",
        do=(
            "restore the file from your own copy, or take the copy that the cluster keeps:",
            f"mv {place} {place}.damaged && upgrade resume {place.name}",
        ),
        exit_code=Exit.BAD_DATA,
    )
