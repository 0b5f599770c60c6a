"""What Role and ClusterRole objects and their bindings allow: the RBAC authorizer of a real API server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import msgspec

from upgrader.sandbox.store import Obj, Store

GROUP = "rbac.authorization.k8s.io"
AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"
_ACCOUNT = "system:serviceaccount:"
_ANYBODY: tuple[Obj, ...] = (
    {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    },
    {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
)
"""ClusterRole ``system:basic-user``; that of discovery is not asked, for every path of it is open here."""


class Atom(msgspec.Struct, frozen=True):
    """One verb on one resource of one group, under one name; ``*`` and an empty name are as in a rule."""

    verb: str
    group: str
    resource: str
    name: str = ""

    def within(self, rule: Obj) -> bool:
        """Whether *rule* allows it."""
        names = rule.get("resourceNames") or ()
        return (
            _has(rule.get("verbs"), self.verb)
            and _has(rule.get("apiGroups"), self.group)
            and _covers(rule.get("resources") or (), self.resource)
            and (not names or self.name in names)
        )


def groups_of(user: str, told: Sequence[str] = ()) -> frozenset[str]:
    """The groups of a user: those he came with, and those that everybody, or every service account, is in."""
    found = {*told, AUTHENTICATED}
    if user.startswith(_ACCOUNT):
        namespace = user.removeprefix(_ACCOUNT).partition(":")[0]
        found |= {"system:serviceaccounts", f"system:serviceaccounts:{namespace}"}
    return frozenset(found)


def rules_for(store: Store, user: str, groups: frozenset[str], namespace: str) -> Iterator[Obj]:
    """Every rule that holds for the user there; in no namespace those of cluster-wide bindings only.

    A binding whose role is not there grants nothing.
    """
    yield from _ANYBODY
    for binding in store.list(GROUP, "clusterrolebindings"):
        if _binds(binding, user, groups, ""):
            yield from _rules(store, binding["roleRef"], "")
    if not namespace:
        return
    for binding in store.list(GROUP, "rolebindings", namespace):
        if _binds(binding, user, groups, namespace):
            yield from _rules(store, binding["roleRef"], namespace)


def atoms(rules: Sequence[Obj]) -> Iterator[Atom]:
    """The rules taken apart."""
    for rule in rules:
        parts = (rule.get("verbs"), rule.get("apiGroups"), rule.get("resources"))
        names = rule.get("resourceNames") or [""]
        for verb, group, resource, name in product(*(part or () for part in parts), names):
            yield Atom(verb, group, resource, name)


def _rules(store: Store, role: Obj, namespace: str) -> Sequence[Obj]:
    if role.get("kind") == "ClusterRole":
        found = store.get((GROUP, "clusterroles", "", role["name"]))
    else:
        found = store.get((GROUP, "roles", namespace, role["name"]))
    return (found or {}).get("rules") or ()


def _binds(binding: Obj, user: str, groups: frozenset[str], namespace: str) -> bool:
    return any(_is(subject, user, groups, namespace) for subject in binding.get("subjects") or ())


def _is(subject: Obj, user: str, groups: frozenset[str], namespace: str) -> bool:
    kind, name = subject.get("kind"), str(subject.get("name", ""))
    if kind == "Group":
        return name in groups
    if kind == "ServiceAccount":
        name = f"{_ACCOUNT}{subject.get('namespace') or namespace}:{name}"
    return name == user


def _has(words: Any, word: str) -> bool:
    return bool(words) and ("*" in words or word in words)


def _covers(resources: Sequence[str], resource: str) -> bool:
    """``*/scale`` stands for that subresource of everything; ``pods`` says nothing about ``pods/log``."""
    if "*" in resources or resource in resources:
        return True
    _, slash, part = resource.partition("/")
    return bool(slash) and f"*/{part}" in resources
