from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.checks.context import Context
from upgrader.checks.documents import document, documents, dug, pod_template
from upgrader.checks.network.ends import NAMES, WEBHOOK
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, Snapshot

HTTPS = 443


def webhook_port(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report an istiod whose webhooks are reached otherwise than those of a fresh installation are.

    A firewall in front of the nodes (private clusters) then lets through a port that the new istiod does not listen
    on; and two istiods on the host network cannot share a node. Sources: istio.io, setup/platform-setup/gke (the rule of a
    private cluster does not open 15017); ports of deployment.yaml and service.yaml in istio-discovery, 1.12 to 1.31.
    """
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is not None:
            yield from _port(mesh, plane)
            if dug(pod_template(mesh, plane), "spec", "hostNetwork"):
                yield from _nodes(mesh, plane)


def _port(mesh: Snapshot, plane: ControlPlane) -> Iterator[Finding]:
    service = document(mesh, "Service", plane.ref.namespace, plane.ref.name)
    listed: Any = dug(service.body, "spec", "ports") if service else None
    if not service or listed is None:
        return
    target = next((p.get("targetPort", HTTPS) for p in listed if p.get("port") == HTTPS), None)
    number = NAMES.get(target, 0) if isinstance(target, str) and not target.isdigit() else target
    if number is not None and int(number) == WEBHOOK:
        return
    name = f"{plane.ref.namespace}/{plane.ref.name}"
    said = f"its webhooks are reached on port {target}" if target else f"its Service has no port {HTTPS}"
    yield Finding(
        code="UPG-0374",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: {said}, the new istiod listens on {WEBHOOK}",
        what=(f"Service {name}: port {HTTPS} leads to {target or 'nothing'}",),
        why="a firewall between API server and nodes that opens only the old port would stop injection and validation",
        do=_firewall(mesh),
        objects=(f"Service {name}",),
    )


def _firewall(mesh: Snapshot) -> tuple[str, ...]:
    if "-gke." in mesh.cluster.version:
        return (
            "gcloud compute firewall-rules list --filter 'name~gke-.*-master'      # a private cluster's must list tcp:15017",
        )
    return (f"open port {WEBHOOK} from the API server to the nodes, or keep the old port in the overlay",)


def _nodes(mesh: Snapshot, plane: ControlPlane) -> Iterator[Finding]:
    known = [d for d in documents(mesh, "Node") if not dug(d.body, "spec", "unschedulable")]
    nodes = len(known) or mesh.nodes
    wanted = plane.replicas * 2
    if wanted <= nodes:
        return
    name = f"{plane.ref.namespace}/{plane.ref.name}"
    yield Finding(
        code="UPG-0374",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: runs on the host network, where two istiods cannot share a node",
        what=(f"{plane.replicas} pods now and as many new ones, on {nodes} nodes that take pods",),
        why="both would listen on 15010, 15012, 15014 and 15017 of the node: the new one would stay Pending",
        do=(f"add nodes until there are {wanted}, or run fewer replicas during the upgrade",),
        allowable=True,
        objects=(f"Deployment {name}",),
    )
