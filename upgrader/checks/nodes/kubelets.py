from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog.query import minor_of
from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug
from upgrader.checks.nodes.fields import info, is_linux
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

NATIVE = (1, 29)
"""Kubelets from here on keep an init container running that has restartPolicy Always (KEP 753, beta and on by default)."""
FLAG = "ENABLE_NATIVE_SIDECARS"
_WIDER = (1, 25)


def kubelets(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report kubelets that are out of step with the API server, or too old for native sidecars that somebody asked for.

    Skew: kubernetes.io, releases/version-skew-policy: never newer than the API server, at most three minors older (two
    for kubelets before 1.25). Native sidecars by themselves (from Istio 1.27 on) only use nodes that can.
    """
    server = minor_of(mesh.cluster.version)
    found = {n.ref.name: minor_of(info(n, "kubeletVersion")) for n in documents(mesh, "Node") if is_linux(n)}
    known = {name: minor for name, minor in found.items() if minor is not None}
    if server is not None:
        newer = [n for n, minor in known.items() if minor > server]
        older = [n for n, minor in known.items() if server[1] - minor[1] > (3 if minor >= _WIDER else 2)]
        if newer or older:
            yield _skew(mesh, newer, older)
    old = [n for n, minor in known.items() if minor < NATIVE]
    if old and _native(mesh, context):
        yield _too_old(old)


def _native(mesh: Snapshot, context: Context) -> bool:
    """Whether somebody turned native sidecars on, instead of leaving it to istiod."""
    for revision in moving(mesh, context):
        plane = mesh.plane(revision)
        values = mesh.install_values.get(revision) or {}
        asked = dug(values.get("values") or values, "pilot", "env", FLAG)
        if (plane and plane.env.get(FLAG) == "true") or str(asked).lower() == "true":
            return True
    return False


def _skew(mesh: Snapshot, newer: list[str], older: list[str]) -> Finding:
    said = [f"{len(newer)} newer than"] * bool(newer) + [f"{len(older)} too old for"] * bool(older)
    return Finding(
        code="UPG-0381",
        severity=Severity.ADVISORY,
        subject="kubelets",
        summary=f"kubelets: {' and '.join(said)} the API server ({mesh.cluster.version})",
        what=tuple(f"{word}: {some(n)}" for word, n in (("newer", newer), ("too old", older)) if n),
        why="Kubernetes supports kubelets up to three minors older than its API server, and none that is newer",
        do=("kubectl get nodes      # finish the upgrade of Kubernetes first",),
        objects=tuple(f"Node {name}" for name in (*newer, *older)),
    )


def _too_old(old: list[str]) -> Finding:
    return Finding(
        code="UPG-0381",
        severity=Severity.BLOCKED,
        subject="native sidecars",
        summary=f"native sidecars: turned on with {FLAG}, and {len(old)} kubelets do not know them",
        what=(f"older than {NATIVE[0]}.{NATIVE[1]}: {some(old)}",),
        why="such a kubelet waits for the proxy to end before it starts the application, which then never starts",
        do=(f"bring the nodes to a newer Kubernetes, or leave {FLAG} out of the values of the new revision",),
        allowable=True,
        objects=tuple(f"Node {name}" for name in old),
    )
