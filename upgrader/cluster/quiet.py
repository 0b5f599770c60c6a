"""Silence for what belongs to a library, kept for those who ask."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

from upgrader.cluster.clean import clean_line


@contextlib.contextmanager
def quiet() -> Iterator[list[str]]:
    """Nothing of the library's logging and warnings on the terminal; yields what it logged meanwhile.

    The library logs to the root logger with ``logging.error``, which installs a handler to stderr when there is none.
    """
    said: list[str] = []
    root = logging.getLogger()
    before, root.handlers = root.handlers, [_Collecting(said)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield said
    finally:
        root.handlers = before


class _Collecting(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(clean_line(record.getMessage())[:500])
