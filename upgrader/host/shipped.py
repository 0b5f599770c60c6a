"""Where the data that comes with the program is: in the wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def playbooks() -> Path:
    """The folder with one sub-folder per shipped playbook."""
    return _find("playbooks")


def schemas() -> Path:
    """The folder with the JSON Schema of each stored file."""
    return _find("state/schema")


def _find(name: str) -> Path:
    wheel = _PACKAGE / "_shipped" / name
    return wheel if wheel.is_dir() else _PACKAGE.parent / name
