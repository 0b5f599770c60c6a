"""Nested objects as dotted paths and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def leaves(found: Any, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is no mapping, with its path; empty mappings are nothing, lists are one value."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from leaves(value, (*above, str(key)))
    elif found is not None:
        yield above, found


def at(found: Any, path: Path) -> Any:
    """What is there; None when nothing is."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def put(found: dict[str, Any], path: Path, value: Any) -> None:
    """Set it, making what is missing above it."""
    for key in path[:-1]:
        found = found.setdefault(key, {})
    found[path[-1]] = value
