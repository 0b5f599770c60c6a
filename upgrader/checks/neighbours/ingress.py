from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Document, Snapshot

_OURS = "istio.io/"
_EDGES = {
    "ingress-nginx/controller": "ingress-nginx",
    "nginx/nginx-ingress": "NGINX Ingress Controller",
    "traefik": "Traefik",
    "kong": "Kong",
    "haproxy-ingress": "HAProxy Ingress",
    "haproxytech/kubernetes-ingress": "HAProxy Ingress",
    "emissary": "Emissary",
    "projectcontour/contour": "Contour",
}
"""Part of an image's name to the ingress controller that is in it."""
_PARTS = re.compile("|".join(map(re.escape, _EDGES)))


def other_ingress(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report ingress controllers beside Istio's gateways, above all those that have a sidecar themselves.

    Such pods are the edge of the mesh, and move in a wave like any application.
    """
    del context
    proxies = mesh.live
    edges: dict[str, str] = {}
    for workload in mesh.workloads:
        name = _controller(workload.images.values())
        if name and workload.key in proxies:
            edges[workload.key] = name
    classes = dict(_beside(mesh.documents_of("IngressClass")))
    if not edges and not classes:
        return
    yield Finding(
        code="UPG-0388",
        severity=Severity.ADVISORY,
        subject="other ingress controllers",
        summary=f"other ingress controllers: {some(sorted({*edges.values(), *classes.values()}))}"
        + (f", {len(edges)} with a sidecar" if edges else ""),
        what=(*(f"{ref}: {name}" for ref, name in edges.items()), *(f"{r}: {c}" for r, c in classes.items())),
        why="their traffic enters past the gateways: what is proved at a gateway says nothing about it"
        + (", and their restart interrupts it" if edges else ""),
        do=(
            "give the namespaces of those with a sidecar a wave of their own, and watch their error rate while it soaks"
            if edges
            else "probe one address behind them in each wave",
        ),
        objects=(*edges, *classes),
    )


def _controller(images: Iterable[str]) -> str:
    """The ingress controller that one of *images* is, or nothing."""
    found = (part for image in images for part in _PARTS.findall(image))
    return next((_EDGES[part] for part in found), "")


def _beside(documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    """Classes of other controllers: object to controller."""
    for document in documents:
        spec = document.body.get("spec")
        kept = spec if isinstance(spec, dict) else {}
        controller = str(kept.get("controller") or "")
        if controller and not controller.startswith(_OURS):
            yield str(document.ref), controller
