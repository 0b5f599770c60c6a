"""One advisory asked of a mesh, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tests.checks.asking import context
from tests.meshes import Mesh, mesh
from upgrader.catalog.advisory import Advisory
from upgrader.checks.advisories.check import detected, upgrade_notes
from upgrader.checks.advisories.world import World
from upgrader.model.answer import Answer
from upgrader.model.codec import digest
from upgrader.model.finding import Finding
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.snapshot import CustomResource, Document

PATH = "1.27.9 1.28.10"
GROUP = "networking.istio.io"


def advice(*detect: Mapping[str, Any], **fields: Any) -> Advisory:
    """An advisory for moving onto 1.28, with these detectors."""
    settings = {
        "id": "1.28-port-22",
        "title": "Port 22 is closed",
        "area": "traffic",
        "severity": "breaking",
        "change": "It was open.",
        "do": ["open it"],
        "source": ["istio/istio 1.28.0 somewhere"],
        "seen": "2026-11-01",
        "detect": list(detect),
    }
    return msgspec.convert(settings | fields, Advisory)


def custom(kind: str, name: str, spec: Any, *, group: str = GROUP, **fields: Any) -> CustomResource:
    """An Istio object; *fields* of its metadata."""
    namespace, _, short = name.partition("/")
    metadata = {"name": short, "namespace": namespace, **fields}
    body: Obj = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": spec}
    made = Kind(group, "v1", f"{kind.lower()}s", kind)
    labels = fields.get("labels", {})
    return CustomResource(
        ref=Ref(made, short, namespace), uid=f"uid-{name}", labels=labels, digest=digest(body), body=body
    )


def document(kind: str, name: str, body: Obj, **fields: Any) -> Document:
    """An object of Kubernetes."""
    namespace, _, short = name.rpartition("/")
    return Document(ref=Ref(Kind("", "v1", f"{kind.lower()}s", kind), short, namespace), body=body, **fields)


def cluster(*resources: CustomResource, documents: tuple[Document, ...] = (), **fields: Any) -> Mesh:
    """A mesh with one control plane, of which everything was read."""
    nothing: dict[str, Obj] = {"1-27-9": {}}
    settings = {"mesh_configs": nothing, "injector_values": nothing, "install_values": nothing}
    node = document("Node", "n1", {"status": {"nodeInfo": {"kubeletVersion": "v1.33.4"}}})
    built = mesh().plane("1.27.9", env=fields.pop("env", {}))
    return built.having(**(settings | {"resources": resources, "documents": (node, *documents)} | fields))


def findings(
    one: Advisory, built: Mesh, path: str = PATH, answers: tuple[Answer, ...] = (), **fields: Any
) -> list[Finding]:
    """What the check says, when *one* is all that is known."""
    asked = context(path, advisories={one.minor: (one,)}, answers={a.id: a for a in answers}, **fields)
    return list(upgrade_notes(built.snapshot(), asked))


def hits(one: Advisory, built: Mesh, path: str = PATH, **fields: Any) -> list[str]:
    """Objects and fields that its detectors name."""
    world = World(built.snapshot(), context(path, **fields))
    return [str(hit) for hit in detected(one, world)]
