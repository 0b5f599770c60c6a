"""Namespaces of network, processes and mounts around a command: when it ends, however it ends, nothing of it is left.

The process that the kernel sees as number 1 in there takes all others with it, so no list of children has to be kept;
the address space of the pods and the temporary file system go with the last of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tests.bed.build import Unable

PODS = "10.244.0.0/16"
"""Every pod has an address in here, and every one is local: a process can listen on the address of any pod."""
FOLDER = "/mnt"
"""Memory is mounted over it, in there alone: a folder that every machine has, so that none has to be made and removed."""
INSIDE = "UPGRADER_BED"
"""Set in there, to the folder that goes away with it."""
_NEEDED = ("unshare", "setpriv", "ip", "mount")


def enter(command: Sequence[str]) -> NoReturn:
    """Become *command* in new namespaces.

    Args:
        command: Run as process number 1 in there, and killed when our parent dies.

    Raises:
        Unable: not root, or a tool of util-linux or iproute2 is missing.
    """
    if os.geteuid() != 0:
        raise Unable("the bed makes network namespaces and needs root")
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        raise Unable(f"the bed needs {', '.join(missing)} (util-linux, iproute2)")
    os.environ[INSIDE] = FOLDER
    space = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
    os.execvp("setpriv", ["setpriv", "--pdeathsig", "KILL", *space, *command])


def settle_in() -> Path:
    """Finish the namespaces from within: loopback, pod addresses, memory for files.

    Returns:
        The folder for everything that the bed writes.
    """
    folder = Path(os.environ[INSIDE])
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "route", "add", "local", PODS, "dev", "lo")
    _run("mount", "-t", "tmpfs", "-o", "size=8g,mode=0700", "bed", str(folder))
    return folder


def python(*arguments: str) -> list[str]:
    """This interpreter, with *arguments*."""
    return [sys.executable, *arguments]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unable(f"{' '.join(command)}: {done.stderr.strip()}")
