"""What could not be read is pending, never a pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from upgrader.model.failures import ClusterFailure
from upgrader.model.step import Reader, Reading

P = TypeVar("P")


def pending_if_unread(look: Callable[[P, Reader], Reading]) -> Callable[[P, Reader], Reading]:
    """A look that turns every failure of the cluster into a pending reading with its words."""

    @wraps(look)
    def careful(probe: P, cluster: Reader) -> Reading:
        try:
            return look(probe, cluster)
        except ClusterFailure as failure:
            return could_not_read(failure)

    return careful


def could_not_read(failure: ClusterFailure, what: str = "") -> Reading:
    """The reading for *failure* while asking for *what* (the request when empty)."""
    return Reading.pending(f"could not read {what or failure.request or 'the cluster'}: {failure.message}")
