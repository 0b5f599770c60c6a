"""The objects of a snapshot by kind, as patterns ask for them; each kind is put together once, when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import msgspec

from upgrader.catalog.advisories import KUBERNETES
from upgrader.catalog.advisory import Pattern
from upgrader.checks.advisories.matching import labels_test, name_test, needs, places
from upgrader.checks.advisories.settings import Seen, seen
from upgrader.checks.advisories.views import VIEWS
from upgrader.checks.context import Context
from upgrader.checks.scope import moving, stays
from upgrader.model.injection import injection
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import CustomResource, Document, Snapshot, Workload
from upgrader.model.version import Version


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
        self._texts: dict[str, list[bytes]] = {}
        self._joined: dict[str, bytes] = {}
        self._pieces: dict[tuple[str, bytes], bool] = {}
        self._injected: dict[tuple[str, int], bool] = {}

    def objects(self, kind: str) -> tuple[Seen, ...]:
        """Every object of *kind*, which is one of the views, ``Kind`` or ``Kind.group``."""
        self.asked[kind] = None
        if kind not in self._made:
            self._made[kind] = tuple(self._make(kind))
        return self._made[kind]

    def hits(self, pattern: Pattern) -> Iterator[Hit]:
        """Where *pattern* holds, in the order of the snapshot."""
        named, placed = name_test(pattern.name), name_test(pattern.namespace)
        labelled, look = labels_test(pattern.selector), _remembering(places(pattern))
        for one in self._candidates(pattern):
            held = look(one)
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
        wanted = [*needs(pattern)]
        if not all(any(self._has(pattern.kind, piece) for piece in pieces) for pieces in wanted):
            return ()
        found = [*zip(objects, self._texts.get(pattern.kind, ()), strict=bool(wanted))]
        for pieces in wanted:
            if len(pieces) == 1:
                [piece] = pieces
                found = [pair for pair in found if piece in pair[1]]
            else:
                found = [pair for pair in found if any(piece in pair[1] for piece in pieces)]
        return [one for one, _ in found] if wanted else objects

    def _has(self, kind: str, piece: bytes) -> bool:
        if kind not in self._texts:
            self._texts[kind] = [msgspec.json.encode(one.body) for one in self.objects(kind)]
            self._joined[kind] = b"\n".join(self._texts[kind])
        if (kind, piece) not in self._pieces:
            self._pieces[kind, piece] = piece in self._joined[kind]
        return self._pieces[kind, piece]

    def _make(self, kind: str) -> Iterator[Seen]:
        if kind == "Workload":
            yield from (
                one for one in VIEWS[kind](self.mesh, self.revisions) if not self._stays(one.workload)
            )
        elif kind in VIEWS:
            yield from VIEWS[kind](self.mesh, self.revisions)
        for one in self._by_kind.get(kind, ()):
            ref, body = one.ref, one.body
            if "metadata" not in body and isinstance(one, Document):
                body = _with_metadata(one)
            yield seen(str(ref), ref.name, ref.namespace, body, labels=one.labels)

    def _stays(self, workload: Workload | None) -> bool:
        return workload is not None and stays(self._context, workload.ref.namespace, workload.ref.name)

    @cached_property
    def _by_kind(self) -> dict[str, list[CustomResource | Document]]:
        """By kind as patterns name it: Kubernetes's own kinds without their group."""
        found: dict[tuple[str, str], list[CustomResource | Document]] = {}
        every: tuple[CustomResource | Document, ...] = (*self.mesh.resources, *self.mesh.documents)
        for one in every:
            kind = one.ref.kind
            found.setdefault((kind.kind, kind.group), []).append(one)
        named: dict[str, list[CustomResource | Document]] = {}
        for (name, group), objects in found.items():
            ours = isinstance(objects[0], Document) and name in KUBERNETES
            named.setdefault(name if ours else f"{name}.{group}", []).extend(objects)
        return named

    def _gets_a_sidecar(self, one: Seen) -> bool:
        workload = one.workload
        if workload is None:
            return False
        key = workload.ref.namespace, id(one.body)
        if key not in self._injected:
            self._injected[key] = bool(self._injection(workload))
        return self._injected[key]

    def _injection(self, workload: Workload) -> str:
        return injection(
            workload.ref.namespace,
            self._labels.get(workload.ref.namespace, {}),
            workload.template_labels,
            workload.template_annotations,
            workload.host_network,
            self.mesh.injectors,
            {p.revision: p.version for p in self.mesh.control_planes},
        ).winner

    @cached_property
    def _labels(self) -> dict[str, dict[str, str]]:
        return {n.name: n.labels for n in self.mesh.namespaces}


def _with_metadata(document: Document) -> Obj:
    metadata = {"name": document.ref.name, "namespace": document.ref.namespace}
    told = {"labels": document.labels, "annotations": document.annotations}
    return {**document.body, "metadata": metadata | told}


def _remembering(look: Callable[[object], list[str]]) -> Callable[[Seen], list[str]]:
    """Pod templates of one content share one body: they are looked at once."""
    known: dict[int, list[str]] = {}

    def remembered(one: Seen) -> list[str]:
        if one.workload is None:
            return look(one.body)
        key = id(one.body)
        if key not in known:
            known[key] = look(one.body)
        return known[key]

    return remembered
