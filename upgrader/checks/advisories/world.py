"""The objects of a snapshot by kind, as patterns ask for them; each kind is put together once, when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

from upgrader.catalog.advisories import KUBERNETES
from upgrader.catalog.advisory import Pattern
from upgrader.checks.advisories.matching import labels_test, name_test, needs, places
from upgrader.checks.advisories.settings import Seen
from upgrader.checks.advisories.views import VIEWS
from upgrader.checks.context import Context
from upgrader.checks.scope import moving, stays
from upgrader.model.injection import Injectors
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import CustomResource, Document, Snapshot, Workload
from upgrader.model.version import Version

_LINES = msgspec.json.Encoder()
_SAMPLE = 65_536
"""Bytes; enough to tell common words from others."""


class Hit(msgspec.Struct, frozen=True, order=True):
    """One object that is concerned, and where in it: ``VirtualService shop/cart``, ``spec.hosts[0]``."""

    title: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.title} {self.where}".rstrip()


class World:
    """A snapshot, seen from one plan: what stays behind is left out, and so are revisions that the plan does not leave."""

    def __init__(self, mesh: Snapshot, context: Context) -> None:
        self.mesh = mesh
        self._context = context
        self.path = context.path
        """Versions on the way; the first one runs."""
        self.revisions = moving(mesh, context)
        """Those that the plan leaves."""
        self.asked: dict[str, None] = {}
        """Kinds that somebody asked for since this was emptied last."""
        self._made: dict[str, tuple[Seen, ...]] = {}
        self._joined: dict[str, bytes] = {}
        self._texts: dict[str, list[bytes]] = {}
        self._counts: dict[tuple[str, bytes], int] = {}

    def objects(self, kind: str) -> tuple[Seen, ...]:
        """Every object of *kind*, which is one of the views, ``Kind`` or ``Kind.group``."""
        self.asked[kind] = None
        if kind not in self._made:
            self._made[kind] = tuple(self._make(kind))
        return self._made[kind]

    def hits(self, pattern: Pattern) -> Iterator[Hit]:
        """Where *pattern* holds, in the order of the snapshot."""
        named, placed = name_test(pattern.name), name_test(pattern.namespace)
        labelled, look = labels_test(pattern.selector), places(pattern)
        for one in self._candidates(pattern):
            held = look(one.body)
            if not held or not (named(one.name) and placed(one.namespace) and labelled(one.labels)):
                continue
            if isinstance(pattern.injected, bool) and self._gets_a_sidecar(one) is not pattern.injected:
                continue
            yield from (Hit(one.title, f"{one.inside}{where}" if where else "") for where in held)

    def target(self, minor: str) -> Version | None:
        """The release of *minor* that the plan leads to or over; None when it does not."""
        return next((v for v in self.path[1:] if v.series == minor), None)

    def holds(self, pattern: Pattern) -> bool:
        """Whether it holds for any object."""
        return next(self.hits(pattern), None) is not None

    def _candidates(self, pattern: Pattern) -> Sequence[Seen]:
        """The objects that have every key and value which *pattern* cannot do without.

        Most changes are about fields that a mesh does not use. Looking for a word in the JSON of thousands of objects
        takes less than a walk into a few of them.
        """
        objects = self.objects(pattern.kind)
        wanted: list[list[bytes]] = []
        for pieces in reversed([*needs(pattern)]):  # the innermost is the rarest
            wanted.append([piece for piece in pieces if self._seldom(pattern.kind, piece)])
            if not wanted[-1]:
                return ()
        if not wanted:
            return objects
        found = [*zip(self._lines(pattern.kind), objects, strict=True)]
        for first, *others in sorted(
            wanted, key=lambda some: sum(self._seldom(pattern.kind, p) for p in some)
        ):
            found = [
                pair
                for pair in found
                if first in pair[0] or (others and any(piece in pair[0] for piece in others))
            ]
        return [one for _, one in found]

    def _seldom(self, kind: str, piece: bytes) -> int:
        """How often *piece* is at the beginning of the JSON of all objects of *kind*, and 1; 0 when it is nowhere."""
        if (kind, piece) not in self._counts:
            text = self._text(kind)
            self._counts[kind, piece] = 1 + text.count(piece, 0, _SAMPLE) if piece in text else 0
        return self._counts[kind, piece]

    def _text(self, kind: str) -> bytes:
        """JSON of all objects of *kind*, a line for each."""
        if kind not in self._joined:
            self._joined[kind] = _LINES.encode_lines([one.body for one in self.objects(kind)])
        return self._joined[kind]

    def _lines(self, kind: str) -> list[bytes]:
        if kind not in self._texts:
            self._texts[kind] = self._text(kind).split(b"\n")[:-1]
        return self._texts[kind]

    def _make(self, kind: str) -> Iterator[Seen]:
        if kind in VIEWS:
            view = VIEWS[kind](self.mesh, self.revisions)
            yield from (one for one in view if not self._stays(one.workload))
        name, _, group = kind.partition(".")
        for resource in self.mesh.resources_of(group, name):
            yield _object(resource, resource.body)
        for document in self.mesh.documents_of(name):
            if group == ("" if name in KUBERNETES else document.ref.kind.group):
                body = document.body if "metadata" in document.body else _with_metadata(document)
                yield _object(document, body)

    def _stays(self, workload: Workload | None) -> bool:
        if workload is None or not self._context.excluded:
            return False
        return stays(self._context, workload.ref.namespace, workload.ref.name)

    def _gets_a_sidecar(self, one: Seen) -> bool:
        return one.workload is not None and bool(self._injectors.next_proxy(self.mesh, one.workload).winner)

    @cached_property
    def _injectors(self) -> Injectors:
        return Injectors.of(self.mesh)


def _object(one: CustomResource | Document, body: Obj) -> Seen:
    ref = one.ref
    return Seen(of=ref, name=ref.name, namespace=ref.namespace, body=body, labels=one.labels)


def _with_metadata(document: Document) -> Obj:
    metadata = {"name": document.ref.name, "namespace": document.ref.namespace}
    told = {"labels": document.labels, "annotations": document.annotations}
    return {**document.body, "metadata": metadata | told}
