"""Reads that remember what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from upgrader.cluster.clean import clean_line
from upgrader.model.failures import ClusterFailure, Forbidden, Unauthorized, Unreachable
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.snapshot import Unread
from upgrader.model.step import Reader

_PATIENCE = 3
"""Requests without an answer, one after the other, after which the whole cluster counts as away."""


class Looking:
    """A reader for one survey: what it cannot read becomes an ``Unread``, never "none".

    A server that cannot be reached, or that does not know us, is no such gap: then the survey fails.

    Attributes:
        kinds: Everything served, in preferred versions.
        namespaces: Where to look when all namespaces at once is not allowed; set once they are known.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._unread: set[Unread] = set()
        self._silent = 0
        self.kinds: tuple[Kind, ...] = tuple(sorted(reader.kinds()))
        self._served = {(k.group, k.plural): k for k in self.kinds}
        self.namespaces: tuple[str, ...] = ()

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be read, sorted."""
        return tuple(sorted(self._unread, key=lambda u: (u.what, u.why, u.optional)))

    def served(self, kind: Kind) -> Kind | None:
        """*kind* in the version that the server prefers; None when it is not served."""
        return self._served.get((kind.group, kind.plural))

    def all(self, kind: Kind, namespace: str = "") -> Sequence[Obj]:
        """Every object of *kind*; namespace by namespace where only some may be read.

        Raises:
            ClusterFailure: the cluster is away, or does not accept our credentials.
        """
        served = self.served(kind)
        if served is None:
            return ()
        try:
            found = self._list(served, namespace)
        except Forbidden as refused:
            if served.namespaced and not namespace and self.namespaces:
                return self._by_namespace(served)
            self._note(_where(served, namespace), refused)
            return ()
        return found if found is not None else ()

    def one(self, ref: Ref) -> Obj | None:
        """The object; None when there is none, and when it could not be read (then it is noted)."""
        try:
            found = self._reader.get(ref)
        except ClusterFailure as trouble:
            self._survive(str(ref), trouble)
            return None
        self._silent = 0
        return found

    def also(self, kind: Kind, namespace: str = "", labels: str = "") -> Sequence[Obj] | None:
        """As ``all``, for what a plan can be made without: None when it could not be read, and then it is asked once.

        Args:
            kind: () when it is not served.
            namespace: Empty for all at once; where that is refused, they are not asked one by one.
            labels: A selector as kubectl writes it.

        Raises:
            ClusterFailure: as ``all``.
        """
        served = self.served(kind)
        if served is None:
            return ()
        try:
            return self._list(served, namespace, labels, optional=True)
        except Forbidden as refused:
            self._note(_where(served, namespace), refused, optional=True)
            return None

    def also_one(self, ref: Ref) -> Obj | None:
        """As ``one``, for what a plan can be made without."""
        what = f"{ref.kind.resource} {ref.name} in namespace {ref.namespace}"
        try:
            found = self._reader.get(ref)
        except ClusterFailure as trouble:
            self._survive(what, trouble, optional=True)
            return None
        self._silent = 0
        return found

    def illegible(self, what: str, why: str) -> None:
        """Note that something was read and cannot be understood; a plan can be made without it."""
        self._unread.add(Unread(what=what, why=clean_line(why)[:300], optional=True))

    def _list(
        self, kind: Kind, namespace: str, labels: str = "", *, optional: bool = False
    ) -> Sequence[Obj] | None:
        """None when it could not be read and that is noted; a refusal is for the caller."""
        try:
            found = self._reader.list(kind, namespace=namespace, labels=labels)
        except Forbidden:
            self._silent = 0
            raise
        except ClusterFailure as trouble:
            self._survive(_where(kind, namespace), trouble, optional=optional)
            return None
        self._silent = 0
        return found

    def _by_namespace(self, kind: Kind) -> Sequence[Obj]:
        found: list[Obj] = []
        refused: dict[str, Forbidden] = {}
        for namespace in self.namespaces:
            try:
                found += self._list(kind, namespace) or ()
            except Forbidden as no:
                refused[namespace] = no
        if len(refused) == len(self.namespaces):
            self._note(f"{kind.resource} in every namespace", next(iter(refused.values())))
            return ()
        for namespace, trouble in refused.items():
            self._note(_where(kind, namespace), trouble)
        return found

    def _survive(self, what: str, trouble: ClusterFailure, *, optional: bool = False) -> None:
        """Note it, or give up when it means that there is no cluster to survey.

        Raises:
            ClusterFailure: *trouble*.
        """
        if isinstance(trouble, Unreachable):
            self._silent += 1
            if not trouble.ambiguous or self._silent >= _PATIENCE:
                raise trouble
        elif isinstance(trouble, Unauthorized):
            raise trouble
        else:
            self._silent = 0
        self._note(what, trouble, optional=optional)

    def _note(self, what: str, trouble: ClusterFailure, *, optional: bool = False) -> None:
        self._unread.add(Unread(what=what, why=clean_line(trouble.message)[:300], optional=optional))


def named(objects: Iterable[Obj]) -> list[Obj]:
    """*objects* by namespace and name."""
    return sorted(objects, key=lambda o: (o["metadata"].get("namespace", ""), o["metadata"]["name"]))


def _where(kind: Kind, namespace: str) -> str:
    return f"{kind.resource} in namespace {namespace}" if namespace else kind.resource
