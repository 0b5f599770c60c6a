"""Nobody grants what he may not do himself: the rule for whoever writes roles and bindings.

Seen on a kube-apiserver 1.34.4: checked before anything else of the write; ``escalate`` may be bound to the name of the
role where the name is in the URL (every patch, also one that creates), but not for a POST; changing no more than a
label is checked too.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from upgrader.sandbox.api.access.rbac import Ask
from upgrader.sandbox.api.access.roles import GROUP, Atom, atoms, groups_of
from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.errors import forbidden
from upgrader.sandbox.store import Obj

_ROLES = {"clusterroles", "roles"}
_BINDINGS = {"clusterrolebindings", "rolebindings"}


def check_grant(call: Call, new: Obj) -> None:
    """Let the write of *new* pass.

    Raises:
        ApiError: 403: it would grant what the user may not do, and he may not ``escalate`` or ``bind`` either.
    """
    resource, rbac = call.target.resource, call.backend.rbac
    if not rbac.enforced or resource.group != GROUP or call.target.subresource:
        return
    user, groups, namespace = call.request.user, call.request.groups, call.target.namespace
    held = rbac.rules_of(user, groups, namespace)
    if held is None:
        return
    if resource.plural in _ROLES:
        granted, way = new.get("rules") or (), call.ask("escalate")
    elif resource.plural in _BINDINGS:
        granted, way = _granted(call, new), _bind(call, new["roleRef"])
    else:
        return
    missing = [atom for atom in atoms(granted) if not any(atom.within(rule) for rule in held)]
    if missing and not rbac.allows(way):
        told = " ".join(f'"{group}"' for group in sorted(groups_of(user, groups)))
        why = f'user "{user}" (groups=[{told}]) is attempting to grant RBAC permissions not currently held:'
        name = new["metadata"].get("name", "")
        raise forbidden(resource.plural, name, "\n".join([why, *_compact(missing)]), GROUP)


def _granted(call: Call, binding: Obj) -> Sequence[Obj]:
    role = binding["roleRef"]
    plural = "clusterroles" if role["kind"] == "ClusterRole" else "roles"
    namespace = "" if plural == "clusterroles" else call.target.namespace
    found = call.store.get((GROUP, plural, namespace, role["name"]))
    return (found or {}).get("rules") or ()


def _bind(call: Call, role: Obj) -> Ask:
    """In the namespace of the binding, also where the role is a ClusterRole."""
    plural = "clusterroles" if role["kind"] == "ClusterRole" else "roles"
    asked = call.ask("bind")
    return msgspec.structs.replace(asked, resource=plural, name=role["name"])


def _compact(missing: Sequence[Atom]) -> list[str]:
    """Verbs of one resource in one line, quoted as Go quotes a list."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in missing:
        found.setdefault((one.group, one.resource, one.name), []).append(one.verb)
    return sorted(
        f'{{APIGroups:["{group}"], Resources:["{resource}"]'
        + (f', ResourceNames:["{name}"]' if name else "")
        + ", Verbs:["
        + " ".join(f'"{verb}"' for verb in sorted(verbs))
        + "]}"
        for (group, resource, name), verbs in found.items()
    )
