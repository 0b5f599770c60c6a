"""Which kinds a snapshot cannot tell: what could not be read is not "none"."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.model.snapshot import Snapshot

_MAPS, _ROLLED = ("configmaps",), ("deployments", "statefulsets", "daemonsets")
_MADE_OF = {
    "Workload": (*_ROLLED, "jobs", "cronjobs"),
    "IstiodEnv": ("deployments",),
    "ControlPlane": ("deployments",),
    "Proxy": ("pods",),
    "MeshConfig": _MAPS,
    "InjectorValues": _MAPS,
    "InstallValues": (*_MAPS, "istiooperators"),
    "ProxyEnv": (*_MAPS, *_ROLLED, "proxyconfigs"),
    "CniEnv": (*_MAPS, "daemonsets"),
    "Cluster": (),
}
"""Resources that a view is made of."""
_FIELDS = {
    "MeshConfig": "mesh_configs",
    "InjectorValues": "injector_values",
    "InstallValues": "install_values",
}
_TYPED = frozenset({
    "Namespace", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
})  # fmt: skip
"""Read before there were documents."""


def unseen(mesh: Snapshot, revisions: frozenset[str], kind: str) -> str:
    """Why *mesh* cannot tell what objects of *kind* there are; empty when it can.

    Args:
        mesh: What was read.
        revisions: Those that the plan leaves; each has settings of its own.
        kind: As patterns name it.
    """
    return next(_reasons(mesh, revisions, kind), "")


def _reasons(mesh: Snapshot, revisions: frozenset[str], kind: str) -> Iterator[str]:
    resources = _MADE_OF.get(kind, (_resource(kind),))
    for entry in mesh.unread:
        word = entry.what.partition(" ")[0].lower()
        if {word, word.partition(".")[0], f"{word}s"} & set(resources):
            yield f"{entry.what}: {entry.why}"
    if kind in _FIELDS:
        missing = sorted(revisions - getattr(mesh, _FIELDS[kind]).keys())
        if missing:
            yield f"this snapshot has none of revision {', '.join(missing)}"
    elif kind == "Workload":
        if any(w.images and not w.template for w in mesh.workloads):
            yield "this snapshot has no pod templates"
    elif "." not in kind and kind not in {*_MADE_OF, *_TYPED} and not mesh.documents:
        yield "this snapshot has none of them"


def _resource(kind: str) -> str:
    """``Gateway.networking.istio.io`` is ``gateways.networking.istio.io``, as a list that was refused is called."""
    name, dot, group = kind.lower().partition(".")
    if name.endswith("y") and name[-2] not in "aeou":
        plural = f"{name[:-1]}ies"
    else:
        plural = name if name == "endpoints" else f"{name}{'es' if name.endswith('s') else 's'}"
    return f"{plural}{dot}{group}"
