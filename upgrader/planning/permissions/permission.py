"""One right, as RBAC knows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from upgrader.model.kinds import POD, REPLICA_SET, Kind, Ref


class Permission(msgspec.Struct, frozen=True, order=True):
    """One right.

    Attributes:
        verb: As RBAC says it: ``patch``.
        namespace: Empty for cluster-wide objects, and for all namespaces.
        name: Empty for every name, as for ``list`` and for what is created by a POST, whose URL has no name.
    """

    verb: str
    kind: Kind
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.kind.resource}{f' {self.name}' if self.name else ''}{where}"

    @property
    def resource(self) -> tuple[str, str]:
        """Group and plural: RBAC knows no versions."""
        return self.kind.group, self.kind.plural

    def broader(self) -> Iterator[tuple[str, tuple[str, str], str, str]]:
        """Everything that contains it, as verb, resource, namespace and name; itself first."""
        for namespace in dict.fromkeys((self.namespace, "")):
            for name in dict.fromkeys((self.name, "")):
                yield self.verb, self.resource, namespace, name


def smallest(found: Iterable[Permission]) -> tuple[Permission, ...]:
    """*found* sorted, without repetitions and without what a broader one of them contains."""
    known = {next(p.broader()): p for p in sorted(found, reverse=True)}
    return tuple(
        sorted(p for key, p in known.items() if not any(w in known for w in p.broader() if w != key))
    )


def on(ref: Ref, *verbs: str) -> Iterator[Permission]:
    """These verbs on that very object. ``create`` as a POST has it: without the name."""
    for verb in verbs:
        yield Permission(verb, ref.kind, ref.namespace, "" if verb == "create" else ref.name)


def each(refs: Iterable[Ref], *verbs: str) -> Iterator[Permission]:
    """As ``on``, of each."""
    for ref in refs:
        yield from on(ref, *verbs)


def every(kinds: Iterable[Kind], namespace: str = "") -> Iterator[Permission]:
    """The right to list them there."""
    for kind in kinds:
        yield Permission("list", kind, namespace)


def pods_of(ref: Ref) -> Iterator[Permission]:
    """What is read to know how far the pods of a workload have come."""
    kinds = (REPLICA_SET, POD) if ref.kind.kind == "Deployment" else (POD,)
    yield from every(kinds, ref.namespace)
