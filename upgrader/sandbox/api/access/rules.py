"""What one user may do in one namespace, as rules: the answer to ``kubectl auth can-i --list``."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.sandbox.api.access.rbac import Ask, Rbac
from upgrader.sandbox.api.kinds.catalogue import Catalogue, Resource
from upgrader.sandbox.store import Obj

EVERYTHING: Obj = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def rules_of(
    rbac: Rbac, catalogue: Catalogue, user: str, namespace: str, groups: tuple[str, ...] = ()
) -> list[Obj]:
    """The rules of the user's roles; without any, rules that allow all that no denial takes.

    Those are one for everything, or one per group and set of verbs.
    """
    bound = rbac.rules_of(user, groups, namespace)
    if bound is not None:
        return bound
    if not any(denial.user in {"*", user} for denial in rbac.denials):
        return [EVERYTHING]
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for resource in catalogue:
        place = namespace if resource.namespaced else ""
        for part, verbs in _parts(resource):
            ask = [Ask(user, verb, resource.group, resource.plural, part, place) for verb in verbs]
            left = tuple(one.verb for one in ask if rbac.allows(one))
            if left:
                found.setdefault((resource.group, left), []).append(ask[0].full_resource)
    return [
        {"verbs": list(verbs), "apiGroups": [group], "resources": plurals}
        for (group, verbs), plurals in found.items()
    ]


def _parts(resource: Resource) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The resource and its subresources, each with the verbs that go with it."""
    yield "", resource.verbs
    for part in sorted(resource.subresources):
        yield part, ("create", "delete", "get", "patch", "update")
