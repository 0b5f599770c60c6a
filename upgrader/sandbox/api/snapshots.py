"""Lists that were begun and not finished, as they stood when the first page was read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from upgrader.sandbox.store import Entry

_KEPT = 64

Place = tuple[str, str, str | None, int]
"""(group, plural, namespace, revision)."""


class Snapshots:
    """Entries by place and revision; the least used of more than 64 are forgotten."""

    def __init__(self) -> None:
        self._lists: OrderedDict[Place, Sequence[Entry]] = OrderedDict()

    def keep(self, place: Place, entries: Sequence[Entry]) -> None:
        """Remember a list; the store replaces its lists instead of changing them, so this costs nothing."""
        self._lists[place] = entries
        self._lists.move_to_end(place)
        if len(self._lists) > _KEPT:
            self._lists.popitem(last=False)

    def find(self, place: Place) -> Sequence[Entry] | None:
        """The list as it stood, or None when it is forgotten."""
        return self._lists.get(place)
