"""What istioctl rendered, made ready for being applied: whole, and known to a later istioctl."""

from __future__ import annotations

import json
from typing import Any

import yaml

from upgrader.model.kinds import Obj
from upgrader.playbook.manifests import Release, documents_of

_SEPARATOR = "\n---\n"
"""What ``istioctl manifest generate`` writes between documents; a block scalar is indented and never holds it."""
_COMPONENT = "operator.istio.io/component"
_OWN = ("Pilot", "IngressGateways", "EgressGateways")
_NEEDED = ("ServiceAccount", "ConfigMap", "Service", "Deployment", "MutatingWebhookConfiguration")
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def with_owner_labels(data: bytes, version: str, namespace: str) -> bytes:
    """The same documents; a revision's own ones with the labels that ``istioctl install`` adds and ``generate`` lacks.

    Without them a later ``istioctl uninstall`` or ``install`` does not know the objects for its own. Shared objects
    keep the labels that they have on the cluster.

    Raises:
        yaml.YAMLError, ValueError, UnicodeDecodeError: as ``documents_of``.
    """
    labels = {
        "install.operator.istio.io/owning-resource-namespace": namespace,
        "operator.istio.io/managed": "Reconcile",
        "operator.istio.io/version": version,
    }
    pieces: list[str] = []
    for text in data.decode().split(_SEPARATOR):
        for body in documents_of(text):
            metadata: dict[str, Any] = body["metadata"]
            there = metadata.get("labels") or {}
            if there.get(_COMPONENT) not in _OWN:
                pieces.append(text)
                break
            marked = body | {"metadata": metadata | {"labels": labels | there}}
            pieces.append(yaml.dump(marked, Dumper=_DUMPER, sort_keys=False, width=4096))
    return "---\n".join(f"{one.rstrip()}\n" for one in pieces).encode()


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
