"""What of a snapshot a plan depends on, as one digest."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from upgrader.cluster.read import text_of
from upgrader.model.codec import digest
from upgrader.model.injector import unusual
from upgrader.model.kinds import CRON_JOB, JOB
from upgrader.model.snapshot import ControlPlane, Crowd, Namespace, Snapshot, Workload

_PASSING = frozenset({JOB.kind, "Pod"})
"""Come and go by themselves."""
_PACE = frozenset({"replicas", "settled", "template", "min_ready", "progress_deadline"})
"""What only says how a restart goes, and not where it leads."""
_LASTING = tuple(f for f in Workload.__struct_fields__ if f not in _PACE)
"""What a plan depends on of a workload."""
_lasting = attrgetter(*_LASTING)
_Kept = msgspec.defstruct("_Kept", [(name, Any) for name in (*_LASTING, "live")])
"""Those of one workload; as JSON what a mapping of them is, and quicker to make."""


def snapshot_digest(mesh: Snapshot) -> str:
    """SHA-256 of the facts: equal while nothing that matters changed, however often pods were replaced or scaled.

    Left out: the moment, the name of the context, names and numbers of pods, what is ready, Jobs, namespaces and
    kinds that have nothing to do with the mesh, and what only checks ask about (documents, settings, certificates, the
    rest of pod templates). Kept: who serves each workload with which image, all that selects
    and binds, all configuration, what is installed, and what could not be read.
    """
    facts: dict[str, Any] = {
        "cluster": [mesh.cluster.uid, mesh.cluster.version],
        "root": [mesh.root_namespace, mesh.config_root],
        "planes": [_plane(p) for p in mesh.control_planes],
        "injectors": mesh.injectors,
        "validators": mesh.validators,
        "tags": mesh.tag_services,
        "namespaces": _namespaces(mesh),
        "workloads": [
            _Kept(*_lasting(w), w.replicas > 0) for w in mesh.workloads if w.ref.kind.kind not in _PASSING
        ],
        "proxies": _proxies(mesh.crowds),
        "gateways": mesh.api_gateways,
        "resources": [(r.ref, r.uid, r.digest) for r in mesh.resources],
        "definitions": mesh.definitions,
        "disruptions": [(d.ref, d.selector, d.min_available, d.max_unavailable) for d in mesh.disruptions],
        "belongings": mesh.belongings,
        "services": mesh.services,
        "unread": [(u.what, u.why) for u in mesh.unread if not u.optional],
    }
    # a snapshot may be older than this question, so what is as usual is left out
    if own := unusual(mesh.injector_settings):
        facts["injecting"] = own
    return digest(facts)


def _plane(plane: ControlPlane) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(plane)
    return {k: v for k, v in facts.items() if k not in {"ready", "settled", "replicas"}} | {
        "live": plane.replicas > 0
    }


def _namespaces(mesh: Snapshot) -> list[Namespace]:
    inside = {w.ref.namespace for w in mesh.workloads} | {*mesh.owners.values()}
    return [n for n in mesh.namespaces if n.name in inside or any("istio" in key for key in n.labels)]


def _proxies(crowds: Iterable[Crowd]) -> list[tuple[str, ...]]:
    """What is running, without how often."""
    text = cache(text_of)
    kinds = {
        (c.workload, c.kind, c.revision, text(c.image), str(c.native), c.pinned)
        for c in crowds
        if c.workload.partition(" ")[0] not in {*_PASSING, CRON_JOB.kind}
    }
    return sorted(kinds)
