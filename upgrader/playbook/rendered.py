"""What istioctl rendered, made ready for being applied: whole, and known to a later istioctl."""

from __future__ import annotations

import json
from typing import Any

import yaml

from upgrader.model.kinds import Obj
from upgrader.model.version import Version
from upgrader.playbook.manifests import Release, documents_of, part_of

_SEPARATOR = "\n---\n"
"""What ``istioctl manifest generate`` writes between documents; a block scalar is indented and never holds it."""
_NEEDED = ("ServiceAccount", "ConfigMap", "Service", "Deployment", "MutatingWebhookConfiguration")
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def with_owner_labels(data: bytes, version: Version, namespace: str) -> bytes:
    """The same documents; a revision's own ones with the labels that ``istioctl install`` adds and ``generate`` lacks.

    Without them a later ``istioctl uninstall`` or ``install`` does not know the objects for its own. Shared objects
    keep the labels that they have on the cluster.

    Raises:
        yaml.YAMLError, ValueError, UnicodeDecodeError: as ``documents_of``.
    """
    owner = {
        "install.operator.istio.io/owning-resource-namespace": namespace,
        "istio.io/rev": version.revision,
        "operator.istio.io/component": "Pilot",
        "operator.istio.io/managed": "Reconcile",
        "operator.istio.io/version": str(version),
    }
    pieces = (_marked(text, owner) for text in data.decode().split(_SEPARATOR))
    return "---\n".join(f"{one.rstrip()}\n" for one in pieces if one.strip()).encode()


def _marked(text: str, labels: dict[str, str]) -> str:
    """One document; shared ones as they are, to the letter."""
    body = next(documents_of(text), None)
    if body is None or part_of(body) not in {"control-plane", "ingress-gateway"}:
        return text
    metadata: dict[str, Any] = body["metadata"]
    marked = body | {"metadata": metadata | {"labels": labels | (metadata.get("labels") or {})}}
    return str(yaml.dump(marked, Dumper=_DUMPER, sort_keys=False, width=4096))


def lacking(release: Release) -> tuple[str, ...]:
    """Kinds that every revision has and these manifests have not: the output ended too early."""
    there = {d.body["kind"] for d in release.part("control-plane")}
    return tuple(kind for kind in _NEEDED if kind not in there)


def defaults_of(data: bytes) -> Obj:
    """Helm values that a rendering without options came to; {} where the release does not write them down (before 1.26).

    Raises:
        yaml.YAMLError, ValueError, UnicodeDecodeError: as ``documents_of``.
    """
    for body in documents_of(data):
        if body["kind"] == "ConfigMap" and str(body["metadata"]["name"]).startswith("values"):
            found = json.loads((body.get("data") or {}).get("merged-values") or "{}")
            return found if isinstance(found, dict) else {}
    return {}
