"""Values that could be secrets, left out of what is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "(not kept)"
"""Stands where a value was that could be a secret."""
_SECRET = re.compile(
    r"(?:token|passw(?:or)?d|api[_-]?key|private[_-]?key|access[_-]?key|client[_-]?secret|authorization|credentials?|cookie)$",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(r"^(--?[\w.-]+?)[= ](.*)$", re.DOTALL)


def is_secret(name: str) -> bool:
    """Whether a setting of that name is likely to be a secret: ``accessToken``, ``LIGHTSTEP_TOKEN``, ``password``."""
    return _SECRET.search(name) is not None


def unsecret(value: Any) -> Any:
    """*value* with ``HIDDEN`` in place of every text whose key (or whose ``name`` beside ``value``) speaks of a secret.

    Mesh configurations and values of charts hold such: access tokens of tracing backends, headers of exporters.
    What YAML knows and JSON does not (dates, keys that are numbers) comes out as text.
    """
    if isinstance(value, Mapping):
        named = is_secret(str(value.get("name", "")))
        return {
            str(key): HIDDEN
            if isinstance(one, str) and one and (is_secret(str(key)) or (named and key == "value"))
            else unsecret(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [unsecret(one) for one in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def unargued(words: Iterable[Any]) -> list[str]:
    """Arguments of a program with ``HIDDEN`` in place of what follows an option that speaks of a secret."""
    kept: list[str] = []
    hide = False
    for word in map(str, words):
        split = _ARGUMENT.match(word)
        if hide:
            kept.append(HIDDEN)
        elif split and is_secret(split[1]):
            kept.append(f"{split[1]}={HIDDEN}")
        else:
            kept.append(word)
        hide = not hide and word.startswith("-") and "=" not in word and is_secret(word)
    return kept
