"""Rights as Role and ClusterRole objects have them: as few rules as say exactly that and no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from upgrader.planning.permissions.permission import Permission

Words = tuple[str, ...]


class Grant(msgspec.Struct, frozen=True, order=True):
    """One rule. Every verb is allowed on every resource, under every one of *names* (empty: under all)."""

    group: str
    resources: Words
    verbs: Words
    names: Words = ()


class Role(msgspec.Struct, frozen=True, order=True):
    """The rules of one namespace; of the whole cluster where *namespace* is empty."""

    namespace: str
    rules: tuple[Grant, ...]


def grants(rights: Iterable[Permission]) -> tuple[Role, ...]:
    """The roles that give *rights*: one for the cluster, if any is about it, and one per namespace."""
    places: dict[str, list[Permission]] = {}
    for right in rights:
        places.setdefault(right.namespace, []).append(right)
    return tuple(Role(namespace, _rules(found)) for namespace, found in sorted(places.items()))


def _rules(rights: Sequence[Permission]) -> tuple[Grant, ...]:
    """Names of one verb together, then verbs that share names, then resources that share both."""
    names: dict[tuple[str, str, str], set[str]] = {}
    for right in rights:
        names.setdefault((*right.resource, right.verb), set()).add(right.name)
    verbs: dict[tuple[str, str, Words], set[str]] = {}
    for (group, plural, verb), found in names.items():
        verbs.setdefault((group, plural, _all(found)), set()).add(verb)
    resources: dict[tuple[str, Words, Words], set[str]] = {}
    for (group, plural, under), able in verbs.items():
        resources.setdefault((group, tuple(sorted(able)), under), set()).add(plural)
    rules = ((Grant(g, tuple(sorted(r)), v, n)) for (g, v, n), r in resources.items())
    return tuple(sorted(rules))


def _all(names: set[str]) -> Words:
    return () if "" in names else tuple(sorted(names))
