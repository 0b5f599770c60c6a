"""Everything that ends a command with a message: code, facts, reason, way out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """Process exit statuses: one per class of next action.

    3, 4, 7, 8 and 64 to 78 promise that this call changed nothing.
    """

    OK = 0
    ERROR = 1
    CHANGES = 2
    BLOCKED = 3
    STALE = 4
    GATE_FAILED = 5
    STEP_FAILED = 6
    LOCKED = 7
    DECLINED = 8
    TIMEOUT = 9
    WAITING = 10
    USAGE = 64
    BAD_DATA = 65
    UNAVAILABLE = 69
    NO_PERMISSION = 77
    CONFIG = 78
    HANGUP = 129
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    TERMINATED = 143


class UpgradeError(Exception):
    """Ends a command. Rendered as ``error CODE: headline`` with what, why, do and more.

    Args:
        code: UPG-NNNN, stable across releases, with a page that ``upgrade explain`` prints.
        headline: What happened, one line, no internals.
        what: The facts: objects, counts, values seen and expected; one a line.
        why: Why this is a problem here, or whose rule it is.
        do: Commands or edits that fix it, ready to copy; one a line.
        exit_code: Class of next action.
        left: Last line before the exit code; defaults to "Nothing was changed."
    """

    def __init__(
        self,
        code: str,
        headline: str,
        *,
        what: Sequence[str] = (),
        why: str = "",
        do: Sequence[str] = (),
        exit_code: Exit,
        left: str = "Nothing was changed.",
    ) -> None:
        super().__init__(f"{code}: {headline}")
        self.code = code
        self.headline = headline
        self.what = tuple(what)
        self.why = why
        self.do = tuple(do)
        self.exit_code = exit_code
        self.left = left
