"""What a check says."""

from __future__ import annotations

from enum import Enum

import msgspec


class Severity(Enum):
    """``blocked`` stops a plan, ``advisory`` never changes an exit code."""

    OK = "ok"
    ADVISORY = "advisory"
    BLOCKED = "blocked"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a check found.

    Attributes:
        code: UPG-NNNN.
        subject: ``shop/search``, ``Namespace shop``: what ``--allow CODE:SUBJECT`` names; empty for the whole mesh.
        summary: One line without the code; starts with the subject.
        what: Further facts, one a line.
        why: Why it is a problem here, or whose rule it is.
        do: Commands or edits that fix it, one a line.
        hop: 1-based hop it belongs to; 0 when it holds for all.
        allowable: Whether ``--allow`` may turn the block into a recorded exception.
        allowed: The reason somebody gave; only then a blocked finding does not block.
        objects: Every object concerned, for grouping; at least the subject.
    """

    code: str
    severity: Severity
    subject: str
    summary: str
    what: tuple[str, ...] = ()
    why: str = ""
    do: tuple[str, ...] = ()
    hop: int = 0
    allowable: bool = False
    allowed: str = ""
    objects: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether a plan with this finding can not be applied."""
        return self.severity is Severity.BLOCKED and not self.allowed
