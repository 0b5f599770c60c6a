"""The roles of a plan, phase by phase, as YAML that kubectl applies."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from upgrader.cluster.clean import clean_line
from upgrader.model.change import HOME, PREFIX
from upgrader.model.kinds import Obj
from upgrader.planning.permissions import Grant, Phase, Role, grants
from upgrader.planning.plan import Plan

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_API = "rbac.authorization.k8s.io"
_MANAGED: Mapping[str, str] = {"app.kubernetes.io/managed-by": "upgrade"}
_SEEN = {
    "admissionregistration.k8s.io": "who injects, who checks",
    "autoscaling": "what scales by itself",
    "networking.k8s.io": "who may talk to whom, and what enters",
    "scheduling.k8s.io": "what goes first where there is no room",
    "storage.k8s.io": "where volumes come from",
    "apiextensions.k8s.io": "definitions of Istio's kinds",
    "apps": "workloads, and how far they are rolled out",
    "batch": "jobs with proxies",
    "policy": "what may be disrupted",
    "rbac.authorization.k8s.io": "roles of istiod",
}
_CORE = {
    "namespaces": "which cluster this is, labels, proxies",
    "pods": "proxies",
    "resourcequotas": "Services, room in quotas, Endpoints written by hand",
    "endpoints": "where webhooks lead",
    "secrets": "public facts of authorities and of access to other clusters",
}
"""By API group, and by what a rule is about, the weightiest first."""
_HEAD = """\
Roles for upgrading Istio {path} on {context}, one set for each phase. {tool}

An account that has the roles of one phase can carry out that phase and nothing else. Make them with
an account that may do all of this (a role cannot grant what its maker lacks), then bind them; how is
told at the end.

Not in here, because everybody who is authenticated has it: discovery (ClusterRole system:discovery)
and asking the API server what one may do (system:basic-user).

For RBAC a dry run is the real thing: phases whose gates ask who would inject a new pod, and whether
configuration is checked, may create pods and VirtualServices there. They never store any.
"""
_MORE = {
    "look-more": "may be left out; what plan, check, verify and apply read as well, for checks alone",
    "look-secrets": "may be left out; for certificates of the authority. Whoever has it can read private keys",
}
_TAIL = """\
Whoever runs a phase, for instance a ServiceAccount of its own:

