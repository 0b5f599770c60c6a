"""The near miss of an error: what comes close to it, and is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from upgrader.model.errors import UpgradeError


@contextmanager
def accepts(code: str) -> Iterator[None]:
    """What is done here does not end in *code*, nor in any other error."""
    try:
        yield
    except UpgradeError as error:
        raise AssertionError(f"{error.code}, which comes close to {code}: {error.headline}") from error
