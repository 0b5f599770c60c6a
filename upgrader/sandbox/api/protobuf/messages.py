"""Which fields the built-in kinds have: number, name and type of each, as data in ``messages.txt``.

A line is ``Message number:name:type:patch ...``; a deeper line continues it. No type is a string. ``[]T`` is a list,
``{}T`` a map from strings, ``<[]T`` a list wrapped in a message, ``^T`` lies in the message itself in JSON, ``!`` is
written even when zero. The patch is the strategy and, after a slash, the merge key. Facts from ``types.go`` of k8s.io/api.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

PACKAGES = {
    "meta": "io.k8s.apimachinery.pkg.apis.meta",
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
}
"""Where definitions live that are not under ``io.k8s.api``."""


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        name: In JSON; empty when the message's own fields stand in its owner.
        type: A scalar word, or the full name of a message (``core.v1.Pod``), behind the marks of the table.
        keep: A zero is a value, not the same as absence.
        strategy: Of strategic merge: ``merge``, ``retainKeys`` or both joined by ``+``.
        key: Merge key of a list.
    """

    number: int
    name: str
    type: str = "string"
    keep: bool = False
    strategy: str = ""
    key: str = ""


Message = Mapping[int, Field]


@cache
def messages() -> Mapping[str, Message]:
    """Every message by full name, its fields by number."""
    found: dict[str, dict[int, Field]] = {}
    package, current = "", ""
    text = files("upgrader.sandbox.api.protobuf").joinpath("messages.txt").read_text("utf-8")
    for line in text.splitlines():
        words = line.split()
        if line.startswith("["):
            package = line.strip("[]")
            continue
        if words and not line.startswith(" "):
            current = f"{package}.{words.pop(0)}"
            found[current] = {}
        for word in words:
            field = _field(package, word)
            found[current][field.number] = field
    return found


def _field(package: str, word: str) -> Field:
    number, name, kind, patch = ([*word.split(":"), "", ""])[:4]
    strategy, _, key = patch.partition("/")
    keep = kind.startswith("!")
    kind = kind.removeprefix("!") or "string"
    bare = kind.lstrip("[]{}<^")
    if bare[:1].isupper():
        kind = kind[: len(kind) - len(bare)] + f"{package}.{bare}"
    return Field(int(number), name, kind, keep, strategy, key)


def message_of(group: str, version: str, kind: str) -> str | None:
    """Full name of the message of a kind; another version's when this one is not in the table, None for unknown kinds."""
    package = group.partition(".")[0] or "core"
    wanted = f"{package}.{version}.{kind}"
    known = messages()
    if wanted in known:
        return wanted
    return next(
        (f"{package}.{other}.{kind}" for other in ("v2", "v1") if f"{package}.{other}.{kind}" in known), None
    )


def definition_name(message: str) -> str:
    """The name of a message in OpenAPI documents."""
    package, rest = message.split(".", 1)
    return f"{PACKAGES.get(package, f'io.k8s.api.{package}')}.{rest}"
