"""What happens in a run: one frozen value per event, the closed union that journal and renderers share.

Stored names (the tags) are chosen once and never change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from upgrader.model.kinds import Obj, Ref
from upgrader.model.step import Reading

Result = Literal["done", "already", "elsewhere", "skipped", "failed", "unknown"]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    at: datetime


class RunOpened(_Event, frozen=True, kw_only=True, tag="run-opened"):
    """First event: which plan, where, by whom."""

    run: str
    plan: str
    plan_digest: str
    cluster: str
    holder: str
    tool: str
    direction: Literal["forward", "back"] = "forward"


class LockTaken(_Event, frozen=True, kw_only=True, tag="lock-taken"):
    """The Lease is ours; *epoch* grows at each change of holder."""

    holder: str
    epoch: int


class LockLeft(_Event, frozen=True, kw_only=True, tag="lock-left"):
    """The Lease was released."""

    holder: str


class PhaseEntered(_Event, frozen=True, kw_only=True, tag="phase-entered"):
    """The state machine moved; written before it moves.

    Attributes:
        plan: Digest of the plan that is carried out from now on, where that is another one: for ``roll_back`` only.
    """

    phase: str
    trigger: str
    hop: int
    plan: str = ""


class StepStarted(_Event, frozen=True, kw_only=True, tag="step-started"):
    """A step or gate began; ``back`` steps of a rollback have ids such as ``b.03``."""

    step: str
    title: str
    wave: str = ""
    hop: int = 0


class Intent(_Event, frozen=True, kw_only=True, tag="intent"):
    """On disk before a change is sent. Equal ``op`` ties the outcome to it.

    Attributes:
        op: Unique in the run: ``h1.04-1``.
        verb: ``apply``, ``create``, ``patch``, ``replace``, ``delete`` or ``save``.
        ref: The object; None for a file.
        path: The file; empty for an object.
        digest: SHA-256 of the whole change, so that nothing of a manifest is repeated here.
        body: The patch itself, for patches only: labels and annotations that we own, replicas, webhook targets.
        epoch: Of the Lease, so that a later holder's writes can be told from ours.
    """

    op: str
    step: str
    verb: str
    ref: Ref | None = None
    path: str = ""
    digest: str
    body: Obj = {}
    epoch: int = 0


class Outcome(_Event, frozen=True, kw_only=True, tag="outcome"):
    """What became of an intent."""

    op: str
    result: Literal["committed", "refused", "conflict", "unknown"]
    detail: str = ""


class StepProgress(_Event, frozen=True, kw_only=True, tag="step-progress"):
    """What a step waits for; written only when the words change."""

    step: str
    summary: str


class Looked(_Event, frozen=True, kw_only=True, tag="looked"):
    """One probe's reading, as evidence."""

    step: str
    probe: str
    reading: Reading


class StepSettled(_Event, frozen=True, kw_only=True, tag="step-settled"):
    """The step is over and true (or skipped with a reason)."""

    step: str
    result: Result
    reading: Reading
    seconds: float = 0.0


class StepHalted(_Event, frozen=True, kw_only=True, tag="step-halted"):
    """The step failed or its deadline passed; the run stays open."""

    step: str
    code: str
    headline: str
    what: tuple[str, ...] = ()


class ApprovalAwaited(_Event, frozen=True, kw_only=True, tag="approval-awaited"):
    """A manual gate waits for a person."""

    step: str
    message: str
    confirm: str = ""


class Approved(_Event, frozen=True, kw_only=True, tag="approved"):
    """A person passed a manual gate."""

    step: str
    by: str
    confirm: str = ""


class DriftSeen(_Event, frozen=True, kw_only=True, tag="drift-seen"):
    """The cluster no longer fits the record; nothing was done about it."""

    subject: str
    expected: str
    found: str


class Interrupted(_Event, frozen=True, kw_only=True, tag="interrupted"):
    """A signal (or a lost terminal) stopped the run at a safe point."""

    signal: str
    in_flight: tuple[str, ...] = ()


class RunClosed(_Event, frozen=True, kw_only=True, tag="run-closed"):
    """Last event of a run that reached its end: done or rolled back."""

    result: Literal["done", "rolled-back"]


RunEvent = (
    RunOpened
    | LockTaken
    | LockLeft
    | PhaseEntered
    | StepStarted
    | Intent
    | Outcome
    | StepProgress
    | Looked
    | StepSettled
    | StepHalted
    | ApprovalAwaited
    | Approved
    | DriftSeen
    | Interrupted
    | RunClosed
)
