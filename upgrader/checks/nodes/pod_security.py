from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug, pod_template
from upgrader.checks.scope import moved, moving, parts_called, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

ENFORCE = "pod-security.kubernetes.io/enforce"
_STRICT = frozenset({"baseline", "restricted"})
_ALLOWED = frozenset({"RuntimeDefault", "Localhost"})


def pod_security(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report namespaces whose Pod Security level refuses what a hop starts there: istio-init, istiod, CNI, ztunnel.

    The level is asked at creation only: pods that were there before it was set keep running, and no new one starts.
    Sources: kubernetes.io, concepts/security/pod-security-standards (neither baseline nor restricted lets a pod add NET_ADMIN or
    NET_RAW, share the host network or mount its paths); istio.io, ops/deployment/application-requirements.
    """
    yield from _root(mesh, context)
    if parts_called(mesh, "Cni", "istio-cni-node") or _cni(mesh):
        return
    strict = {n.name for n in mesh.namespaces if n.labels.get(ENFORCE) in _STRICT}
    concerned: dict[str, list[str]] = {}
    for workload, _ in moved(mesh, context) if strict else ():
        if workload.gateway == "" and workload.ref.namespace in strict:
            concerned.setdefault(workload.ref.namespace, []).append(workload.name)
    for namespace, names in concerned.items():
        yield _finding(
            namespace, _level(mesh, namespace), "istio-init, which adds NET_ADMIN and NET_RAW",
            (f"concerned: {some(names)}",),
            "install the Istio CNI plugin, or: ",
        )  # fmt: skip


def _root(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Parts of Istio in their own namespaces."""
    for kind, name, component in (
        ("DaemonSet", "istio-cni-node", "Cni"),
        ("DaemonSet", "ztunnel", "Ztunnel"),
    ):
        found = {d.ref.namespace for d in documents(mesh, kind) if d.ref.name == name}
        found |= {part.partition(" ")[2].partition("/")[0] for part in parts_called(mesh, component, name)
                  if part.startswith(f"{kind} ")}  # fmt: skip
        for namespace in sorted(found):
            if _level(mesh, namespace) in _STRICT:
                said = f"{name}, which needs the node"
                yield _finding(
                    namespace, _level(mesh, namespace), said, (f"concerned: {kind} {namespace}/{name}",), ""
                )
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is None or _level(mesh, plane.ref.namespace) != "restricted":
            continue
        spec = dug(pod_template(mesh, plane), "spec")
        if spec and not _has_seccomp(spec):
            said = "istiod without a seccomp profile"
            yield _finding(
                plane.ref.namespace, "restricted", said, (f"concerned: {plane.ref}",),
                "set pilot.seccompProfile.type=RuntimeDefault in the values, or: ",
            )  # fmt: skip


def _finding(namespace: str, level: str, who: str, what: tuple[str, ...], first: str) -> Finding:
    return Finding(
        code="UPG-0384",
        severity=Severity.BLOCKED,
        subject=f"Namespace {namespace}",
        summary=f"Namespace {namespace}: its Pod Security level {level} refuses {who}",
        what=what,
        why="the level is asked when a pod is created: what runs was there before, or is exempted in a way that was not seen",
        do=(
            *((first.removesuffix(", or: "),) if first else ()),
            f"kubectl label namespace {namespace} {ENFORCE}=privileged --overwrite",
        ),
        allowable=True,
        objects=(f"Namespace {namespace}",),
    )


def _level(mesh: Snapshot, namespace: str) -> str:
    found = mesh.namespace(namespace)
    return found.labels.get(ENFORCE, "") if found else ""


def _cni(mesh: Snapshot) -> bool:
    """Whether an injector relies on the CNI plugin (``istio_cni.enabled`` before 1.24, ``pilot.cni.enabled`` since)."""
    said: list[Any] = [
        dug(values, *path)
        for values in mesh.injector_values.values()
        for path in (("istio_cni", "enabled"), ("pilot", "cni", "enabled"))
    ]
    return any(said)


def _has_seccomp(spec: dict[str, Any]) -> bool:
    pod = dug(spec, "securityContext", "seccompProfile", "type")
    each = [dug(c, "securityContext", "seccompProfile", "type") or pod for c in spec.get("containers") or ()]
    return bool(each) and all(kind in _ALLOWED for kind in each)
