"""Files that survive a crash and that nobody else reads."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from upgrader.model.errors import Exit, UpgradeError

_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC


def private_directory(path: Path) -> Path:
    """Make *path* and what is missing above it (mode 0700), or accept it as it is when only we can write there.

    Raises:
        UpgradeError: UPG-0503: it is a link, belongs to somebody else, others may write there, or cannot be made.
    """
    try:
        for above in [*reversed(path.parents), path]:
            if not above.exists():
                above.mkdir(mode=0o700, exist_ok=True)
        seen = path.lstat()
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if not stat.S_ISDIR(seen.st_mode):
        raise _unusable(path, "it is a link or a file, not a folder")
    if seen.st_uid != os.geteuid():
        raise _unusable(path, f"it belongs to user id {seen.st_uid}, not to {os.geteuid()}")
    if seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _unusable(path, f"others may write there (mode {stat.S_IMODE(seen.st_mode):04o})")
    return path


def inside(folder: Path, name: str) -> Path:
    """The place *name* in *folder*.

    Raises:
        ValueError: it leads out of the folder, also by a link.
    """
    place = folder / name
    if not place.resolve().is_relative_to(folder.resolve()) or place.resolve() == folder.resolve():
        raise ValueError(f"{name} leads out of {folder}")
    return place


def atomic_write(path: Path, data: bytes) -> None:
    """Afterwards *path* holds all of *data* (mode 0600), or what it held before; never a part.

    Raises:
        OSError: the disk is full, the folder is gone …; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600)
    try:
        try:
            _write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Names in *path* are on disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Appender:
    """A file that only grows; each piece is on disk when ``append`` returns.

    After one failed write nothing more is accepted: what the kernel dropped cannot be synced a second time.

    Raises:
        OSError: the file cannot be opened, is a link, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        fresh = not path.exists()
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _OPEN, 0o600)
        self._poisoned = False
        if fresh:
            os.fsync(self._fd)
            sync_directory(path.parent)

    def append(self, data: bytes) -> None:
        """Write *data* at the end and wait for the disk.

        Raises:
            OSError: now, or at an earlier append.
        """
        if self._poisoned:
            raise OSError("an earlier write failed; nothing more is written")
        try:
            append_sync(self._fd, data)
        except OSError:
            self._poisoned = True
            raise

    def close(self) -> None:
        """Let go of the file; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


def append_sync(fd: int, data: bytes) -> None:
    """All of *data* is written to *fd* and on disk."""
    _write_all(fd, data)
    getattr(os, "fdatasync", os.fsync)(fd)


class FileLock:
    """One holder per file, on this machine; the kernel releases it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def acquire(self, holder: str) -> bool:
        """Take the lock and leave *holder* in the file; False when another process has it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | _OPEN, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        _write_all(fd, holder.encode())
        self._fd = fd
        return True

    def holder(self) -> str:
        """What the last holder left; empty when nobody ever held it."""
        try:
            return self._path.read_text(errors="replace").strip()
        except FileNotFoundError:
            return ""

    def release(self) -> None:
        """Give it back; harmless when it is not held."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _unusable(path: Path, reason: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0503",
        f"the folder {path} cannot hold records",
        what=(reason,),
        why="records of a run name what is in your cluster and steer what is done next: only you may write them",
        do=(f"chmod 700 {path}", "or name another folder with --state DIR"),
        exit_code=Exit.CONFIG,
    )
