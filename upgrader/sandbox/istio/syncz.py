"""What istiod says of one proxy at ``/debug/syncz``, in the shape of its release.

Source: ``SyncStatus`` in pilot/pkg/xds/debug.go; extensionconfig since 1.17, proxy_type since 1.18, resources since 1.23.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from upgrader.sandbox.istio.planes import Istio, annotations_of
from upgrader.sandbox.store import Obj

SYNC = "sandbox.upgrader/sync"
"""Annotation of a pod: what its proxy does with the listeners it is sent.

``rejects`` or ``stale``, then perhaps ``at=REVISION`` (only those of that revision) and ``words=TEXT`` (of the rejection),
separated by semicolons.
"""
_TYPES = {
    "cluster": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "listener": "type.googleapis.com/envoy.config.listener.v3.Listener",
    "route": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    "endpoint": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
}
_REJECTION = "Error adding/updating listener(s) 0.0.0.0_8080: unknown field"
_SENT_TIME = "2026-01-05T09:00:00Z"


def sync_status(istiod: Istio, pod: Obj, version: str) -> dict[str, Any]:
    """One proxy of *version*: in sync unless its annotation says something else."""
    meta = pod["metadata"]
    what, words = _trouble(istiod, pod)
    found: dict[str, Any] = {
        "cluster_id": "Kubernetes",
        "proxy": f"{meta['name']}.{meta['namespace']}",
        "istio_version": version,
    }
    if istiod.at_least(18):
        found["proxy_type"] = "sidecar"
    resources: dict[str, dict[str, str]] = {}
    for short, url in _TYPES.items():
        sent = hashlib.sha256(f"{meta.get('uid')} {short}".encode()).hexdigest()[:36]
        acked = "" if what and short == "listener" else sent
        error = words if what == "rejects" and short == "listener" else ""
        found |= {f"{short}_sent": sent} | ({f"{short}_acked": acked} if acked else {})
        parts = {"sent": sent, "acked": acked, "sentTime": _SENT_TIME, "lastError": error}
        resources[url] = {name: value for name, value in parts.items() if value}
    return found | {"resources": resources} if istiod.at_least(23) else found


def _trouble(istiod: Istio, pod: Obj) -> tuple[str, str]:
    """Kind, and the words of a rejection; both empty when all is well."""
    what, *rest = [part.strip() for part in annotations_of(pod).get(SYNC, "").split(";")]
    more: Mapping[str, str] = dict(part.split("=", 1) for part in rest if "=" in part)
    if more.get("at", istiod.revision) != istiod.revision:
        return "", ""
    return what, more.get("words", _REJECTION)