kubectl -n {home} create serviceaccount upgrader
"""


def rbac_text(plan: Plan, phases: Sequence[Phase]) -> str:
    """Every object as a YAML document, with comments that say what each rule is for, and how to bind them."""
    path = " -> ".join(plan.path) or "(no version found)"
    head = _HEAD.format(path=path, context=clean_line(plan.cluster.context), tool=plan.tool)
    parts = [_comment(head), f"---\n# the lock and the copies of records\n{_dump(_home())}"]
    for phase in phases:
        about = _comment(f"{phase.name}: {about_phase(plan, phase)}")
        parts += [f"---\n{about}{_document(phase, role)}" for role in grants(phase.rights)]
    return "".join([*parts, "---\n", _comment(_TAIL.format(home=HOME) + "\n".join(_bound(phases)))]).rstrip()


def rbac_document(plan: Plan, phases: Sequence[Phase]) -> dict[str, Any]:
    """The same for scripts: ``objects`` of each phase, and its rights one by one."""
    found = [
        {
            "name": phase.name,
            "about": about_phase(plan, phase),
            "hop": phase.hop,
            "wave": phase.wave,
            "rights": [str(right) for right in phase.rights],
            "objects": [role_object(phase, role) for role in grants(phase.rights)],
        }
        for phase in phases
    ]
    return {
        "schema": "upgrader.rbac/v1",
        "context": plan.cluster.context,
        "path": plan.path,
        "namespace": _home(),
        "phases": found,
    }


def about_phase(plan: Plan, phase: Phase) -> str:
    """What the phase does, and which command it is."""
    if phase.sort == "look":
        return "plan, check, show and status; writes nothing"
    if phase.sort == "more":
        return _MORE[phase.name]
    if phase.sort == "verify":
        return "verify; stores nothing, but asks by dry run"
    if phase.sort == "rollback":
        return f"rollback of hop {phase.hop} from wherever it stands, until its old revision is being removed"
    hop = next(h for h in plan.hops if h.number == phase.hop)
    wave = next(w for w in hop.waves if w.name == phase.wave)
    first = hop is plan.hops[0] and wave is hop.waves[0]
    until = wave.items[-1].id if len(plan.hops) > 1 else wave.name
    command = f"{'apply PLAN' if first else 'resume'} --until {until}"
    return f"{hop.source} -> {hop.target}, {wave.items[0].id} to {wave.items[-1].id}; upgrade {command}"


def role_object(phase: Phase, role: Role) -> Obj:
    """The ClusterRole, or the Role of one namespace."""
    place = {"namespace": role.namespace} if role.namespace else {}
    labels = {**_MANAGED, f"{PREFIX}/phase": phase.name}
    return {
        "apiVersion": f"{_API}/v1",
        "kind": "Role" if role.namespace else "ClusterRole",
        "metadata": {"name": _name(phase), **place, "labels": labels},
        "rules": [_rule(one) for one in role.rules],
    }


def _document(phase: Phase, role: Role) -> str:
    found = role_object(phase, role)
    rules = "".join(
        f"# {_purpose(one, role.namespace)}\n{textwrap.indent(_dump(rule), '  ').replace('  ', '- ', 1)}"
        for one, rule in zip(role.rules, found.pop("rules"), strict=True)
    )
    return f"{_dump(found)}rules:\n{rules}"


def _name(phase: Phase) -> str:
    return f"upgrader-{phase.name}"


def _rule(one: Grant) -> Obj:
    names = {"resourceNames": list(one.names)} if one.names else {}
    return {
        "apiGroups": [one.group],
        "resources": list(one.resources),
        **names,
        "verbs": list(one.verbs),
    }


def _home() -> Obj:
    """As the lock makes it where it is not there."""
    labels = {**_MANAGED, "sidecar.istio.io/inject": "false"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME, "labels": labels}}


def _purpose(one: Grant, namespace: str) -> str:
    """What a rule is for, in a few words."""
    if namespace == HOME:
        return "the lock" if "leases" in one.resources else "copies of records"
    special = {
        "pods/proxy": "what istiod says of its version and of connected proxies",
        "pods": "who would inject a new pod, by dry run" if "create" in one.verbs else "",
        "virtualservices": "whether configuration is checked, by dry run" if "create" in one.verbs else "",
    }
    told = next((special[name] for name in one.resources if special.get(name)), "")
    return told or ", ".join(_uses(one))


def _uses(one: Grant) -> Iterator[str]:
    words = {
        "escalate": "roles of istiod may hold what this account does not",
        "bind": "binding them to istiod",
        "create": "made where it is missing",
        "patch": "changed in place",
        "update": "put back as the backup has it",
        "delete": "removed",
    }
    found = [text for verb, text in words.items() if verb in one.verbs]
    if found == [words["create"], words["patch"]]:
        yield "server-side apply: made where it is missing, else changed in place"
        return
    yield from found or (_read(one),)


def _read(one: Grant) -> str:
    """What a rule that only reads is there to see."""
    if one.group.endswith("istio.io") or one.group.startswith("gateway.networking"):
        return "read: configuration of the mesh"
    core = next((_CORE[name] for name in _CORE if name in one.resources), "what belongs to istiod")
    return f"read: {_SEEN.get(one.group) or core}"


def _bound(phases: Sequence[Phase]) -> Iterator[str]:
    account = f"--serviceaccount={HOME}:upgrader"
    for phase in phases:
        name = _name(phase)
        yield ""
        yield f"{phase.name}:"
        for role in grants(phase.rights):
            if role.namespace:
                yield f"kubectl -n {role.namespace} create rolebinding {name} --role={name} {account}"
            else:
                yield f"kubectl create clusterrolebinding {name} --clusterrole={name} {account}"


def _comment(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.rstrip("\n").split("\n"))


def _dump(value: Obj) -> str:
    return str(yaml.dump(value, Dumper=_DUMPER, sort_keys=False, default_flow_style=None, width=100))
