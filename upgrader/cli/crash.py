"""Where the details of a fault of ours go: to a file, never to the screen."""

from __future__ import annotations

import traceback
from pathlib import Path

import platformdirs

from upgrader.host.files import atomic_write, private_directory


def keep_traceback(error: Exception) -> Path:
    """Write the traceback to a file of the state directory; returns its path."""
    folder = Path(platformdirs.user_state_dir("upgrader"))
    path = folder / "last-fault.txt"
    try:
        private_directory(folder)
        atomic_write(path, "".join(traceback.format_exception(error)).encode())
    except Exception:  # noqa: BLE001  the fault itself is what the user must hear about
        return Path("nowhere (it could not be written)")
    return path
