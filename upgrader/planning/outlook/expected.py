"""What a plan says of its own restarts and of its own time."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from upgrader.checks.restarts.restart import Range, Restart

Source = Literal["seen", "read", "playbook", "assumed", "unknown"]
"""Where a fact is from. ``seen``: the pods that run now tell it. ``read``: it is written in the cluster. ``playbook``: somebody
decided it. ``assumed``: nothing told, so a usual value is taken. ``unknown``: it is in no number here."""


class Basis(msgspec.Struct, frozen=True):
    """One thing that an estimate rests on."""

    source: Source
    words: str


class WaveTime(msgspec.Struct, frozen=True, kw_only=True):
    """The time of one wave.

    Attributes:
        length: The whole of it; how long people take to approve is not in it.
        restarts: What of it is for restarts; several at a time as the playbook says.
        soak: What of it is for soaking.
        slowest: The workload that takes longest.
    """

    wave: str
    length: Range
    restarts: Range = Range()
    soak: timedelta = timedelta(0)
    approvals: int = 0
    slowest: str = ""


class HopTime(msgspec.Struct, frozen=True, kw_only=True):
    """The time of one hop."""

    hop: int
    length: Range
    approvals: int = 0
    waves: tuple[WaveTime, ...] = ()


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The time of the plan, and what that rests on."""

    length: Range
    approvals: int = 0
    hops: tuple[HopTime, ...] = ()
    basis: tuple[Basis, ...] = ()


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """When most pods run beside those that run now.

    Attributes:
        pods: How many there are at most.
        cpu, memory: What these request together: cores, bytes.
        free_cpu, free_memory: What the nodes have left, as far as what runs there was seen; None where no node was read.
    """

    hop: int
    wave: str
    pods: int
    cpu: float = 0
    memory: float = 0
    free_cpu: float | None = None
    free_memory: float | None = None


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What the restarts of a plan mean.

    Attributes:
        restarts: One for each workload whose pods are replaced, in the order of the plan.
        unknown: What could not be read, and what is not known therefore.
    """

    restarts: tuple[Restart, ...] = ()
    peak: Peak | None = None
    unknown: tuple[str, ...] = ()
