"""Objects of Kubernetes in a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.model.kinds import Obj
from upgrader.model.snapshot import ControlPlane, Document, Snapshot


def documents(mesh: Snapshot, kind: str, namespace: str = "") -> Iterator[Document]:
    """Every document of *kind* (``Node``), of one namespace where one is given."""
    for document in mesh.documents_of(kind):
        if not namespace or document.ref.namespace == namespace:
            yield document


def document(mesh: Snapshot, kind: str, namespace: str, name: str) -> Document | None:
    """The document of that kind and name, or None."""
    return next((d for d in documents(mesh, kind, namespace) if d.ref.name == name), None)


def dug(body: Any, *path: str) -> Any:
    """What is at *path* inside mappings; None as soon as one of them is not there."""
    for key in path:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


def pod_template(mesh: Snapshot, plane: ControlPlane) -> Obj:
    """The pod template of an istiod, empty where its Deployment is not among the documents."""
    found = document(mesh, "Deployment", plane.ref.namespace, plane.ref.name)
    return dug(found.body, "spec", "template") or {} if found else {}
