"""The memory of decisions and evidence: hash-chained JSON Lines, on disk before anything is done about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import msgspec

from upgrader.host.files import Appender, atomic_write
from upgrader.model.codec import decode, encode
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import RunEvent

FORMAT = 1
NAME = "journal.jsonl"
HEAD = "journal.head"
_GENESIS = "0" * 64


class Journal(Protocol):
    """What the engine needs of a journal."""

    def append(self, event: RunEvent, /) -> None:
        """Returns after the event is on disk."""
        ...

    def events(self) -> Sequence[RunEvent]:
        """Everything so far, oldest first."""
        ...

    def seal(self) -> None:
        """Remember the length, so that a cut at a line's end is noticed."""
        ...


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: ``h`` is the SHA-256 of ``prev`` and of the line without ``h``."""

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
        lines, whole = _read(self._path)
        _check_head(self._head, lines)
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

    def events(self) -> Sequence[RunEvent]:
        """Everything so far, oldest first."""
        return [line.event for line in self._lines]

    def seal(self) -> None:
        """Write the length and last hash beside the journal."""
        if self._lines:
            last = self._lines[-1]
            atomic_write(self._head, json.dumps({"seq": last.seq, "h": last.h}).encode())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read_events(folder: Path) -> Sequence[RunEvent]:
    """The events of a run directory, without opening it for writing.

    Raises:
        UpgradeError: UPG-0502.
    """
    lines, _ = _read(folder / NAME)
    _check_head(folder / HEAD, lines)
    return [line.event for line in lines]


def _read(path: Path) -> tuple[list[Line], int]:
    """The verified lines and how many bytes they are."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    lines: list[Line] = []
    end = 0
    for raw in _pieces(data):
        line = _line(raw, lines, path)
        if line is None and end + len(raw) == len(data) and not raw.endswith(b"\n"):
            break
        if line is None:
            raise _damaged(path, len(lines) + 1, "it is not what was written")
        lines.append(line)
        end += len(raw)
    return lines, end


def _pieces(data: bytes) -> Iterator[bytes]:
    yield from data.splitlines(keepends=True) if b"\r" not in data else [data]


def _line(raw: bytes, before: Sequence[Line], path: Path) -> Line | None:
    """The line, or None when it is torn or altered."""
    if not raw.endswith(b"\n"):
        return None
    version = _version(raw)
    if version > FORMAT:
        raise _damaged(path, len(before) + 1, f"it is of format {version}; this release reads up to {FORMAT}")
    try:
        line = decode(raw, Line)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    prev = before[-1].h if before else _GENESIS
    right = line.prev == prev and line.seq == len(before) + 1 and line.sealed().h == line.h
    return line if right and encode(line) + b"\n" == raw else None


def _version(raw: bytes) -> int:
    try:
        found: Any = json.loads(raw)
    except ValueError:
        return 0
    version = found.get("v") if isinstance(found, dict) else None
    return version if isinstance(version, int) else 0


def _check_head(path: Path, lines: Sequence[Line]) -> None:
    try:
        head = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        head = None
    if not isinstance(head, dict) or not isinstance(head.get("seq"), int):
        raise _damaged(path, 0, "the file is not what was written")
    seq = head["seq"]
    if seq > len(lines) or seq < 1 or lines[seq - 1].h != head.get("h"):
        raise _damaged(
            path.parent / NAME, min(seq, len(lines) + 1), f"{seq} records were sealed, and they are not these"
        )


def _set_aside(path: Path, whole: int) -> None:
    data = path.read_bytes()
    atomic_write(path.with_name("journal.torn"), data[whole:])
    atomic_write(path, data[:whole])


def _damaged(path: Path, record: int, why: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0502",
        f"the journal {path} is damaged",
        what=(f"record {record}: {why}" if record else why,),
        why="what a damaged record says cannot be trusted to steer a cluster",
        do=(
            "upgrade resume RUN --from-cluster      # the copy that the cluster keeps",
            "or restore the file from your own copy",
        ),
        exit_code=Exit.BAD_DATA,
    )
