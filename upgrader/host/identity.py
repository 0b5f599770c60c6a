"""Who runs this process, so that another person can tell and another process can check."""

from __future__ import annotations

import getpass
import os
import socket
from hashlib import sha256
from pathlib import Path


def who() -> str:
    """This process: ``user@host/pid:start/boot``; a reused pid has another start, a namesake of the host another boot."""
    pid = os.getpid()
    return f"{person()}/{pid}:{_start_of(pid)}/{_boot()}"


def person() -> str:
    """The person and the machine: ``ana@bastion-2``."""
    return f"{_user()}@{socket.gethostname()}"


def is_alive(holder: str) -> bool | None:
    """Whether the process that called itself *holder* still runs; None when it is on another machine or unreadable."""
    place, _, rest = holder.partition("/")
    process, _, boot = rest.partition("/")
    host = place.rpartition("@")[2]
    pid, _, start = process.partition(":")
    if host != socket.gethostname() or boot != _boot() or not pid.isdigit():
        return None
    now = _start_of(int(pid))
    if now == "0":
        return _answers(int(pid)) if start == "0" else False
    return now == start


def _boot() -> str:
    """Tells this start of this machine, and this container on it, from all others: a pid means something only there.

    ``-`` where the system does not say (no /proc).
    """
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text() + os.readlink("/proc/self/ns/pid")  # noqa: PTH115
    except OSError:
        return "-"
    return sha256(text.encode()).hexdigest()[:6]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _start_of(pid: int) -> str:
    """Start time in ticks since boot; ``0`` where the system does not say (no /proc) or the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "0"
    return text.rpartition(")")[2].split()[19]


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
